package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upBackupSchedule, downBackupSchedule)
}

// The schedule that a shop begins with. A cron expression is in UTC.
const (
	backupNightly = "40 18 * * *" // 02:40 in Beijing
	backupsKept   = 7
)

// upBackupSchedule makes a backup every night and keeps those of a week, where no schedule was set: a shop without a backup is lost with its disk.
func upBackupSchedule(app core.App) error {
	s := app.Settings()
	if s.Backups.Cron != "" {
		return nil
	}
	s.Backups.Cron, s.Backups.CronMaxKeep = backupNightly, backupsKept
	return app.Save(s)
}

// downBackupSchedule takes our schedule away, and no other.
func downBackupSchedule(app core.App) error {
	s := app.Settings()
	if s.Backups.Cron != backupNightly {
		return nil
	}
	s.Backups.Cron, s.Backups.CronMaxKeep = "", 3
	return app.Save(s)
}

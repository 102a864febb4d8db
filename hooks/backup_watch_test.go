package hooks_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestAlertOfBackups: a shop without a backup is told, and so is one whose backup fails; a backup that works closes both.
func TestAlertOfBackups(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	app := apptest.New(t, func(c *hooks.Config) {
		c.Sim, c.Out, c.ProbeEvery, c.BackupHours = false, io.Discard, 20*time.Millisecond, 24
		now := c.Now
		c.Now = func() time.Time {
			if broken.Load() {
				return now().AddDate(1, 0, 0) // the folder is of today
			}
			return now()
		}
	})
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "backup", "subject": "age"}, isOpenAlert)
	app.OnBackupCreate().Bind(&hook.Handler[*core.BackupEvent]{Id: "test", Priority: 9998, Func: func(e *core.BackupEvent) error {
		if broken.Load() {
			return errors.New("the bucket is away")
		}
		return e.Next()
	}})
	if err := app.CreateBackup(context.Background(), "one.zip"); err == nil {
		t.Fatal("the backup worked, want an error")
	}
	waitFor(t, app, "wx_alerts", dbx.HashExp{"kind": "backup", "subject": "failed"}, isOpenAlert)
	broken.Store(false)
	if err := app.CreateBackup(context.Background(), "two.zip"); err != nil {
		t.Fatal(err)
	}
	if got := openAlerts(t, app, "backup"); len(got) != 0 {
		t.Errorf("after a backup that works: got open alerts %q, want none", got)
	}
}

func isOpenAlert(r *core.Record) bool { return r.GetDateTime("closedAt").IsZero() }

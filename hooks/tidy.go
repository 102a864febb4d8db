package hooks

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// How long rows are kept that nothing rests on any more.
const (
	keepMessages = 90 * 24 * time.Hour
	keepChecks   = 30 * 24 * time.Hour // of checks that belong to no record
)

// scheduleTidying forgets, once a night, what only takes room.
func (p *Plugin) scheduleTidying(app core.App) {
	app.Cron().MustAdd("wxTidy", "20 19 * * *", p.tidy) // 03:20 in Beijing
}

func (p *Plugin) tidy() {
	p.sweepQuotas()
	p.sweepLinks()
	for _, old := range []struct {
		table string
		where string
		keep  time.Duration
	}{
		{"wx_messages", "created < {:then}", keepMessages},
		{"wx_checks", "record = '' AND image = '' AND created < {:then}", keepChecks},
	} {
		then := dbx.Params{"then": p.now().Add(-old.keep).UTC().Format(dbTime)}
		_, err := p.app.NonconcurrentDB().Delete(old.table, dbx.NewExp(old.where, then)).Execute()
		p.logErr("tidying of "+old.table, err)
	}
	p.logErr("tidying of the log", trimLogs(p.app, keepLogRows))
}

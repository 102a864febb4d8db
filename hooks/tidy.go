package hooks

// What is forgotten. Most tables that grow with every visitor are only of use for a while, and a night's job deletes what is older than the
// shop wants to keep. Payments, refunds, orders, the ledger, bills, identities and invitations are never deleted, and neither is a row that
// still waits for something: a notification that matches nothing, an effect that is not done. A table that is not in tidyRules is not touched.

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
	"wxbase/internal/parcels"
)

// How long rows are kept that nothing rests on any more, where no setting says otherwise.
const (
	keepMessages = 90 * 24 * time.Hour
	keepChecks   = 30 * 24 * time.Hour // of checks that belong to no record
	keepInbox    = 180 * 24 * time.Hour
	keepOutbox   = 90 * 24 * time.Hour
	keepScans    = 400 * 24 * time.Hour // a year can be compared with the one before
)

// tidyBatch is how many rows one statement deletes. Nobody can write meanwhile, so that it has to be short.
const tidyBatch = 500

// tidyRule says which rows of a table may go. where speaks of {:then}, before which a row is too old, and {:day}, the day of that in Beijing.
type tidyRule struct {
	table string
	where string
	keep  time.Duration // below zero: for ever
}

// tidyRules lists everything that is ever deleted for its age.
//
// note: a shipment that WeChat has is a row of the outbox too, and the only record of what it was told; it stays.
func (p *Plugin) tidyRules() []tidyRule {
	return []tidyRule{
		{"wx_inbox", "state IN ('APPLIED', 'REPEATED', 'REFUSED') AND created < {:then} AND updated < {:then}", p.cfg.KeepInbox},
		{"wx_outbox", "doneAt != '' AND effect != '" + parcels.EffectUpload + "' AND doneAt < {:then}", p.cfg.KeepOutbox},
		{"wx_scans", "day < {:day}", p.cfg.KeepScans},
		{"wx_messages", "created < {:then}", keepMessages},
		{"wx_checks", "record = '' AND image = '' AND created < {:then}", keepChecks},
	}
}

// scheduleTidying forgets, once a night, what only takes room. Logs are PocketBase's to forget, after the days of its own setting.
func (p *Plugin) scheduleTidying(app core.App) {
	app.Cron().MustAdd("wxTidy", "20 19 * * *", p.tidy) // 03:20 in Beijing
}

func (p *Plugin) tidy() {
	p.books.SweepQuotas()
	p.codes.SweepLinks()
	for _, rule := range p.tidyRules() {
		if rule.keep < 0 {
			continue
		}
		n, err := p.tidyTable(rule)
		p.books.LogError("tidying of "+rule.table, err)
		if n > 0 {
			p.app.Logger().Info("old rows were deleted", "table", rule.table, "rows", n, "keptDays", int(rule.keep.Hours()/24))
		}
	}
	p.books.LogError("tidying of the log", trimLogs(p.app, keepLogRows))
}

// tidyTable deletes the old rows of a table, some at a time: a shop that has never tidied may have millions, and people go on paying.
func (p *Plugin) tidyTable(rule tidyRule) (deleted int64, err error) {
	then := p.now().Add(-rule.keep)
	params := dbx.Params{"then": then.UTC().Format(days.Stored), "day": then.In(days.Beijing()).Format(time.DateOnly), "most": tidyBatch}
	statement := fmt.Sprintf("DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE %[2]s LIMIT {:most})", rule.table, rule.where)
	for {
		result, err := p.app.NonconcurrentDB().NewQuery(statement).Bind(params).Execute()
		if err != nil {
			return deleted, fmt.Errorf("delete old rows: %w", err)
		}
		n, err := result.RowsAffected()
		deleted += n
		if err != nil || n < tidyBatch {
			return deleted, err
		}
	}
}

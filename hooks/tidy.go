package hooks

// What is forgotten. Most tables that grow with every visitor are only of use for a while, and a night's job deletes what is older than the
// shop wants to keep. Payments, refunds, orders, the ledger, bills, identities and invitations are never deleted, and neither is a row that
// still waits for something: a notification that matches nothing, an effect that is not done. A table that is not in tidyRules is not touched.

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/codes"
	"wxbase/internal/days"
	"wxbase/internal/parcels"
)

// How long rows are kept that nothing rests on any more, where no setting says otherwise.
const (
	keepMessages = 90 * 24 * time.Hour
	keepChecks   = 30 * 24 * time.Hour // of checks that belong to no record
	keepInbox    = 180 * 24 * time.Hour
	keepOutbox   = 90 * 24 * time.Hour
	keepChats    = 180 * 24 * time.Hour // package chats deletes them, with their pictures
	keepScans    = 400 * 24 * time.Hour // a year can be compared with the one before
	keepAlerts   = 400 * 24 * time.Hour // after they were closed
)

// tidyBatch is how many rows one statement deletes. Nobody can write meanwhile, so that it has to be short.
const tidyBatch = 500

// tidyRule says which rows of a table may go. where speaks of {:then}, before which a row is too old, and {:day}, the day of that in Beijing.
type tidyRule struct {
	table string
	where string
	keep  time.Duration // below zero: for ever
}

// tidier deletes what is old. A keep below zero is for ever.
type tidier struct {
	app   core.App
	now   func() time.Time
	books *books.Books
	codes *codes.Codes

	KeepInbox, KeepOutbox, KeepScans time.Duration
}

// tidyRules lists everything that is ever deleted for its age.
//
// note: a shipment that WeChat has is a row of the outbox too, and the only record of what it was told; it stays.
func (t *tidier) tidyRules() []tidyRule {
	return []tidyRule{
		{"wx_inbox", "state IN ('APPLIED', 'REPEATED', 'REFUSED', 'CLOSED') AND created < {:then} AND updated < {:then}", t.KeepInbox},
		{"wx_outbox", "doneAt != '' AND effect != '" + parcels.EffectUpload + "' AND doneAt < {:then}", t.KeepOutbox},
		{"wx_scans", "day < {:day}", t.KeepScans},
		{"wx_alerts", "closedAt != '' AND closedAt < {:then}", keepAlerts},
		{"wx_messages", "created < {:then}", keepMessages},
		{"wx_checks", "record = '' AND image = '' AND created < {:then}", keepChecks},
	}
}

// scheduleTidying forgets, once a night, what only takes room. Logs are PocketBase's to forget, after the days of its own setting.
func (t *tidier) scheduleTidying(app core.App) {
	app.Cron().MustAdd("wxTidy", "20 19 * * *", t.tidy) // 03:20 in Beijing
}

func (t *tidier) tidy() {
	t.books.SweepQuotas()
	t.codes.SweepLinks()
	for _, rule := range t.tidyRules() {
		if rule.keep < 0 {
			continue
		}
		n, err := t.tidyTable(rule)
		t.books.LogError("tidying of "+rule.table, err)
		if n > 0 {
			t.app.Logger().Info("old rows were deleted", "table", rule.table, "rows", n, "keptDays", int(rule.keep.Hours()/24))
		}
	}
	t.books.LogError("tidying of the log", trimLogs(t.app, keepLogRows))
}

// tidyTable deletes the old rows of a table, some at a time: a shop that has never tidied may have millions, and people go on paying.
func (t *tidier) tidyTable(rule tidyRule) (deleted int64, err error) {
	then := t.now().Add(-rule.keep)
	params := dbx.Params{"then": then.UTC().Format(days.Stored), "day": then.In(days.Beijing()).Format(time.DateOnly), "most": tidyBatch}
	statement := fmt.Sprintf("DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE %[2]s LIMIT {:most})", rule.table, rule.where)
	for {
		result, err := t.app.NonconcurrentDB().NewQuery(statement).Bind(params).Execute()
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

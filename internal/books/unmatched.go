package books

// Money for an unknown number waits for an explanation. It leaves the list when there is one: it was ours after all, a
// rule says that it is another program's, it was refunded, or a person closes it with a reason. Its alert closes with
// it.

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
)

// InboxClosed is a notification about money that is explained as not ours: it waits for nobody.
const InboxClosed = "CLOSED"

// CloseUnmatched closes the unmatched rows of a merchant's number, in the given app or transaction, and their alert. by
// is the person or rule that explains it.
func (b *Books) CloseUnmatched(app core.App, merchant, number, by, reason string) error {
	if waits, err := isUnmatched(app, merchant, number); err != nil || !waits {
		return err
	}
	now := b.now().UTC().Format(days.Stored)
	err := app.RunInTransaction(func(tx core.App) error { // note: a closed row with an open alert would call a person endlessly
		err := Exec(tx, "UPDATE `wx_inbox` SET `state` = 'CLOSED', `closedBy` = ?, `closedReason` = ?, `updated` = ? WHERE `state` = 'UNMATCHED' AND `source` = ? AND `ref` = ?",
			Clip(by, 200), Clip(reason, 600), now, merchant, number)
		if err != nil {
			return err
		}
		return b.Settle(tx, AlertUnmatched, merchant+"/"+number, by)
	})
	if err != nil {
		return fmt.Errorf("close unmatched %s: %w", number, err)
	}
	return nil
}

// isUnmatched tells whether a merchant's number waits for an explanation. Each payment asks, and hardly one does: a read is cheaper
// than two statements that change nothing.
func isUnmatched(app core.App, merchant, number string) (waits bool, err error) {
	err = Row(app, "SELECT EXISTS (SELECT 1 FROM `wx_inbox` WHERE `state` = 'UNMATCHED' AND `source` = ? AND `ref` = ?)"+
		" OR EXISTS (SELECT 1 FROM `wx_alerts` WHERE `kind` = ? AND `subject` = ? AND `closedAt` = '')",
		[]any{merchant, number, string(AlertUnmatched), alertSubject(merchant + "/" + number)}, &waits)
	if err != nil {
		return false, fmt.Errorf("find unmatched %s: %w", number, err)
	}
	return waits, nil
}

// CloseInbox closes one unmatched row for a person, and its alert: that of its number, or the one that names the row
// when the number is a refund's. It tells whether the row was waiting.
func (b *Books) CloseInbox(app core.App, id, by, reason string) (closed bool, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		row, err := ByID(tx, "wx_inbox", id)
		if err != nil || row.GetString("state") != InboxUnmatched {
			return err
		}
		closed = true
		row.Load(map[string]any{"state": InboxClosed, "closedBy": Clip(by, 200), "closedReason": Clip(reason, 600)})
		if err := Write(tx, row); err != nil {
			return err
		}
		left, err := tx.CountRecords("wx_inbox", dbx.HashExp{"state": InboxUnmatched, "source": row.GetString("source"), "ref": row.GetString("ref")})
		if err != nil || left > 0 {
			return err
		}
		return b.settleAlertOf(tx, row, by)
	})
	if err != nil {
		return false, fmt.Errorf("close inbox row %s: %w", id, err)
	}
	return closed, nil
}

func (b *Books) settleAlertOf(tx core.App, row *core.Record, by string) error {
	if err := b.Settle(tx, AlertUnmatched, row.GetString("source")+"/"+row.GetString("ref"), by); err != nil {
		return err
	}
	alerts, err := tx.FindAllRecords("wx_alerts", dbx.HashExp{"kind": string(AlertUnmatched), "closedAt": ""},
		dbx.NewExp("json_extract([[details]], '$.inbox') = {:key}", dbx.Params{"key": row.GetString("dedupeKey")}))
	for _, alert := range alerts {
		if err := b.Settle(tx, AlertUnmatched, alert.GetString("subject"), by); err != nil {
			return err
		}
	}
	return err
}

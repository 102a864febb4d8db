package hooks

// What a person must see is a row of wx_alerts, not a log line: it outlives the process, stands once however often the same thing
// happens, and stays until somebody closes it or its cause has passed.

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
	"wxbase/internal/redact"
)

// alertKind is what an alert is about; docs/configuration.md tells what to do for each.
type alertKind string

const (
	alertDisputed  alertKind = "disputed"  // a payment that does not fit our books; the subject is the payment
	alertUnmatched alertKind = "unmatched" // money for a number that is not in our books; the number
	alertRefund    alertKind = "refund"    // a refund that needs a person; the refund
	alertBill      alertKind = "bill"      // a day of WeChat's bill; merchant and day
	alertSecret    alertKind = "secret"    // a stored secret does not open; collection and row
	alertHooks     alertKind = "hooks"     // JavaScript that was not loaded, or was stopped; the file
	alertEffect    alertKind = "effect"    // an effect that was given up or keeps failing; its key
	alertDisk      alertKind = "disk"      // no room, or writing fails; what is short
	alertShipping  alertKind = "shipping"  // shipping information that WeChat refused; the order
	alertBackup    alertKind = "backup"    // none, too old, or it does not open
	alertPayment   alertKind = "payment"   // a payment that WeChat refused or that went an odd way; the merchant or the payment
)

// Limits of a row.
const (
	maxAlertSubject = 200
	maxAlertDetails = 8_000
)

// raise writes the open row of a kind and subject, in the given app or transaction. A repeat counts, and brings its details up to date.
//
// note: inside a transaction nothing is sent: a webhook is told by the outbox once the row is committed.
func (b *books) raise(app core.App, kind alertKind, subject string, details map[string]any) error {
	subject = clip(strings.ToValidUTF8(subject, "�"), maxAlertSubject)
	text, err := alertDetails(details)
	if err != nil {
		return fmt.Errorf("raise %s of %s: %w", kind, subject, err)
	}
	err = app.RunInTransaction(func(tx core.App) error { return b.raiseIn(tx, kind, subject, text) })
	if err != nil {
		return fmt.Errorf("raise %s of %s: %w", kind, subject, err)
	}
	return nil
}

func (b *books) raiseIn(tx core.App, kind alertKind, subject string, details json.RawMessage) error {
	row, err := openAlert(tx, kind, subject)
	if errors.Is(err, sql.ErrNoRows) {
		row, err = insert(tx, "wx_alerts", map[string]any{
			"kind": string(kind), "subject": subject, "details": details, "since": b.now(), "seen": 1, "last": b.now(),
		})
		if err != nil {
			return err
		}
		return b.queueWebhook(tx, kind, subject, row.Id)
	}
	if err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().Update("wx_alerts", dbx.Params{
		"seen": row.GetInt("seen") + 1, "last": b.now().UTC().Format(days.Stored), "details": string(details),
		"updated": b.now().UTC().Format(days.Stored),
	}, dbx.HashExp{"id": row.Id}).Execute()
	return err
}

// settle closes the open row of a kind and subject, if there is one. by is who or what closed it.
func (b *books) settle(app core.App, kind alertKind, subject, by string) error {
	now := b.now().UTC().Format(days.Stored)
	_, err := app.NonconcurrentDB().Update("wx_alerts", dbx.Params{"closedAt": now, "closedBy": clip(by, 200), "updated": now},
		dbx.HashExp{"kind": string(kind), "subject": clip(strings.ToValidUTF8(subject, "�"), maxAlertSubject), "closedAt": ""}).Execute()
	if err != nil {
		return fmt.Errorf("settle %s of %s: %w", kind, subject, err)
	}
	return nil
}

func openAlert(app core.App, kind alertKind, subject string) (*core.Record, error) {
	return findRow(app, "wx_alerts", dbx.HashExp{"kind": string(kind), "subject": subject, "closedAt": ""})
}

// alertDetails is the JSON of the details without secrets; what is too long is left out, because a row that is not written helps nobody.
func alertDetails(details map[string]any) (json.RawMessage, error) {
	if details == nil {
		return json.RawMessage(`{}`), nil
	}
	text, err := json.Marshal(redact.Map(details))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAlertDetails {
		return json.Marshal(map[string]any{"shortened": clip(string(text), maxAlertDetails/2)})
	}
	return text, nil
}

// clip shortens a text to so many bytes without cutting a character.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

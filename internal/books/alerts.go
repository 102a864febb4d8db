package books

// What a person must see is a row of wx_alerts, not a log line: it outlives the process, exists once per cause however
// often it repeats, and stays until a person closes it or its cause has passed.

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

// AlertKind is the subject matter of an alert; docs/configuration.md says what to do for each.
type AlertKind string

// The kinds. The subject of each is in its comment.
const (
	AlertDisputed     AlertKind = "disputed"      // a payment that does not fit our books; the subject is the payment
	AlertUnmatched    AlertKind = "unmatched"     // money for a number that is not in our books; the number
	AlertRefund       AlertKind = "refund"        // a refund that needs a person; the refund
	AlertBill         AlertKind = "bill"          // a day of WeChat's bill; merchant and day
	AlertSecret       AlertKind = "secret"        // a stored secret does not open; collection and row
	AlertHooks        AlertKind = "hooks"         // JavaScript that was not loaded, or was stopped; the file
	AlertEffect       AlertKind = "effect"        // an effect that was given up or keeps failing; its key
	AlertDisk         AlertKind = "disk"          // no room, or writing fails; what is short
	AlertShipping     AlertKind = "shipping"      // shipping information that WeChat refused; the order
	AlertBackup       AlertKind = "backup"        // none, too old, or it does not open
	AlertPayout       AlertKind = "payout"        // a payout that needs a person; the payout
	AlertPayment      AlertKind = "payment"       // a payment that WeChat refused or that went an odd way; the merchant or the payment
	AlertComplaint    AlertKind = "complaint"     // a complaint that waits for the shop; its row
	AlertComplaintDue AlertKind = "complaint_due" // one for which little time is left, or none; its row
	AlertChat         AlertKind = "chat"          // a customer who waits for an answer; the chat
	AlertRestore      AlertKind = "restore"       // a restore that failed, or what one that was made leaves to do
	AlertReplica      AlertKind = "replica"       // the copy elsewhere does not follow
)

// Limits of a row.
const (
	MaxAlertSubject = 200
	maxAlertDetails = 8_000
)

// alerts writes the alerts that a person must see.
type alerts struct {
	*base
	webhook *Webhook
	address func() string // of this server, for the webhook
}

// Raise writes the open row of a kind and subject, in the given app or transaction. A repeat increments its counter and
// updates its details.
//
// note: inside a transaction nothing is sent: the outbox calls a webhook after the commit.
func (a *alerts) Raise(app core.App, kind AlertKind, subject string, details map[string]any) error {
	subject = alertSubject(subject)
	text, err := alertDetails(details)
	if err != nil {
		return fmt.Errorf("raise %s of %s: %w", kind, subject, err)
	}
	err = app.RunInTransaction(func(tx core.App) error { return a.raiseIn(tx, kind, subject, text) })
	if err != nil {
		return fmt.Errorf("raise %s of %s: %w", kind, subject, err)
	}
	return nil
}

func (a *alerts) raiseIn(tx core.App, kind AlertKind, subject string, details json.RawMessage) error {
	row, err := openAlert(tx, kind, subject)
	if errors.Is(err, sql.ErrNoRows) {
		row, err = Insert(tx, "wx_alerts", map[string]any{
			"kind": string(kind), "subject": subject, "details": details, "since": a.now(), "seen": 1, "last": a.now(),
		})
		if err != nil {
			return err
		}
		return a.queueWebhook(tx, kind, subject, row.Id)
	}
	if err != nil {
		return err
	}
	_, err = tx.NonconcurrentDB().Update("wx_alerts", dbx.Params{
		"seen": row.GetInt("seen") + 1, "last": a.now().UTC().Format(days.Stored), "details": string(details),
		"updated": a.now().UTC().Format(days.Stored),
	}, dbx.HashExp{"id": row.Id}).Execute()
	return err
}

// Settle closes the open row of a kind and subject, if there is one. by is the person or the cause that closed it.
func (a *alerts) Settle(app core.App, kind AlertKind, subject, by string) error {
	now := a.now().UTC().Format(days.Stored)
	err := Exec(app, "UPDATE `wx_alerts` SET `closedAt` = ?, `closedBy` = ?, `updated` = ? WHERE `kind` = ? AND `subject` = ? AND `closedAt` = ''",
		now, Clip(by, 200), now, string(kind), alertSubject(subject))
	if err != nil {
		return fmt.Errorf("settle %s of %s: %w", kind, subject, err)
	}
	return nil
}

// alertSubject is a subject as a row holds it.
func alertSubject(subject string) string {
	return Clip(strings.ToValidUTF8(subject, "�"), MaxAlertSubject)
}

func openAlert(app core.App, kind AlertKind, subject string) (*core.Record, error) {
	return Find(app, "wx_alerts", dbx.HashExp{"kind": string(kind), "subject": subject, "closedAt": ""})
}

// alertDetails is the JSON of the details without secrets. It omits details that are too long, because a row that fails
// to save is useless.
func alertDetails(details map[string]any) (json.RawMessage, error) {
	if details == nil {
		return json.RawMessage(`{}`), nil
	}
	text, err := json.Marshal(redact.Map(details))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAlertDetails {
		return json.Marshal(map[string]any{"shortened": Clip(string(text), maxAlertDetails/2)})
	}
	return text, nil
}

// Clip shortens a text to at most so many bytes without cutting a character.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

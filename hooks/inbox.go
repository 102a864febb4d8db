package hooks

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// States of wx_inbox rows.
const (
	inboxApplied   = "APPLIED"   // it moved a payment
	inboxRepeated  = "REPEATED"  // it said what was known
	inboxRefused   = "REFUSED"   // it did not pass the checks
	inboxDisputed  = "DISPUTED"  // it is genuine and does not fit our books: a person must look
	inboxUnmatched = "UNMATCHED" // it is genuine and we have no such payment
	inboxFailed    = "FAILED"    // it is genuine and could not be written into the books; WeChat sends it again
)

// Limits on what strangers can make us keep.
const (
	refusedPerHour  = 200
	refusedBodySize = 4 << 10
)

// inboxRow is a verified notification as wx_inbox keeps it. The key is made of what it says, not of its id or bytes: a repeated
// delivery may carry another id and is encrypted anew.
func inboxRow(e *core.RequestEvent, mchID string, note wxpay.Notification, body []byte) map[string]any {
	t := note.Trade
	said := strings.Join([]string{mchID, t.AppID, t.OutTradeNo, t.TransactionID, string(t.State), t.Total.String(), t.Currency}, "\n")
	return map[string]any{
		"kind": "pay", "source": mchID, "dedupeKey": "pay/" + digest([]byte(said)), "headers": notifyHeaders(e),
		"body": string(body), "verified": true, "ref": t.OutTradeNo,
	}
}

// notifyHeaders are the headers that the signature rests on; nothing else of the request is kept.
func notifyHeaders(e *core.RequestEvent) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Signature-Type"} {
		if value := e.Request.Header.Get(name); value != "" {
			kept[name] = value[:min(len(value), 1_000)]
		}
	}
	return kept
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// verdict is what a step means for the notification that caused it.
func verdict(event order.PaymentEvent, step order.Step) string {
	switch {
	case step.Has(order.Freeze), event == order.EventOtherPaidFact, event == order.EventSecondTransaction:
		return inboxDisputed
	case step.Changed():
		return inboxApplied
	default:
		return inboxRepeated
	}
}

// describe puts mismatches into words.
func describe(mismatches []order.Mismatch) string {
	words := make([]string, 0, len(mismatches))
	for _, m := range mismatches {
		words = append(words, fmt.Sprintf("%s is %q, want %q", m.Field, m.Got, m.Want))
	}
	return strings.Join(words, "; ")
}

// saveInbox writes the row once; a repeat only counts.
func saveInbox(tx core.App, row map[string]any, state, problem string) error {
	_, err := countInbox(tx, row, state, problem)
	return err
}

// countInbox writes the row, or counts one more sight of it, and returns how often it has been seen.
func countInbox(app core.App, row map[string]any, state, problem string) (seen int, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindFirstRecordByData("wx_inbox", "dedupeKey", row["dedupeKey"])
		if errors.Is(err, sql.ErrNoRows) {
			seen = 1
			fields := maps.Clone(row)
			fields["state"], fields["error"], fields["seen"] = state, problem[:min(len(problem), 1_000)], seen
			_, err := insert(tx, "wx_inbox", fields)
			return err
		}
		if err != nil {
			return err
		}
		// what was unmatched or failed at first may fit later
		if state == inboxApplied || state != inboxFailed && r.GetString("state") == inboxFailed {
			r.Set("state", state)
			r.Set("error", problem[:min(len(problem), 1_000)])
		}
		seen = r.GetInt("seen") + 1
		r.Set("seen", seen)
		return save(tx, r)
	})
	if err != nil {
		return 0, fmt.Errorf("save inbox: %w", err)
	}
	return seen, nil
}

// keepFailed keeps a genuine notification that could not be applied. It is written by itself: the transaction that failed has taken its own row
// back with it.
func (p *Plugin) keepFailed(app core.App, row map[string]any, cause error) {
	if _, err := countInbox(app, row, inboxFailed, cause.Error()); err != nil {
		app.Logger().Error("notification not kept", "ref", row["ref"], "error", err.Error(), "because", cause.Error())
	}
}

// keepRefused keeps a refused payment notification.
func (p *Plugin) keepRefused(e *core.RequestEvent, mchID string, body []byte, cause error) {
	p.keepRefusedAs(e.App, "pay", mchID, notifyHeaders(e), body, cause)
}

// keepRefusedAs keeps something that was refused with the reason, shortened and at most so many of a kind an hour: these are the places
// where anybody on the internet can make us write.
func (p *Plugin) keepRefusedAs(app core.App, kind, source string, headers map[string]string, body []byte, cause error) {
	since := p.now().Add(-time.Hour).UTC().Format(days.Stored)
	n, err := app.CountRecords("wx_inbox", dbx.HashExp{"state": inboxRefused, "kind": kind}, dbx.NewExp("created > {:t}", dbx.Params{"t": since}))
	if err != nil || n >= refusedPerHour {
		return
	}
	key := "refused/" + digest(append([]byte(source+"\n"), body...))
	if kind != "pay" {
		key = kind + "/" + key
	}
	row := map[string]any{
		"kind": kind, "source": source[:min(len(source), 100)], "dedupeKey": key, "headers": headers,
		"body": strings.ToValidUTF8(string(body[:min(len(body), refusedBodySize)]), "�"), "verified": false,
	}
	if _, err := countInbox(app, row, inboxRefused, cause.Error()); err != nil {
		app.Logger().Warn("refused message not kept", "kind", kind, "error", err.Error())
	}
}

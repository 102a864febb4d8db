package books

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
)

// States of wx_inbox rows.
const (
	InboxApplied   = "APPLIED"   // it moved a payment
	InboxRepeated  = "REPEATED"  // it said what was already known
	InboxRefused   = "REFUSED"   // it failed the checks
	InboxDisputed  = "DISPUTED"  // it is genuine and contradicts our books: a person must look
	InboxUnmatched = "UNMATCHED" // it is genuine, and there is no such payment here
	inboxFailed    = "FAILED"    // it is genuine, but writing it failed; WeChat sends it again
)

// Limits on what strangers can make us store.
const (
	refusedPerHour  = 200
	refusedBodySize = 4 << 10
)

// Digest is the SHA-256 of b in hexadecimal digits, for keys that recognise repeats.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// SaveInbox writes the row once; a repeat only increments its counter.
func SaveInbox(tx core.App, row map[string]any, state, problem string) error {
	_, err := CountInbox(tx, row, state, problem)
	return err
}

// CountInbox writes the row, or increments its counter, and returns the counter.
func CountInbox(app core.App, row map[string]any, state, problem string) (seen int, err error) {
	err = Together(app, func(tx core.App) error {
		seen = 1
		fields := maps.Clone(row)
		fields["state"], fields["error"], fields["seen"] = state, problem[:min(len(problem), 1_000)], seen
		if isNew, err := InsertOnce(tx, "wx_inbox", fields, "dedupeKey"); isNew || err != nil {
			return err
		}
		r, err := Find(tx, "wx_inbox", dbx.HashExp{"dedupeKey": row["dedupeKey"]})
		if err != nil {
			return err
		}
		// an unmatched or failed row may match later
		if state == InboxApplied || state != inboxFailed && r.GetString("state") == inboxFailed {
			r.Set("state", state)
			r.Set("error", problem[:min(len(problem), 1_000)])
		}
		seen = r.GetInt("seen") + 1
		r.Set("seen", seen)
		return Write(tx, r)
	})
	if err != nil {
		return 0, fmt.Errorf("save inbox: %w", err)
	}
	return seen, nil
}

// inbox keeps what WeChat sent and the features could not process.
type inbox struct{ *base }

// KeepFailed keeps a genuine notification that could not be applied. It writes outside of the failed transaction, whose
// own row was rolled back.
func (i *inbox) KeepFailed(app core.App, row map[string]any, cause error) {
	if _, err := CountInbox(app, row, inboxFailed, cause.Error()); err != nil {
		app.Logger().Error("notification not kept", "ref", row["ref"], "error", err.Error(), "because", cause.Error())
	}
}

// KeepRefused keeps a refused request with the reason, shortened and at most so many of a kind per hour: here anyone on
// the internet can make us write.
func (i *inbox) KeepRefused(app core.App, kind, source string, headers map[string]string, body []byte, cause error) {
	since := i.now().Add(-time.Hour).UTC().Format(days.Stored)
	n, err := app.CountRecords("wx_inbox", dbx.HashExp{"state": InboxRefused, "kind": kind}, dbx.NewExp("created > {:t}", dbx.Params{"t": since}))
	if err != nil || n >= refusedPerHour {
		return
	}
	key := "refused/" + Digest(append([]byte(source+"\n"), body...))
	if kind != "pay" {
		key = kind + "/" + key
	}
	row := map[string]any{
		"kind": kind, "source": source[:min(len(source), 100)], "dedupeKey": key, "headers": headers,
		"body": strings.ToValidUTF8(string(body[:min(len(body), refusedBodySize)]), "�"), "verified": false,
	}
	if _, err := CountInbox(app, row, InboxRefused, cause.Error()); err != nil {
		app.Logger().Warn("refused message not kept", "kind", kind, "error", err.Error())
	}
}

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
	InboxRepeated  = "REPEATED"  // it said what was known
	InboxRefused   = "REFUSED"   // it did not pass the checks
	InboxDisputed  = "DISPUTED"  // it is genuine and does not fit our books: a person must look
	InboxUnmatched = "UNMATCHED" // it is genuine and we have no such payment
	inboxFailed    = "FAILED"    // it is genuine and could not be written into the books; WeChat sends it again
)

// Limits on what strangers can make us keep.
const (
	refusedPerHour  = 200
	refusedBodySize = 4 << 10
)

// Digest is the SHA-256 of b in hexadecimal digits, for keys by which a repeat is recognized.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// SaveInbox writes the row once; a repeat only counts.
func SaveInbox(tx core.App, row map[string]any, state, problem string) error {
	_, err := CountInbox(tx, row, state, problem)
	return err
}

// CountInbox writes the row, or counts one more sight of it, and returns how often it has been seen.
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
		// what was unmatched or failed at first may fit later
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

// inbox keeps what WeChat sent and nobody could work on.
type inbox struct{ *base }

// KeepFailed keeps a genuine notification that could not be applied. It is written by itself: the transaction that failed has taken its own row
// back with it.
func (i *inbox) KeepFailed(app core.App, row map[string]any, cause error) {
	if _, err := CountInbox(app, row, inboxFailed, cause.Error()); err != nil {
		app.Logger().Error("notification not kept", "ref", row["ref"], "error", err.Error(), "because", cause.Error())
	}
}

// KeepRefused keeps something that was refused with the reason, shortened and at most so many of a kind an hour: these are the places
// where anybody on the internet can make us write.
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

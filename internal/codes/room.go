// Package codes makes mini-program codes and links, opens scenes, and counts scans and invitations. A *scene* is what a
// code carries; a *scan* is a row for each opening of it.
package codes

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/metrics"
)

// Codes makes codes and links. Its fields are set before the app serves.
type Codes struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed
	Limits   limit.Limits
	Metrics  *metrics.Metrics

	PerDay            int           // new codes of a user; below 0 any number
	InviteWithin      time.Duration // age of an account that can have been invited; below 0 any
	PlainBySuperusers bool          // new codes with a plain scene are made for superusers only

	codeMinute, scanMinute limit.Minute

	OnCodeScanned *hook.Hook[*events.ScanEvent]
}

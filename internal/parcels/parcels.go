// Package parcels reports shipments to WeChat's order centre, and lists the orders that are due.
package parcels

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/locks"
)

// Parcels sends shipping information. Its fields are set before the app serves.
type Parcels struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed
}

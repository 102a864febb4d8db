package hooks

import (
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/locks"

	"github.com/pocketbase/pocketbase/core"
)

type parcels struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
}

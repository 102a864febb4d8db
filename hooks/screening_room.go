package hooks

import (
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"

	"github.com/pocketbase/pocketbase/core"
)

type screening struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	limits   limit.Limits

	checked checkedFields
	slots   uploadSlots
}

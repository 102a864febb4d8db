// Package screening lets WeChat check texts and images, and *holds* content back until it has passed.
package screening

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"
)

// Screening asks WeChat about contents. Its fields are set before the app serves.
type Screening struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Limits   limit.Limits

	checked checkedFields
	slots   uploadSlots
}

package hooks

import (
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"
	"wxbase/internal/locks"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

type codes struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
	limits   limit.Limits
	metrics  *metrics

	perDay            int           // new codes of a user; below 0 any number
	inviteWithin      time.Duration // age of an account that can have been invited; below 0 any
	plainBySuperusers bool          // new codes with a plain scene are made for superusers only

	codeMinute, scanMinute limit.Minute

	onCodeScanned *hook.Hook[*ScanEvent]
}

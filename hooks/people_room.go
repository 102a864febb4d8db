package hooks

import (
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

type people struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	limits   limit.Limits
	onScene  func(app core.App, scene, user string)     // a code that was opened before the login
	onMerge  func(tx core.App, keep, lose string) error // before one user becomes another

	logins onceCodes[pastLogin]
	phones onceCodes[pastPhone]

	onLogin   *hook.Hook[*LoginEvent]
	onProfile *hook.Hook[*ProfileEvent]
}

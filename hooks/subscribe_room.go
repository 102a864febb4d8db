package hooks

import (
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/settings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

type subscribe struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
	limits   limit.Limits
	onMedia  func(found *MediaVerdict, at time.Time) error // what WeChat found in an image
	simPush  func(settings.App) settings.App

	templates templateCache

	onPush *hook.Hook[*PushEvent]
}

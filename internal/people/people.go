// Package people identifies users: login by a wx.login code, the session key, which stays on the server, phone numbers,
// profiles, and the merging of two users who turn out to be one person.
package people

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
)

// People logs in. Its fields are set before the app serves.
type People struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Limits   limit.Limits
	OnScene  func(app core.App, scene, user string)     // a code that was opened before the login
	OnMerge  func(tx core.App, keep, lose string) error // before one user becomes another

	OnReturn func(app core.App, user string) (bool, error) // tells whether a login has taken back the wish to be forgotten

	logins OnceCodes[PastLogin]
	phones OnceCodes[pastPhone]

	OnLogin   *hook.Hook[*events.LoginEvent]
	OnProfile *hook.Hook[*events.ProfileEvent]
}

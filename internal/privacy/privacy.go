// Package privacy gives a person what they may demand of a shop that keeps their data: an export of it, and its
// erasure. It walks the actual schema, including the operator's own collections, so that a collection added tomorrow is
// part of both.
//
// An erasure has steps. A *wish* is a row of wx_erasures, which ends the person's sessions. A login within the days of
// *grace* cancels it. When it is due, and no money is under way, one transaction deletes the identities and closes the
// account, which is the point of no return: the next login makes a new user. The later steps can be repeated, and are,
// when the process ends in the middle. Rows about money stay, at an account without a name.
package privacy

import (
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
)

// Privacy exports and forgets people. Its fields are set before the app serves.
type Privacy struct {
	App   core.App
	Now   func() time.Time
	Books *books.Books
	Grace time.Duration // between the wish to be forgotten and the deed; 0: at once

	About func(e *core.RequestEvent, id, label string)      // says in the audit whom a request is about
	Note  func(e *core.RequestEvent, key string, value any) // adds a detail to its row there
	Who   func(e *core.RequestEvent) string                 // makes a request of the dashboard

	OnUserForget *hook.Hook[*events.UserForgetEvent]

	working   sync.Mutex    // one person at a time is forgotten
	exporting chan struct{} // places for exports at a time
}

// exportsAtOnce is how many exports are written at a time; each reads every table.
const exportsAtOnce = 2

// New makes the room complete.
func New(p *Privacy) *Privacy {
	p.OnUserForget = &hook.Hook[*events.UserForgetEvent]{}
	p.exporting = make(chan struct{}, exportsAtOnce)
	return p
}

// userByID reads an account; its errors are answers.
func userByID(app core.App, id string) (*core.Record, error) {
	r, err := books.ByID(app, usersTable, id)
	if isMissing(err) {
		return nil, answer.Fail(answer.UserNotFound, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return r, nil
}

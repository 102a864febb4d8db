package books

import (
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/groupcommit"
)

// Together runs fn in a transaction that may be committed together with its neighbours, which saves half of a commit's
// cost. fn still fails alone. It is for short work on rows: fn waits only for the database, and runs no code of the
// operator.
func Together(app core.App, fn func(tx core.App) error) error {
	if app.IsTransactional() {
		return fn(app)
	}
	return app.RunInTransaction(func(tx core.App) error {
		if err := Exec(tx, groupcommit.Share); err != nil {
			return err
		}
		return fn(tx)
	})
}

// TogetherUnless is Together, unless asked: a hook of the operator may be slow, and then only its own transaction waits
// for it.
func TogetherUnless(asked bool, app core.App, fn func(tx core.App) error) error {
	if asked || IsAsked(app) {
		return app.RunInTransaction(fn)
	}
	return Together(app, fn)
}

// IsAsked tells whether the operator has hooks that run before a row is created (OnRecordCreate, in Go or JavaScript).
func IsAsked(app core.App) bool {
	all := watchedOf(app)
	return all == nil || all.root.OnRecordCreate().Length() > all.ownHooks
}

// OwnHooks runs bind, which binds our own hooks, and counts those before the creation of a row: they are fast.
func OwnHooks(app core.App, bind func()) {
	before := app.OnRecordCreate().Length()
	if watchedOf(app) == nil {
		Watch(app, "", nil)
		watchedOf(app).ownHooks = before // those of PocketBase
	}
	bind()
	watchedOf(app).ownHooks += app.OnRecordCreate().Length() - before
}

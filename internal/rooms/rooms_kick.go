package rooms

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// bindKicks closes the connections of a user who is signed out everywhere, blocked or deleted. PocketBase itself checks
// a token only when a request carries it.
func (r *Rooms) bindKicks() {
	who := []string{"users", core.CollectionNameSuperusers}
	r.App.OnRecordUpdate(who...).Bind(&hook.Handler[*core.RecordEvent]{Id: "wxKickSignedOut", Func: r.kickSignedOut, Priority: 99})
	r.App.OnRecordAfterDeleteSuccess(who...).Bind(&hook.Handler[*core.RecordEvent]{Id: "wxKickDeleted", Func: func(e *core.RecordEvent) error {
		r.Hub.Kick(e.Record.Id, "This account was deleted.")
		return e.Next()
	}})
}

func (r *Rooms) kickSignedOut(e *core.RecordEvent) error {
	id := e.Record.Id
	signedOut := e.Record.TokenKey() != e.Record.Original().TokenKey()
	if err := e.Next(); err != nil || !signedOut {
		return err
	}
	afterCommit(e.App, func() { r.Hub.Kick(id, "You were signed out.") })
	return nil
}

// afterCommit runs f now, or when the transaction that app is has been committed.
func afterCommit(app core.App, f func()) {
	tx := app.TxInfo()
	if tx == nil {
		f()
		return
	}
	tx.OnComplete(func(txErr error) error {
		if txErr == nil {
			f()
		}
		return nil
	})
}

package hooks_test

import (
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/books"
)

// TestOnlyTheEngineShares: an order shares its commit with others unless the operator's code runs in its transaction, where it may be slow.
func TestOnlyTheEngineShares(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	if books.IsAsked(app) {
		t.Error("without hooks of the operator's: got asked, want shared")
	}
	id := app.OnRecordCreate("orders").BindFunc(func(e *core.RecordEvent) error { return e.Next() })
	if !books.IsAsked(app) {
		t.Error("with a hook: got shared, want asked")
	}
	app.OnRecordCreate("orders").Unbind(id)
	if books.IsAsked(app) {
		t.Error("after the hook has gone: got asked, want shared")
	}
}

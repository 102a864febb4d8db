package guard

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
)

// bindBodyNames lets PocketBase's own routes read a body by its bytes, as ours do. It comes after the limits of bodies.
func bindBodyNames(app core.App) {
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxBodyNames", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxBodyNames", Func: answer.NameBody})
		return e.Next()
	}})
}

package guard

import (
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// validateOwn looks at our own fields only where the server writes by itself.
func (g *rowGuard) validateOwn(e *core.RecordEvent) error {
	if e.Context.Value(books.EngineWrite{}) == nil || !g.schema.has(e.Record.Collection().Name) {
		return e.Next()
	}
	problems := validation.Errors{}
	for _, f := range e.Record.Collection().Fields {
		if !g.schema.owns(e.Record.Collection().Name, f.GetName()) {
			continue
		}
		if err := f.ValidateValue(e.Context, e.App, e.Record); err != nil {
			problems[f.GetName()] = err
		}
	}
	return problems.Filter()
}

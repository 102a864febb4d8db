package desk

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
)

// Actor is who makes a request of the dashboard.
type Actor struct {
	ID      string // of the account, in _superusers or in wx_staff
	Email   string
	Role    Role
	Session string // id in wx_staff_sessions; empty for a superuser
}

// actorKey is where a request carries who makes it.
const actorKey = "wxDeskActor"

// Who is who makes a request that Allow has let pass; the zero Actor for users and guests.
func Who(e *core.RequestEvent) Actor {
	actor, _ := e.Get(actorKey).(Actor)
	return actor
}

// IsOperator tells whether a request is the shop's own: a superuser's, or one of staff that Allow has let pass.
func IsOperator(e *core.RequestEvent) bool { return e.HasSuperuserAuth() || Who(e).ID != "" }

// gate finds out who makes a request, and lets pass who may.
type gate struct {
	kit

	sessions *sessions
	audit    *auditTrail
}

// allow makes the handlers of Desk.Allow and Desk.AllowOrUser.
func (g *gate) allow(needs Permission, action string, alsoUsers bool) *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{Func: func(e *core.RequestEvent) error {
		if alsoUsers && e.Auth != nil && e.Auth.Collection().Name == "users" {
			return e.Next()
		}
		if alsoUsers && e.Auth == nil && !bringsToken(e) {
			return e.UnauthorizedError("The request requires valid record authorization token.", nil) // note: what buyers have always been told
		}
		actor, err := g.identify(e, needs)
		if err != nil {
			return err
		}
		e.Set(actorKey, actor)
		return g.audit.audited(e, action, func() error {
			if !actor.Role.May(needs) {
				return answer.With(answer.StaffNotAllowed, "permission", needs)
			}
			return e.Next()
		})
	}}
}

// identify finds out who makes a request: a superuser by PocketBase's token, or a staff member by ours. A staff record that PocketBase has
// found by a token of its own, which only an impersonation makes, counts for nothing.
func (g *gate) identify(e *core.RequestEvent, needs Permission) (Actor, error) {
	if e.HasSuperuserAuth() {
		return Actor{ID: e.Auth.Id, Email: e.Auth.Email(), Role: Superuser}, nil
	}
	if e.Auth != nil {
		return Actor{}, answer.With(answer.StaffNotAllowed, "permission", needs)
	}
	return g.sessions.staffOf(e)
}

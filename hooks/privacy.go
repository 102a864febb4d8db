package hooks

import (
	"cmp"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/desk"
	"wxbase/internal/environment"
	"wxbase/internal/events"
	"wxbase/internal/privacy"
)

// forgetDays is the time of grace where no setting says otherwise; mostForgetDays what the law allows for an answer.
const (
	forgetDays     = 7
	mostForgetDays = 15
)

// newPrivacy makes the room of people's own data and connects it: a login takes a wish back, a push makes one.
func (p *Plugin) newPrivacy() *privacy.Privacy {
	room := privacy.New(&privacy.Privacy{
		App: p.app, Now: p.Now, Books: p.books, Grace: time.Duration(max(p.cfg.ForgetDays, 0)) * 24 * time.Hour,
		About: desk.About, Note: desk.Note, Who: func(e *core.RequestEvent) string { return desk.Who(e).Email },
	})
	p.people.OnReturn = func(app core.App, user string) (bool, error) { return room.TakeBack(app, user, "login") }
	p.subscribe.OnPush.Bind(&hook.Handler[*events.PushEvent]{Id: "wxPrivacy", Priority: -1000, Func: room.ApplyPush})
	return room
}

// readForgetDays takes the time of grace from the environment, where 0 is at once.
func (c *Config) readForgetDays() error {
	if c.Env("WXBASE_FORGET_DAYS") != "" {
		days, err := environment.Number(c.Env, "WXBASE_FORGET_DAYS", 0)
		if err != nil {
			return err
		}
		if days < 0 {
			return fmt.Errorf("WXBASE_FORGET_DAYS must be between 0, at once, and %d", mostForgetDays)
		}
		c.ForgetDays = cmp.Or(days, -1)
	}
	if c.ForgetDays > mostForgetDays {
		return fmt.Errorf("WXBASE_FORGET_DAYS must be between 0, at once, and %d", mostForgetDays)
	}
	return nil
}

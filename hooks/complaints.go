package hooks

import (
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/complaints"
	"wxbase/internal/events"
)

// newComplaints makes the room of complaints and connects it: notifications and pushes make it ask WeChat, and so does a refund.
func newComplaints(p *Plugin) *complaints.Complaints {
	room := &complaints.Complaints{App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Soon: p.cfg.SweepEvery}
	p.till.Notices.Complained = room.Notified
	p.till.OnRefunded.Bind(&hook.Handler[*events.RefundEvent]{Id: "wxComplaints", Priority: -1000, Func: room.HearRefund})
	p.subscribe.OnPush.Bind(&hook.Handler[*events.PushEvent]{Id: "wxComplaints", Priority: -1000, Func: room.HearPush})
	return room
}

package hooks

import (
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/complaints"
	"wxbase/internal/desk"
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

// bindComplaints binds the page of complaints, for those who may.
func bindComplaints(wx *router.RouterGroup[*core.RequestEvent], may func(desk.Permission, string) *hook.Handler[*core.RequestEvent], c *complaints.Complaints) {
	wx.GET("/admin/complaints", c.List).Bind(may(desk.View, ""))
	wx.POST("/admin/complaints/sweep", c.SweepNow).Bind(may(desk.Orders, "complaint.sweep"))
	wx.POST("/admin/complaints/address", c.TakeAddress).Bind(may(desk.Setup, "complaint.address"))
	wx.GET("/admin/complaints/{id}", c.Show).Bind(may(desk.View, ""))
	wx.POST("/admin/complaints/{id}/refresh", c.Refresh).Bind(may(desk.Orders, "complaint.refresh"))
	wx.POST("/admin/complaints/{id}/reply", c.Reply).Bind(may(desk.Orders, "complaint.reply"))
	wx.POST("/admin/complaints/{id}/decide", c.Decide).Bind(may(desk.Refund, "complaint.decide"))
	wx.POST("/admin/complaints/{id}/complete", c.Complete).Bind(may(desk.Orders, "complaint.complete"))
	wx.POST("/admin/complaints/{id}/phone", c.Phone).Bind(may(desk.Phone, "complaint.phone"))
	wx.POST("/admin/complaints/{id}/pictures", c.Upload).Bind(may(desk.Orders, "complaint.picture"), apis.BodyLimit(complaints.MaxPicture))
	wx.GET("/admin/complaints/{id}/pictures/{picture}", c.Picture).Bind(may(desk.View, ""))
}

package desk

import (
	"net/http"

	"wxbase/internal/answer"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
)

// Route is one line of the dashboard's API.
type Route struct {
	Method string
	Path   string     // below /api/wx/admin
	Needs  Permission // empty: everybody may call it, and it looks itself
	Action string     // the name in the audit; empty: it changes nothing, and leaves no row
	Handle func(*core.RequestEvent) error
	Body   int64 // most bytes of the body; 64 KiB when 0
}

// smallBody is how much a route reads that does not say otherwise.
const smallBody = 64 << 10

// Routes lists the dashboard's API.
func (d *Desk) Routes() []Route {
	var all []Route
	for _, part := range [][]Route{
		d.staffRoutes(), d.auditRoutes(), d.overviewRoutes(), d.orderRoutes(), d.userRoutes(),
		d.productRoutes(), d.setupRoutes(), d.booksRoutes(), d.outreachRoutes(),
	} {
		all = append(all, part...)
	}
	return all
}

// Serve adds the routes to a server.
func (d *Desk) Serve(e *core.ServeEvent) {
	admin := e.Router.Group("/api/wx/admin")
	for _, r := range d.Routes() {
		route := admin.Route(r.Method, r.Path, r.Handle)
		route.Bind(apis.BodyLimit(max(r.Body, smallBody)))
		if r.Needs != "" {
			route.Bind(d.Allow(r.Needs, r.Action))
		}
	}
}

func (d *Desk) staffRoutes() []Route {
	return []Route{
		{http.MethodPost, "/staff/login", "", "", d.own.login, 0},
		{http.MethodPost, "/staff/logout", View, "staff.logout", d.own.logout, 0},
		{http.MethodGet, "/staff/me", View, "", d.own.showMe, 0},
		{http.MethodPost, "/staff/me/password", View, "staff.password", d.own.changePassword, 0},
		{http.MethodPost, "/staff/me/totp", View, "staff.totp.begin", d.own.beginTOTP, 0},
		{http.MethodPost, "/staff/me/totp/confirm", View, "staff.totp.confirm", d.own.confirmTOTP, 0},
		{http.MethodDelete, "/staff/me/totp", View, "staff.totp.remove", d.own.removeTOTP, 0},
		{http.MethodGet, "/staff", Staff, "", d.staff.listStaff, 0},
		{http.MethodPost, "/staff", Staff, "staff.create", d.staff.createStaff, 0},
		{http.MethodPatch, "/staff/{id}", Staff, "staff.change", d.staff.changeStaff, 0},
		{http.MethodDelete, "/staff/{id}", Staff, "staff.remove", bare(d.staff.removeStaff), 0},
		{http.MethodGet, "/staff/{id}/sessions", View, "", d.own.listSessions, 0},
		{http.MethodDelete, "/staff/sessions/{id}", View, "staff.session.end", bare(d.own.endSession), 0},
		{http.MethodGet, "/roles", View, "", d.staff.listRoles, 0},
	}
}

func (d *Desk) auditRoutes() []Route {
	return []Route{{http.MethodGet, "/audit", Audit, "", d.audit.listAudit, 0}}
}

func (d *Desk) overviewRoutes() []Route {
	return []Route{
		{http.MethodGet, "/overview", View, "", d.overview.showOverview, 0},
		{http.MethodGet, "/attention", View, "", d.overview.listAttention, 0},
	}
}

func (d *Desk) orderRoutes() []Route {
	return []Route{
		{http.MethodGet, "/orders", View, "", d.orders.listOrders, 0},
		{http.MethodGet, "/orders.csv", Export, "orders.export", d.orders.exportOrders, 0},
		{http.MethodGet, "/orders/{id}", View, "", d.orders.showOrder, 0},
		{http.MethodPost, "/orders/{id}/remark", Orders, "order.remark", d.orders.remarkOrder, 0},
		{http.MethodPost, "/orders/{id}/resend", Orders, "order.resend", d.effects.resendEffect, 0},
		{http.MethodPost, "/orders/{id}/refunds/preview", Refund, "", d.refunds.previewRefund, 0},
		{http.MethodPost, "/refunds/{id}/approve", Refund, "refund.approve", d.refunds.approveRefund, 0},
		{http.MethodPost, "/refunds/{id}/refuse", Refund, "refund.refuse", d.refunds.refuseRefund, 0},
		{http.MethodGet, "/payouts", View, "", d.payouts.listPayouts, 0},
		{http.MethodGet, "/payouts/{id}", View, "", d.payouts.showPayout, 0},
		{http.MethodGet, "/carriers", View, "", d.carriers.listCarriers, 0},
		{http.MethodGet, "/picking", View, "", d.orders.listPicking, 0},
	}
}

func (d *Desk) userRoutes() []Route {
	return []Route{
		{http.MethodGet, "/users", View, "", d.users.listUsers, 0},
		{http.MethodGet, "/users/{id}", View, "", d.users.showUser, 0},
		{http.MethodPost, "/users/{id}/phone", Phone, "user.phone", d.users.showPhone, 0},
		{http.MethodPost, "/users/{id}/block", Users, "user.block", d.users.blockUser, 0},
		{http.MethodPost, "/users/{id}/logout", Users, "user.logout", d.users.logoutUser, 0},
	}
}

func (d *Desk) productRoutes() []Route {
	return []Route{
		{http.MethodGet, "/products", View, "", d.products.listProducts, 0},
		{http.MethodGet, "/products/{id}", View, "", d.products.showProduct, 0},
		{http.MethodPost, "/products", Products, "product.create", d.products.createProduct, 0},
		{http.MethodPatch, "/products/{id}", Products, "product.change", d.products.changeProduct, 0},
		{http.MethodDelete, "/products/{id}", Products, "product.remove", bare(d.products.removeProduct), 0},
		{http.MethodPost, "/products/{id}/image", Products, "product.image", d.products.setProductImage, mostImage},
		{http.MethodPost, "/products/order", Products, "product.order", d.products.orderProducts, 0},
		{http.MethodPost, "/products/bulk", Products, "product.bulk", d.products.bulkProducts, 0},
		{http.MethodGet, "/categories", View, "", d.products.listCategories, 0},
	}
}

func (d *Desk) setupRoutes() []Route {
	return []Route{
		{http.MethodGet, "/setup", Setup, "", d.setup.showSetup, 0},
		{http.MethodPatch, "/setup/app", Setup, "setup.app", d.setup.changeApp, 0},
		{http.MethodPatch, "/setup/merchant", Setup, "setup.merchant", d.setup.changeMerchant, 0},
		{http.MethodPatch, "/setup/preferences", Setup, "setup.preferences", d.setup.changePreferences, 0},
		{http.MethodPost, "/setup/recognise", Setup, "", d.setup.recognise, 0},
		{http.MethodPost, "/doctor", Setup, "", bare(d.setup.examine), 0},
	}
}

func (d *Desk) booksRoutes() []Route {
	return []Route{
		{http.MethodGet, "/inbox", Books, "", d.inbox.listInbox, 0},
		{http.MethodGet, "/inbox/{id}", Books, "", d.inbox.showInbox, 0},
		{http.MethodPost, "/inbox/{id}/replay", Books, "inbox.replay", bare(d.inbox.replayInbox), 0},
		{http.MethodPost, "/inbox/{id}/close", Books, "inbox.close", d.inbox.closeInbox, 0},
		{http.MethodGet, "/effects", Books, "", d.effects.listEffects, 0},
		{http.MethodPost, "/effects/{id}/resend", Books, "effect.resend", bare(d.effects.resendAnyEffect), 0},
		{http.MethodGet, "/bills", Books, "", d.bills.listBills, 0},
		{http.MethodPost, "/bills/{date}/rerun", Books, "bill.rerun", bare(d.bills.rerunBill), 0},
		{http.MethodPost, "/bills/{id}/close", Books, "bill.close", d.bills.closeBill, 0},
		{http.MethodGet, "/bill-diffs", Books, "", d.bills.listDiffs, 0},
		{http.MethodPost, "/bill-diffs/{id}/resolve", Books, "bill.resolve", d.bills.resolveDiff, 0},
		{http.MethodGet, "/held", Outreach, "", d.held.listHeld, 0},
		{http.MethodPost, "/held/{id}", Outreach, "held.decide", d.held.decideHeld, 0},
	}
}

func (d *Desk) outreachRoutes() []Route {
	return []Route{
		{http.MethodGet, "/codes", View, "", d.outreach.listCodes, 0},
		{http.MethodGet, "/codes/{id}", View, "", d.outreach.showCode, 0},
		{http.MethodGet, "/codes/{id}/image", View, "", d.outreach.showCodeImage, 0},
		{http.MethodGet, "/links", View, "", d.outreach.listLinks, 0},
		{http.MethodGet, "/message-rules", View, "", d.outreach.listMessageRules, 0},
		{http.MethodPut, "/message-rules/{event}", Outreach, "message-rule.set", d.outreach.setMessageRule, 0},
		{http.MethodGet, "/messages", View, "", d.outreach.listMessages, 0},
		{http.MethodGet, "/consents", View, "", d.outreach.listConsents, 0},
		{http.MethodGet, "/rooms", View, "", d.outreach.listRooms, 0},
	}
}

// bare is for routes whose path says all: a body that wants more than the route does is not taken for the bare wish.
func bare(handle func(*core.RequestEvent) error) func(*core.RequestEvent) error {
	return func(e *core.RequestEvent) error {
		if err := answer.ReadStrict(e, &struct{}{}); err != nil {
			return err
		}
		return handle(e)
	}
}

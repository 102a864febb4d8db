package desk_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/desk"
)

// guarded is a route of the shop: what it needs and what it leaves in the audit.
type guarded struct {
	needs  desk.Permission
	action string
	users  bool // may call it too, for what is their own
}

// shopRoutes is who may do what, a second time and by hand: a change of a route has to be made here too.
var shopRoutes = map[string]guarded{
	"POST /api/wx/admin/staff/logout":                {desk.View, "staff.logout", false},
	"GET /api/wx/admin/staff/me":                     {desk.View, "", false},
	"POST /api/wx/admin/staff/me/password":           {desk.View, "staff.password", false},
	"POST /api/wx/admin/staff/me/totp":               {desk.View, "staff.totp.begin", false},
	"POST /api/wx/admin/staff/me/totp/confirm":       {desk.View, "staff.totp.confirm", false},
	"DELETE /api/wx/admin/staff/me/totp":             {desk.View, "staff.totp.remove", false},
	"GET /api/wx/admin/staff":                        {desk.Staff, "", false},
	"POST /api/wx/admin/staff":                       {desk.Staff, "staff.create", false},
	"PATCH /api/wx/admin/staff/{id}":                 {desk.Staff, "staff.change", false},
	"DELETE /api/wx/admin/staff/{id}":                {desk.Staff, "staff.remove", false},
	"GET /api/wx/admin/staff/{id}/sessions":          {desk.View, "", false},
	"DELETE /api/wx/admin/staff/sessions/{id}":       {desk.View, "staff.session.end", false},
	"GET /api/wx/admin/roles":                        {desk.View, "", false},
	"GET /api/wx/admin/audit":                        {desk.Audit, "", false},
	"GET /api/wx/admin/overview":                     {desk.View, "", false},
	"GET /api/wx/admin/attention":                    {desk.View, "", false},
	"GET /api/wx/admin/orders":                       {desk.View, "", false},
	"GET /api/wx/admin/orders.csv":                   {desk.Export, "orders.export", false},
	"GET /api/wx/admin/orders/{id}":                  {desk.View, "", false},
	"POST /api/wx/admin/orders/{id}/remark":          {desk.Orders, "order.remark", false},
	"POST /api/wx/admin/orders/{id}/resend":          {desk.Orders, "order.resend", false},
	"POST /api/wx/admin/orders/{id}/refunds/preview": {desk.Refund, "", false},
	"POST /api/wx/admin/refunds/{id}/approve":        {desk.Refund, "refund.approve", false},
	"POST /api/wx/admin/refunds/{id}/refuse":         {desk.Refund, "refund.refuse", false},
	"GET /api/wx/admin/payouts":                      {desk.View, "", false},
	"GET /api/wx/admin/payouts/{id}":                 {desk.View, "", false},
	"POST /api/wx/admin/payouts":                     {desk.Payout, "payout.create", false},
	"POST /api/wx/admin/payouts/{id}/approve":        {desk.Payout, "payout.approve", false},
	"POST /api/wx/admin/payouts/{id}/cancel":         {desk.Payout, "payout.cancel", false},
	"POST /api/wx/admin/payouts/{id}/settle":         {desk.Payout, "payout.settle", false},
	"POST /api/wx/admin/payouts/{id}/settle/approve": {desk.Payout, "payout.settle.approve", false},
	"POST /api/wx/admin/payouts/{id}/sync":           {desk.Payout, "payout.sync", false},
	"GET /api/wx/admin/carriers":                     {desk.View, "", false},
	"GET /api/wx/admin/picking":                      {desk.View, "", false},
	"GET /api/wx/admin/users":                        {desk.View, "", false},
	"GET /api/wx/admin/users/{id}":                   {desk.View, "", false},
	"POST /api/wx/admin/users/{id}/phone":            {desk.Phone, "user.phone", false},
	"POST /api/wx/admin/users/{id}/block":            {desk.Users, "user.block", false},
	"POST /api/wx/admin/users/{id}/logout":           {desk.Users, "user.logout", false},
	"GET /api/wx/admin/users/{id}/export":            {desk.Users, "user.export", false},
	"GET /api/wx/admin/users/{id}/forget":            {desk.View, "", false},
	"POST /api/wx/admin/users/{id}/forget":           {desk.Users, "user.forget", false},
	"DELETE /api/wx/admin/users/{id}/forget":         {desk.Users, "user.forget.undo", false},

	"GET /api/wx/admin/products":             {desk.View, "", false},
	"GET /api/wx/admin/products/{id}":        {desk.View, "", false},
	"POST /api/wx/admin/products":            {desk.Products, "product.create", false},
	"PATCH /api/wx/admin/products/{id}":      {desk.Products, "product.change", false},
	"DELETE /api/wx/admin/products/{id}":     {desk.Products, "product.remove", false},
	"POST /api/wx/admin/products/{id}/image": {desk.Products, "product.image", false},
	"POST /api/wx/admin/products/order":      {desk.Products, "product.order", false},
	"POST /api/wx/admin/products/bulk":       {desk.Products, "product.bulk", false},
	"GET /api/wx/admin/categories":           {desk.View, "", false},

	"GET /api/wx/admin/setup":                    {desk.Setup, "", false},
	"PATCH /api/wx/admin/setup/app":              {desk.Setup, "setup.app", false},
	"PATCH /api/wx/admin/setup/merchant":         {desk.Setup, "setup.merchant", false},
	"PATCH /api/wx/admin/setup/preferences":      {desk.Setup, "setup.preferences", false},
	"POST /api/wx/admin/setup/recognise":         {desk.Setup, "", false},
	"POST /api/wx/admin/doctor":                  {desk.Setup, "", false},
	"GET /api/wx/admin/inbox":                    {desk.Books, "", false},
	"GET /api/wx/admin/inbox/{id}":               {desk.Books, "", false},
	"POST /api/wx/admin/inbox/{id}/replay":       {desk.Books, "inbox.replay", false},
	"POST /api/wx/admin/inbox/{id}/close":        {desk.Books, "inbox.close", false},
	"POST /api/wx/admin/bills/{id}/close":        {desk.Books, "bill.close", false},
	"GET /api/wx/admin/effects":                  {desk.Books, "", false},
	"POST /api/wx/admin/effects/{id}/resend":     {desk.Books, "effect.resend", false},
	"GET /api/wx/admin/bills":                    {desk.Books, "", false},
	"POST /api/wx/admin/bills/{date}/rerun":      {desk.Books, "bill.rerun", false},
	"GET /api/wx/admin/bill-diffs":               {desk.Books, "", false},
	"POST /api/wx/admin/bill-diffs/{id}/resolve": {desk.Books, "bill.resolve", false},
	"GET /api/wx/admin/held":                     {desk.Outreach, "", false},
	"POST /api/wx/admin/held/{id}":               {desk.Outreach, "held.decide", false},
	"GET /api/wx/admin/codes":                    {desk.View, "", false},
	"GET /api/wx/admin/codes/{id}":               {desk.View, "", false},
	"GET /api/wx/admin/codes/{id}/image":         {desk.View, "", false},
	"GET /api/wx/admin/links":                    {desk.View, "", false},
	"GET /api/wx/admin/message-rules":            {desk.View, "", false},
	"PUT /api/wx/admin/message-rules/{event}":    {desk.Outreach, "message-rule.set", false},
	"GET /api/wx/admin/messages":                 {desk.View, "", false},
	"GET /api/wx/admin/consents":                 {desk.View, "", false},
	"GET /api/wx/admin/rooms":                    {desk.View, "", false},
	"POST /api/wx/admin/rooms/{room}/messages":   {desk.Outreach, "room.publish", false},
	"GET /api/wx/admin/rooms/{room}/messages":    {desk.View, "", false},
	"GET /api/wx/admin/rooms/{room}/members":     {desk.View, "", false},

	"GET /api/wx/admin/realtime":                           {desk.View, "", false},
	"GET /api/wx/admin/scans":                              {desk.View, "", false},
	"GET /api/wx/admin/quotas":                             {desk.View, "", false},
	"GET /api/wx/admin/shipments":                          {desk.View, "", false},
	"POST /api/wx/admin/orders/{id}/resolve":               {desk.Dispute, "order.resolve", false},
	"GET /api/wx/admin/items":                              {desk.View, "", false},
	"POST /api/wx/admin/items/{id}/again":                  {desk.Products, "item.again", false},
	"GET /api/wx/admin/virtual/bill":                       {desk.Books, "", false},
	"GET /api/wx/admin/alerts":                             {desk.View, "", false},
	"POST /api/wx/admin/alerts/{id}/close":                 {desk.Books, "alert.close", false},
	"GET /api/wx/templates":                                {desk.Outreach, "", false},
	"POST /api/wx/messages":                                {desk.Outreach, "message.send", false},
	"POST /api/wx/orders/{id}/refunds":                     {desk.Refund, "order.refund", false},
	"POST /api/wx/orders/{id}/shipments":                   {desk.Ship, "order.ship", false},
	"GET /api/wx/orders/{id}/shipments":                    {desk.View, "", false},
	"POST /api/wx/orders/{id}/sync":                        {desk.Orders, "order.sync", true},
	"POST /api/wx/orders/{id}/native":                      {desk.Orders, "order.native", true},
	"POST /api/wx/orders/{id}/cancel":                      {desk.Orders, "order.cancel", true},
	"POST /api/wx/codes":                                   {desk.Outreach, "code.make", true},
	"POST /api/wx/links":                                   {desk.Outreach, "link.make", true},
	"GET /api/wx/admin/chats":                              {desk.View, "", false},
	"GET /api/wx/admin/chats/{id}":                         {desk.View, "", false},
	"GET /api/wx/admin/chats/{id}/pictures/{picture}":      {desk.View, "", false},
	"POST /api/wx/admin/chats/{id}/read":                   {desk.Orders, "chat.read", false},
	"POST /api/wx/admin/chats/{id}/reply":                  {desk.Orders, "chat.reply", false},
	"POST /api/wx/admin/chats/{id}/typing":                 {desk.Orders, "", false},
	"POST /api/wx/admin/chats/{id}/pictures":               {desk.Orders, "chat.picture", false},
	"GET /api/wx/admin/complaints":                         {desk.View, "", false},
	"GET /api/wx/admin/complaints/{id}":                    {desk.View, "", false},
	"GET /api/wx/admin/complaints/{id}/pictures/{picture}": {desk.View, "", false},
	"POST /api/wx/admin/complaints/{id}/refresh":           {desk.Orders, "complaint.refresh", false},
	"POST /api/wx/admin/complaints/{id}/reply":             {desk.Orders, "complaint.reply", false},
	"POST /api/wx/admin/complaints/{id}/decide":            {desk.Refund, "complaint.decide", false},
	"POST /api/wx/admin/complaints/{id}/complete":          {desk.Orders, "complaint.complete", false},
	"POST /api/wx/admin/complaints/{id}/phone":             {desk.Phone, "complaint.phone", false},
	"POST /api/wx/admin/complaints/{id}/pictures":          {desk.Orders, "complaint.picture", false},
	"POST /api/wx/admin/complaints/sweep":                  {desk.Orders, "complaint.sweep", false},
	"POST /api/wx/admin/complaints/address":                {desk.Setup, "complaint.address", false},
	"POST /api/wx/orders/{id}/presale":                     {desk.Ship, "order.presale", false},
	"GET /api/wx/admin/order-pages":                        {desk.View, "", false},
	"POST /api/wx/admin/order-pages":                       {desk.Setup, "setup.pages", false},
}

// otherRoutes are not the shop's: they look themselves who calls them, or are for buyers, for WeChat, or for superusers alone.
var otherRoutes = []string{
	"POST /api/wx/admin/staff/login", "GET /api/wx/admin/token/{appid}",
	"GET /api/wx/health", "POST /api/wx/login", "POST /api/wx/logout", "GET /api/wx/session", "POST /api/wx/session/reset", "POST /api/wx/decrypt",
	"GET /api/wx/me/export", "DELETE /api/wx/me",
	"POST /api/wx/phone", "POST /api/wx/profile", "POST /api/wx/orders", "POST /api/wx/orders/{id}/pay", "POST /api/wx/orders/{id}/virtual", "POST /api/wx/orders/{id}/h5", "GET /api/wx/scenes/{scene}",
	"GET /api/wx/edges/key", "POST /api/wx/rooms/tickets", "POST /api/wx/rooms/{room}/messages", "GET /api/wx/rooms/{room}/messages",
	"GET /api/wx/rooms/{room}/members", "POST /api/wx/consents", "POST /api/wx/check/text", "POST /api/wx/check/image",
	"POST /api/wx/notify/pay/{merchant}", "POST /api/wx/notify/refund/{merchant}", "POST /api/wx/notify/payout/{merchant}",
	"POST /api/wx/notify/complaint/{merchant}",
	"GET /api/wx/payouts", "POST /api/wx/payouts/{id}/confirm", "POST /api/wx/payouts/{id}/sync", "GET /api/wx/push/{appid}", "POST /api/wx/push/{appid}",
}

// routesBelow reads the routes of a group of PocketBase's router, which keeps them to itself.
func routesBelow(group reflect.Value, prefix string) (routes []string) {
	group = reflect.Indirect(group)
	prefix += group.FieldByName("Prefix").String()
	children := group.FieldByName("children")
	for i := range children.Len() {
		child := children.Index(i).Elem()
		if action := reflect.Indirect(child).FieldByName("Method"); action.IsValid() {
			routes = append(routes, action.String()+" "+prefix+reflect.Indirect(child).FieldByName("Path").String())
			continue
		}
		routes = append(routes, routesBelow(child, prefix)...)
	}
	return routes
}

func TestEveryRouteIsInTheTable(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	served := routesBelow(reflect.ValueOf(k.Router.RouterGroup), "")
	if len(served) < 50 {
		t.Fatalf("read %d routes, want all of PocketBase's too", len(served))
	}
	for _, route := range served {
		if !strings.Contains(route, " /api/wx/") {
			continue
		}
		if _, ok := shopRoutes[route]; !ok && !slices.Contains(otherRoutes, route) {
			t.Errorf("%s is in neither table: say who may call it", route)
		}
	}
	for route := range shopRoutes {
		if !slices.Contains(served, route) {
			t.Errorf("%s is not served any more", route)
		}
	}
}

// caller is somebody who tries every route.
type caller struct {
	name  string
	role  desk.Role // empty: nobody of the shop
	token string
}

func (k kit) callers() []caller {
	k.t.Helper()
	list := []caller{{name: "guest"}, {name: "user", token: k.Login("buyer").Token}, {"superuser", desk.Superuser, k.Superuser()}}
	for _, role := range []desk.Role{desk.Owner, desk.Manager, desk.Clerk, desk.Finance, desk.Viewer} {
		list = append(list, caller{string(role), role, k.staff(role)})
	}
	return list
}

// inOrder lists the routes, and last the one after which a token is worth nothing.
func inOrder() []string {
	const last = "POST /api/wx/admin/staff/logout"
	var list []string
	for route := range shopRoutes {
		if route != last {
			list = append(list, route)
		}
	}
	slices.Sort(list)
	return append(list, last)
}

// TestRolesAndRoutes tries every route as everybody: who may not is told so and nothing else, and what is tried leaves a row in the audit.
func TestRolesAndRoutes(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	callers := k.callers()
	for _, route := range inOrder() {
		g := shopRoutes[route]
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", "missing00000000", "{room}", "notice").Replace(path)
		for _, c := range callers {
			before := len(k.rows(g.action))
			answer := k.Call(method, path, c.token, map[string]any{})
			checkAccess(t, route+" as "+c.name, g, c, answer)
			wantRows := before
			if g.action != "" && c.role != "" {
				wantRows++
			}
			if got := len(k.rows(g.action)); got != wantRows {
				t.Errorf("%s as %s: got %d rows in the audit, want %d", route, c.name, got, wantRows)
			}
		}
	}
}

func checkAccess(t *testing.T, what string, g guarded, c caller, a apptest.Answer) {
	t.Helper()
	refused := a.Status == http.StatusForbidden && a.Code() == "staff_not_allowed"
	switch {
	case c.name == "guest":
		if a.Status != http.StatusUnauthorized {
			t.Errorf("%s: got %d %s, want 401", what, a.Status, a.Body)
		}
	case c.name == "user":
		if refused == g.users {
			t.Errorf("%s: got %d %s, want refused: %v", what, a.Status, a.Body, !g.users)
		}
	case c.role.May(g.needs) && (refused || a.Status == http.StatusUnauthorized):
		t.Errorf("%s: got %d %s, want it let through", what, a.Status, a.Body)
	case !c.role.May(g.needs) && !refused:
		t.Errorf("%s: got %d %s, want 403 staff_not_allowed", what, a.Status, a.Body)
	}
	if a.Status >= http.StatusInternalServerError {
		t.Errorf("%s: got %d %s", what, a.Status, a.Body)
	}
}

func TestRoleTable(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		role        desk.Role
		may, mayNot []desk.Permission
	}{
		{desk.Superuser, []desk.Permission{desk.Staff, desk.Setup, desk.Refund}, nil},
		{desk.Owner, []desk.Permission{desk.Staff, desk.Setup, desk.Audit, desk.Refund, desk.Phone}, nil},
		{desk.Manager, []desk.Permission{desk.Refund, desk.Products, desk.Audit}, []desk.Permission{desk.Staff, desk.Setup}},
		{desk.Clerk, []desk.Permission{desk.View, desk.Ship, desk.Orders, desk.Phone}, []desk.Permission{desk.Refund, desk.Dispute, desk.Export, desk.Users, desk.Audit}},
		{desk.Finance, []desk.Permission{desk.Refund, desk.Books, desk.Export}, []desk.Permission{desk.Ship, desk.Phone, desk.Products}},
		{desk.Viewer, []desk.Permission{desk.View}, []desk.Permission{desk.Phone, desk.Export, desk.Orders, desk.Ship, desk.Refund}},
		{"stranger", nil, []desk.Permission{desk.View}},
	}
	for _, s := range scenarios {
		for _, p := range s.may {
			if !s.role.May(p) {
				t.Errorf("%s: got no %s, want it", s.role, p)
			}
		}
		for _, p := range s.mayNot {
			if s.role.May(p) {
				t.Errorf("%s: got %s, want it refused", s.role, p)
			}
		}
	}
}

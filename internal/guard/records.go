package guard

// Only the engine writes the engine's books. A payState set by hand moves no money and no ledger row, and a refund row
// made by hand is never sent and blocks the balance. So HTTP requests, from the dashboard or elsewhere, may write only
// what is listed here, and a refusal names the route to use. The server's own code and an operator's scripts are not
// restricted.

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
)

// byHand is what a superuser may do by hand with the rows of a collection of ours.
type byHand struct {
	create, remove bool
	fields         []string // that may be written, besides the operator's own
	instead        string   // what to do for everything else
}

// freely is a collection that people fill in.
var freely = byHand{create: true, remove: true}

// handWritten lists the collections of which something may be written by hand. Nothing of any other may.
func handWritten() map[string]byHand {
	return map[string]byHand{
		"products":         freely,
		"product_variants": freely,
		"rooms":            freely,
		"wx_apps":          freely,
		"wx_merchants":     freely,
		"wx_templates":     freely,
		"wx_check_fields":  freely,
		"users": {
			remove:  true,
			fields:  []string{"name", "avatar", "phone", "countryCode", "blocked", "email", "emailVisibility", "verified", "password", "tokenKey"},
			instead: "users are made by POST /api/wx/login",
		},
		"orders": {
			fields: []string{"note"},
			instead: "POST /api/wx/orders makes one for a user; /api/wx/orders/{id}/cancel, /refunds, /shipments and /sync change its state; " +
				"/api/wx/admin/orders/{id}/resolve settles a disputed one",
		},
		"payments":           {instead: "POST /api/wx/orders/{id}/sync asks WeChat how the payment stands"},
		"refunds":            {instead: "POST /api/wx/orders/{id}/refunds gives money back"},
		"wx_payouts":         {instead: "POST /api/wx/admin/payouts makes one, /approve, /cancel and /sync below it move one"},
		"wx_bill_diffs":      {fields: []string{"resolved"}, instead: "a difference is found by comparing with WeChat's bill; only resolved is set by hand"},
		"wx_items":           {instead: "the server uploads the products of kind virtual; POST /api/wx/admin/items/{id}/again begins anew"},
		"wx_codes":           {remove: true, instead: "POST /api/wx/codes makes one"},
		"wx_links":           {remove: true, instead: "POST /api/wx/links makes one"},
		"room_messages":      {remove: true, instead: "POST /api/wx/rooms/{room}/messages says something"},
		"wx_messages":        {remove: true, instead: "POST /api/wx/messages sends one"},
		"wx_identities":      {instead: "a login makes it"},
		"wx_checks":          {instead: "POST /api/wx/admin/held/{id} decides about what is held back"},
		"wx_invites":         {instead: "a first login through a shared code makes it"},
		"wx_quotas":          {instead: "the settings WXBASE_… say how much somebody may do; the server counts"},
		"wx_scans":           {instead: "scanning a code counts here"},
		"wx_consents":        {instead: "POST /api/wx/consents reports the answers of a user"},
		"wx_alerts":          {instead: "POST /api/wx/admin/alerts/{id}/close closes one"},
		"wx_inbox":           {instead: "WeChat writes here by its notifications"},
		"wx_outbox":          {instead: "the server works through it by itself"},
		"wx_ledger":          {instead: "it is append-only, and written together with what it tells of"},
		"wx_bills":           {instead: "wxbase bill DAY compares a day again"},
		"wx_staff":           {instead: "POST /api/wx/admin/staff makes an account, PATCH and DELETE /api/wx/admin/staff/{id} change and remove it"},
		"wx_staff_sessions":  {instead: "a login of staff makes it, DELETE /api/wx/admin/staff/sessions/{id} ends it"},
		"wx_audit":           {instead: "it is append-only, and written with what it tells of"},
		"wx_complaints":      {instead: "WeChat says what stands in it; POST /api/wx/admin/complaints/{id}/reply and its like answer"},
		"wx_chats":           {instead: "a person who writes makes it; POST /api/wx/admin/chats/{id}/read says that it was read"},
		"wx_chat_messages":   {instead: "WeChat pushes what people write; POST /api/wx/admin/chats/{id}/reply answers"},
		"wx_erasures":        {instead: "DELETE /api/wx/me or POST /api/wx/admin/users/{id}/forget makes one, a login or DELETE takes it back"},
		"wx_refund_requests": {instead: "POST /api/wx/admin/refunds/{id}/approve and /refuse decide about it"},
		"wx_order_lines":     {instead: "it follows from the orders"},
		"wx_sales_hours":     {instead: "it follows from the orders"},
		"wx_sales_products":  {instead: "it follows from the orders"},
		"wx_remarks":         {instead: "POST /api/wx/admin/orders/{id}/remark writes it"},
		"room_sequences":     {instead: "the numbers of a room's messages are given by the server"},
	}
}

// freelyWritten reports whether people, and not the engine, fill a collection in.
func freelyWritten(collection string) bool { return handWritten()[collection].create }

func (g *rowGuard) bindRecords() {
	g.app.OnRecordCreateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "wxKeepBooks", Priority: -100, Func: g.keepFromCreation})
	g.app.OnRecordUpdateRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "wxKeepBooks", Priority: -100, Func: g.keepFromChange})
	g.app.OnRecordDeleteRequest().Bind(&hook.Handler[*core.RecordRequestEvent]{Id: "wxKeepBooks", Priority: -100, Func: g.keepFromRemoval})
}

func (g *rowGuard) keepFromCreation(e *core.RecordRequestEvent) error {
	if allowed := g.byHand[e.Collection.Name]; g.schema.has(e.Collection.Name) && !allowed.create {
		return refuseByHand(e.Collection.Name, allowed)
	}
	return e.Next()
}

func (g *rowGuard) keepFromRemoval(e *core.RecordRequestEvent) error {
	if allowed := g.byHand[e.Collection.Name]; g.schema.has(e.Collection.Name) && !allowed.remove {
		return refuseByHand(e.Collection.Name, allowed)
	}
	return e.Next()
}

func (g *rowGuard) keepFromChange(e *core.RecordRequestEvent) error {
	allowed := g.byHand[e.Collection.Name]
	if !g.schema.has(e.Collection.Name) || allowed.create {
		return e.Next()
	}
	for _, name := range changedFields(e.Record) {
		if g.schema.owns(e.Collection.Name, name) && !slices.Contains(allowed.fields, name) {
			refusal := refuseByHand(e.Collection.Name, allowed)
			refusal.Data["field"] = name
			return refusal
		}
		if e.Collection.Name == "users" && !e.HasSuperuserAuth() && !slices.Contains(g.userFields, name) {
			return answer.With(answer.FieldLocked, "field", name)
		}
	}
	return e.Next()
}

// userFields reads WXBASE_USER_FIELDS: which fields that the operator has added to users their user may write, besides name and avatar.
func userFields(env func(string) string, schema ownSchema) ([]string, error) {
	fields := []string{"name", "avatar"}
	for name := range strings.SplitSeq(env("WXBASE_USER_FIELDS"), ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case name != "name" && name != "avatar" && schema.owns("users", name):
			return nil, fmt.Errorf("WXBASE_USER_FIELDS names %s, which is written by the server alone; name fields that you have added", name)
		default:
			fields = append(fields, name)
		}
	}
	return fields, nil
}

// changedFields are the fields whose value is another one than in the database, in order.
//
// note: the values are compared as they would be stored, because a form says "0" where a row says 0.
func changedFields(r *core.Record) []string {
	before, after := r.Original().FieldsData(), r.FieldsData()
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if !reflect.DeepEqual(before[name], after[name]) {
			changed = append(changed, name)
		}
	}
	return changed
}

func refuseByHand(collection string, allowed byHand) *router.ApiError {
	refusal := answer.With(answer.EngineWrites, "collection", collection)
	if allowed.instead != "" {
		refusal.Data["instead"] = allowed.instead
	}
	return refusal
}

// keepFromTruncation stands before DELETE /api/collections/{collection}/truncate, for which PocketBase has no hook.
func (g *rowGuard) keepFromTruncation(e *core.RequestEvent) error {
	if e.Request.Method != http.MethodDelete || !strings.HasSuffix(e.Request.URL.Path, "/truncate") || !e.HasSuperuserAuth() {
		return e.Next()
	}
	c, err := e.App.FindCachedCollectionByNameOrId(e.Request.PathValue("collection"))
	if err != nil {
		return e.Next() // PocketBase says that there is none
	}
	if allowed := g.byHand[c.Name]; g.schema.has(c.Name) && !allowed.create {
		return refuseByHand(c.Name, allowed)
	}
	return e.Next()
}

// keepFromSQL stands before the SQL console, POST /api/sql: a statement goes past everything above. note: which tables a statement writes
// cannot be read from its text, since triggers, CTEs and ATTACH write too.
func (g *rowGuard) keepFromSQL(e *core.RequestEvent) error {
	if e.Request.Method != http.MethodPost || e.Request.URL.Path != "/api/sql" || !e.HasSuperuserAuth() {
		return e.Next()
	}
	if g.env("WXBASE_SQL_CONSOLE") != "1" {
		return answer.Fail(answer.SQLOff, nil)
	}
	var form struct {
		Query string `json:"query" form:"query"`
	}
	if err := e.BindBody(&form); err != nil {
		return answer.Or(err, answer.BadRequest)
	}
	err := e.Next()
	e.App.Logger().Warn("SQL console", "who", e.Auth.Email(), "query", form.Query, "failed", err != nil)
	return err
}

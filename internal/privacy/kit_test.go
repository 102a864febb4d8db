package privacy_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/apptest"
)

// What is planted about the person, and looked for afterwards.
const (
	nameOfPerson  = "林小满的名字"
	phoneOfPerson = "13987654321"
	mailOfPerson  = "xiaoman@example.org"
	wordsOfPerson = "这是小满写的话"
	keyOfPerson   = "a-session-key-of-theirs"
)

// withoutPeople are the collections in which no row is about a user, and why.
var withoutPeople = map[string]string{
	"_superusers": "operators", "wx_staff": "operators", "wx_staff_sessions": "operators",
	"wx_apps": "settings", "wx_merchants": "settings", "wx_templates": "settings", "wx_check_fields": "settings",
	"wx_sales_hours": "sums", "wx_sales_products": "sums", "wx_bills": "sums of a day",
	"products": "goods", "product_variants": "goods", "wx_items": "goods", "rooms": "rooms", "room_sequences": "numbers",
}

// money are the collections whose rows stay.
var money = []string{
	"orders", "payments", "refunds", "wx_payouts", "wx_ledger", "wx_order_lines", "wx_refund_requests", "wx_bill_diffs", "wx_alerts", "wx_audit", "wx_erasures",
}

// planter puts a row about a person into every collection.
type planter struct {
	t      *testing.T
	app    *apptest.App
	user   string
	openID string
	ids    map[string]string // by collection
}

// plant fills every collection that there is, the operator's too.
func plant(t *testing.T, app *apptest.App, user string) *planter {
	t.Helper()
	makeOperators(t, app)
	identity, err := app.FindFirstRecordByData("wx_identities", "user", user)
	if err != nil {
		t.Fatal(err)
	}
	p := &planter{t: t, app: app, user: user, openID: identity.GetString("openid"), ids: map[string]string{}}
	p.update("users", user, dbx.Params{"name": nameOfPerson, "phone": phoneOfPerson, "email": mailOfPerson, "avatar": "planted.txt", "hobby": wordsOfPerson})
	p.keepFile("users", user)
	p.update("wx_identities", identity.Id, dbx.Params{"unionid": "union-of-xiaoman", "sessionKey": keyOfPerson})
	p.ids["users"], p.ids["wx_identities"] = user, identity.Id
	all, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		t.Fatal(err)
	}
	first := []string{"orders", "payments", "refunds", "wx_codes", "op_cascade"} // others name these
	for _, name := range first {
		p.fill(name)
	}
	for _, c := range all {
		if p.ids[c.Name] == "" && withoutPeople[c.Name] == "" {
			p.fill(c.Name)
		}
	}
	return p
}

func (p *planter) update(table, id string, fields dbx.Params) {
	p.t.Helper()
	if _, err := p.app.NonconcurrentDB().Update(table, fields, dbx.HashExp{"id": id}).Execute(); err != nil {
		p.t.Fatal(err)
	}
}

// fill writes one row past every hook.
func (p *planter) fill(table string) {
	p.t.Helper()
	c, err := p.app.FindCachedCollectionByNameOrId(table)
	if err != nil {
		p.t.Fatal(err)
	}
	id := core.GenerateDefaultRandomId()
	p.ids[table] = id
	row := dbx.Params{}
	for _, f := range c.Fields {
		row[f.GetName()] = p.value(c, f, id)
	}
	row["id"] = id
	if _, err := p.app.NonconcurrentDB().Insert(table, row).Execute(); err != nil {
		p.t.Fatalf("%s: %v", table, err)
	}
}

// value is what a field of a row about the person holds.
func (p *planter) value(c *core.Collection, field core.Field, id string) any {
	if fixed, ok := p.fixed(c.Name)[field.GetName()]; ok {
		return fixed
	}
	switch f := field.(type) {
	case *core.RelationField:
		to := p.user
		if owner, err := p.app.FindCachedCollectionByNameOrId(f.CollectionId); err == nil && owner.Name != "users" {
			to = p.ids[owner.Name]
		}
		if f.IsMultiple() {
			return `["` + to + `"]`
		}
		return to
	case *core.SelectField:
		return f.Values[len(f.Values)-1]
	case *core.JSONField:
		return `{"said":"` + wordsOfPerson + `"}`
	case *core.NumberField, *core.BoolField:
		return 1
	case *core.DateField, *core.AutodateField:
		return types.NowDateTime().String()
	case *core.FileField:
		p.keepFile(c.Name, id)
		return "planted.txt"
	default:
		return wordsOfPerson + c.Name + field.GetName()
	}
}

// fixed are the columns that make a row what it is.
func (p *planter) fixed(table string) map[string]any {
	switch table {
	case "orders":
		return map[string]any{"payState": "CANCELLED", "frozenAt": "", "items": "[]"}
	case "payments":
		return map[string]any{"state": "CLOSED", "openid": p.openID}
	case "refunds":
		return map[string]any{"state": "SUCCESS"}
	case "wx_refund_requests":
		return map[string]any{"state": "APPROVED", "order": p.ids["orders"]}
	case "wx_ledger", "wx_order_lines", "wx_remarks":
		return map[string]any{"order": p.ids["orders"]}
	case "wx_bill_diffs":
		return map[string]any{"outTradeNo": wordsOfPerson + "paymentsoutTradeNo"}
	case "wx_alerts":
		return map[string]any{"subject": p.ids["payments"]}
	case "wx_audit":
		return map[string]any{"subject": p.user, "label": nameOfPerson, "details": "{}"}
	case "wx_inbox":
		return map[string]any{"kind": "push", "body": `{"FromUserName":"` + p.openID + `"}`}
	case "wx_outbox":
		return map[string]any{"effect": "message.send", "payload": `{"openid":"` + p.openID + `"}`}
	case "wx_quotas":
		return map[string]any{"key": "phones/user/" + p.user + "/2026-11-29"}
	case "room_messages":
		return map[string]any{"sender": p.user}
	case "wx_erasures":
		return map[string]any{"user": p.user, "state": "DONE", "traces": "null", "reason": "", "error": ""}
	case "_externalAuths", "_mfas", "_otps", "_authOrigins":
		users, _ := p.app.FindCachedCollectionByNameOrId("users")
		return map[string]any{"collectionRef": users.Id, "recordRef": p.user}
	case "op_text":
		return map[string]any{"openid": p.openID}
	}
	return nil
}

func (p *planter) keepFile(table, id string) {
	p.t.Helper()
	c, err := p.app.FindCachedCollectionByNameOrId(table)
	if err != nil {
		p.t.Fatal(err)
	}
	dir := filepath.Join(p.app.DataDir(), "storage", c.Id, id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "planted.txt"), []byte("file of "+table), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// makeOperators adds a field of an operator's to users, and collections with every kind of relation.
func makeOperators(t *testing.T, app *apptest.App) {
	t.Helper()
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.Fields.Add(&core.TextField{Name: "hobby"})
	if err := app.Save(users); err != nil {
		t.Fatal(err)
	}
	to := func(id string, change func(*core.RelationField)) *core.RelationField {
		f := &core.RelationField{Name: "who", CollectionId: id, MaxSelect: 1}
		change(f)
		return f
	}
	cascade := makeOperator(t, app, "op_cascade", to(users.Id, func(f *core.RelationField) { f.CascadeDelete = true }), &core.FileField{Name: "file"})
	makeOperator(t, app, "op_child", to(cascade.Id, func(f *core.RelationField) { f.CascadeDelete = true }))
	makeOperator(t, app, "op_cleared", to(users.Id, func(*core.RelationField) {}))
	makeOperator(t, app, "op_required", to(users.Id, func(f *core.RelationField) { f.Required = true }))
	makeOperator(t, app, "op_many", to(users.Id, func(f *core.RelationField) { f.MaxSelect = 9; f.CascadeDelete = true }))
	makeOperator(t, app, "op_text", &core.TextField{Name: "openid"})
}

func makeOperator(t *testing.T, app *apptest.App, name string, fields ...core.Field) *core.Collection {
	t.Helper()
	c := core.NewBaseCollection(name)
	c.Fields.Add(append(fields, &core.TextField{Name: "said"})...)
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// taken is an export that somebody opened.
type taken struct {
	Collections map[string][]map[string]any `json:"collections"`
	Mentions    []struct {
		Collection, ID string
	} `json:"mentions"`

	text  string
	files map[string]string
}

func open(t *testing.T, body []byte) taken {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("open the zip: %v: %s", err, body[:min(len(body), 300)])
	}
	got := taken{files: map[string]string{}}
	for _, f := range archive.File {
		reader, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		got.files[f.Name] = string(text)
	}
	got.text = got.files["data.json"]
	if err := json.Unmarshal([]byte(got.text), &got); err != nil {
		t.Fatalf("read data.json: %v\n%s", err, got.text)
	}
	return got
}

// has tells whether a row is in the export, whole or by name.
func (x taken) has(table, id string) bool {
	for _, row := range x.Collections[table] {
		if row["id"] == id {
			return true
		}
	}
	return slices.ContainsFunc(x.Mentions, func(m struct{ Collection, ID string }) bool { return m.Collection == table && m.ID == id })
}

// where lists the tables in which a text stands, of the whole database.
func where(t *testing.T, app *apptest.App, words ...string) (found []string) {
	t.Helper()
	var tables []string
	if err := app.DB().NewQuery("SELECT name FROM sqlite_master WHERE type = 'table'").Column(&tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		rows := []dbx.NullStringMap{}
		if err := app.DB().NewQuery("SELECT * FROM `" + table + "`").All(&rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for column, value := range row {
				for _, word := range words {
					if strings.Contains(value.String, word) {
						found = append(found, fmt.Sprintf("%s.%s", table, column))
					}
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// sweep does what the minute's job does.
func sweep(t *testing.T, app *apptest.App) {
	t.Helper()
	for _, job := range app.Cron().Jobs() {
		if job.Id() == "wxForget" {
			job.Run()
			return
		}
	}
	t.Fatal("there is no job wxForget")
}

// stateOf is the state of the newest wish about a user.
func stateOf(t *testing.T, app *apptest.App, user string) string {
	t.Helper()
	return app.Must(http.MethodGet, "/api/wx/admin/users/"+user+"/forget", app.Superuser(), nil).Text("state")
}

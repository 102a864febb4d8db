package hooks_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
)

// the same person is two users, one per mini program, until the owner binds both to an open platform account
func TestMergeLosesNothing(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	addApp(t, app, ownSecret)
	wx.allow(ownAppID, "a1", wechatSession{OpenID: "o-a", SessionKey: keyOne})
	wx.allow(nextAppID, "b1", wechatSession{OpenID: "o-b", SessionKey: keyOne})
	older := login(app, ownAppID, "a1")
	newer := login(app, nextAppID, "b1")
	product := newRecord(t, app, "products", map[string]any{"name": "三鲜面", "price": 1800, "active": true})
	body := func(appID string) map[string]any {
		return map[string]any{"items": []any{map[string]any{"product": product.Id, "quantity": 1}}, "key": "same-key", "appid": appID}
	}
	first := app.Must(http.MethodPost, "/api/wx/orders", older.Text("token"), body(ownAppID))
	second := app.Must(http.MethodPost, "/api/wx/orders", newer.Text("token"), body(nextAppID))
	app.Must(http.MethodPost, "/api/wx/profile", newer.Text("token"), map[string]string{"name": "阿明"})
	for _, a := range []apptest.Answer{older, newer} {
		newRecord(t, app, "wx_consents", map[string]any{"user": userID(a), "templateId": "T", "remaining": 2})
	}
	notes := ownCollection(t, app)
	note := newRecord(t, app, notes, map[string]any{"writer": userID(newer), "readers": []string{userID(newer), userID(older)}})

	wx.allow(ownAppID, "a2", wechatSession{OpenID: "o-a", UnionID: "u-1", SessionKey: keyOne})
	wx.allow(nextAppID, "b2", wechatSession{OpenID: "o-b", UnionID: "u-1", SessionKey: keyTwo})
	login(app, ownAppID, "a2")
	merged := login(app, nextAppID, "b2")

	if userID(merged) != userID(older) {
		t.Errorf("user: got %s, want the older %s", userID(merged), userID(older))
	}
	for _, o := range []apptest.Answer{first, second} {
		if got := app.Call(http.MethodGet, "/api/collections/orders/records/"+o.Text("id"), merged.Text("token"), nil); got.Status != http.StatusOK {
			t.Errorf("order %s after the merge: got %d, want 200", o.Text("id"), got.Status)
		}
	}
	if n := count(t, app, "users", dbx.HashExp{"id": userID(newer)}); n != 0 {
		t.Error("the newer user is still there")
	}
	if got := app.Call(http.MethodPost, "/api/wx/logout", newer.Text("token"), nil); got.Status != http.StatusUnauthorized {
		t.Errorf("token of the lost user: got %d, want 401", got.Status)
	}
	consents, err := app.FindAllRecords("wx_consents", dbx.HashExp{"user": userID(older)})
	if err != nil || len(consents) != 1 || consents[0].GetInt("remaining") != 4 {
		t.Errorf("consents: got %d rows (%v), want one with 4", len(consents), err)
	}
	user, err := app.FindRecordById("users", userID(older))
	if err != nil || user.GetString("name") != "阿明" {
		t.Errorf("name: got %v (%v), want the one that was chosen", user.GetString("name"), err)
	}
	kept, err := app.FindRecordById(notes, note.Id)
	if err != nil || kept.GetString("writer") != userID(older) || len(kept.GetStringSlice("readers")) != 1 {
		t.Errorf("the owner's own collection: got %v (%v), want both relations moved", kept, err)
	}
}

// ownCollection is a collection of the shop's owner that refers to users, once alone and once in a list.
func ownCollection(t *testing.T, app *apptest.App) string {
	t.Helper()
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	c := core.NewBaseCollection("notes")
	c.Fields.Add(
		&core.RelationField{Name: "writer", CollectionId: users.Id, MaxSelect: 1, CascadeDelete: true},
		&core.RelationField{Name: "readers", CollectionId: users.Id, MaxSelect: 10},
	)
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	return c.Name
}

func newRecord(t *testing.T, app *apptest.App, collection string, fields map[string]any) *core.Record {
	t.Helper()
	c, err := app.FindCollectionByNameOrId(collection)
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(fields)
	if err := app.Save(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func login(app *apptest.App, appID, code string) apptest.Answer {
	return app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": code, "appid": appID})
}

func userID(a apptest.Answer) string {
	record, _ := a.JSON["record"].(map[string]any)
	id, _ := record["id"].(string)
	return id
}

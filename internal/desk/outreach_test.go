package desk_test

import (
	"bytes"
	"encoding/json"
	"image"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
)

// itemsOf reads the items of a list.
func itemsOf(t *testing.T, a apptest.Answer) (items []map[string]any) {
	t.Helper()
	var page struct {
		Items []map[string]any `json:"items"`
	}
	if err := json.Unmarshal(a.Body, &page); err != nil || a.Status != http.StatusOK {
		t.Fatalf("got %d %s, want a list", a.Status, a.Body)
	}
	return page.Items
}

func TestCodes(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	viewer := memberToken(t, a, "viewer")
	maker, guest := a.Login("分享者"), a.Login("客人")
	maker.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "分享者"})
	guest.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "客人"})
	code := maker.Must(http.MethodPost, "/api/wx/codes", map[string]any{"page": "pages/product/product", "payload": map[string]any{"product": "tea"}, "checkPath": false})
	guest.Must(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), nil)
	a.Must(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), "", nil)
	const path = "/api/wx/admin/codes"
	found := itemsOf(t, a.Call(http.MethodGet, path+"?search="+code.Text("scene"), viewer, nil))
	if len(found) != 1 || found[0]["scans"] != 2.0 || found[0]["maker"] != maker.User {
		t.Errorf("codes: got %v, want one with two scans", found)
	}
	story := a.Must(http.MethodGet, path+"/"+code.Text("id"), viewer, nil)
	for _, want := range []string{`"scans":2,"users":1,"guests":1`, `"name":"客人","inviter":"` + maker.User, `"inviterName":"分享者"`} {
		if !strings.Contains(strings.ReplaceAll(string(story.Body), `"user":"`+guest.User+`",`, ""), want) {
			t.Errorf("story: got %s, want %s", story.Body, want)
		}
	}
	for _, width := range []string{"280", "1280"} {
		got := a.Must(http.MethodGet, path+"/"+code.Text("id")+"/image?width="+width, viewer, nil)
		if config, _, err := image.DecodeConfig(bytes.NewReader(got.Body)); err != nil || config.Width != map[string]int{"280": 280, "1280": 1280}[width] {
			t.Errorf("picture of %s: got %v, %v", width, config.Width, err)
		}
	}
	if got := a.Call(http.MethodGet, path+"/"+code.Text("id")+"/image?width=5000", viewer, nil); got.Status != http.StatusBadRequest {
		t.Errorf("another width: got %d, want 400", got.Status)
	}
	if got := a.Call(http.MethodGet, path+"/nosuchcode00000", viewer, nil); got.Status != http.StatusNotFound {
		t.Errorf("no code: got %d, want 404", got.Status)
	}
	for _, token := range []string{"", maker.Token} {
		if got := a.Call(http.MethodGet, path, token, nil); got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
			t.Errorf("a stranger: got %d", got.Status)
		}
	}
}

func TestOutreachLists(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	manager, viewer := memberToken(t, a, "manager"), memberToken(t, a, "viewer")
	a.Must(http.MethodPost, "/api/wx/links", a.Superuser(), map[string]any{"kind": "link", "path": "pages/index/index", "query": "a=1"})
	if links := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/links", viewer, nil)); len(links) != 1 || links[0]["path"] != "pages/index/index" || links[0]["expiresAt"] == "" {
		t.Errorf("links: got %v", links)
	}
	const rules = "/api/wx/admin/message-rules"
	before := itemsOf(t, a.Call(http.MethodGet, rules, viewer, nil))
	if len(before) < 3 || before[0]["id"] != "" || before[0]["enabled"] != false {
		t.Errorf("rules: got %v, want every event and nothing sent", before)
	}
	event, _ := before[0]["event"].(string)
	rule := map[string]any{"templateId": "tmpl-1", "page": "pages/order/order", "data": map[string]string{"thing1": "{{items}}"}, "enabled": true}
	if got := a.Call(http.MethodPut, rules+"/"+event, viewer, rule); got.Status != http.StatusForbidden {
		t.Errorf("a viewer: got %d, want 403", got.Status)
	}
	first := a.Must(http.MethodPut, rules+"/"+event, manager, rule)
	rule["enabled"] = false
	second := a.Must(http.MethodPut, rules+"/"+event, manager, rule)
	if first.Text("id") != second.Text("id") || second.JSON["enabled"] != false {
		t.Errorf("set twice: got %s then %s, want one rule", first.Body, second.Body)
	}
	rule["data"] = map[string]string{"no key": "x"}
	if got := a.Call(http.MethodPut, rules+"/"+event, manager, rule); got.Status != http.StatusBadRequest || got.Data("field") != "data" {
		t.Errorf("a key that no template has: got %d %s", got.Status, got.Body)
	}
	if got := a.Call(http.MethodPut, rules+"/moon", manager, rule); got.Status != http.StatusNotFound {
		t.Errorf("an unknown event: got %d, want 404", got.Status)
	}
	buyer := a.Login("买家")
	buyer.Must(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{"tmpl-1": "accept"}})
	if sums := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/consents", viewer, nil)); len(sums) != 1 || sums[0]["people"] != 1.0 || sums[0]["remaining"] != 1.0 {
		t.Errorf("consents: got %v, want one of one", sums)
	}
	if rooms := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/rooms", viewer, nil)); len(rooms) < 1 || rooms[0]["name"] == "" {
		t.Errorf("rooms: got %v", rooms)
	}
	for _, path := range []string{"/messages?state=SENT", "/messages", "/codes"} {
		itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin"+path, viewer, nil))
	}
}

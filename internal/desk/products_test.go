package desk_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
)

const productsPath = "/api/wx/admin/products"

type product struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Image    string `json:"image"`
	Price    int    `json:"price"`
	Stock    int    `json:"stock"`
	Active   bool   `json:"active"`
	Position int    `json:"position"`
	Sold     int    `json:"sold"`
	Variants []struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Price int    `json:"price"`
		Stock int    `json:"stock"`
	} `json:"variants"`
}

func productOf(t *testing.T, a apptest.Answer) (p product) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &p); err != nil || p.ID == "" {
		t.Fatalf("got %s, want a product", a.Body)
	}
	return p
}

// memberToken makes a staff member of a role and signs them in.
func memberToken(t *testing.T, a *apptest.App, role string) string {
	t.Helper()
	email := "b-" + role + "@example.com"
	a.Must(http.MethodPost, "/api/wx/admin/staff", a.Superuser(), map[string]any{"email": email, "name": role, "role": role, "password": "a-long-password-1"})
	return a.Must(http.MethodPost, "/api/wx/admin/staff/login", "", map[string]any{"email": email, "password": "a-long-password-1"}).Text("token")
}

func auditActions(t *testing.T, a *apptest.App) string {
	t.Helper()
	rows, err := a.FindAllRecords("wx_audit")
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, r := range rows {
		actions = append(actions, r.GetString("action"))
	}
	return strings.Join(actions, " ")
}

func TestProducts(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	manager, clerk := memberToken(t, a, "manager"), memberToken(t, a, "clerk")
	if got := a.Call(http.MethodPost, productsPath, clerk, map[string]any{"name": "x"}); got.Status != http.StatusForbidden {
		t.Errorf("a clerk: got %d, want 403", got.Status)
	}
	tea := productOf(t, a.Must(http.MethodPost, productsPath, manager, map[string]any{
		"name": "铁观音", "description": "安溪", "active": true, "category": "茶", "variants": []any{
			map[string]any{"name": "100克", "price": 5900, "stock": 5, "active": true}, map[string]any{"name": "250克", "price": 12900, "stock": -1, "active": true},
		},
	}))
	if tea.Price != 5900 || len(tea.Variants) != 2 || tea.Variants[1].Stock != -1 || tea.Position != 7 {
		t.Errorf("got %+v, want the lowest price, two specifications and the last place", tea)
	}
	scenarios := []struct {
		name string
		body map[string]any
		path string
		say  string
	}{
		{"no price", map[string]any{"name": "茶", "active": true}, productsPath, "price"},
		{"no name", map[string]any{"price": 1}, productsPath, "name"},
		{"a stock below nothing", map[string]any{"name": "茶", "price": 1, "stock": -2}, productsPath, "stock"},
		{"an unknown field", map[string]any{"name": "茶", "prise": 1}, productsPath, "prise"},
		{"two of a name", map[string]any{"name": "茶", "variants": []any{map[string]any{"name": "a", "price": 1}, map[string]any{"name": "a", "price": 1}}}, productsPath, "variants[1].name"},
		{"a specification for nothing", map[string]any{"name": "茶", "variants": []any{map[string]any{"name": "a", "active": true}}}, productsPath, "variants[0].price"},
		{"a stranger's specification", map[string]any{"name": "茶", "variants": []any{map[string]any{"id": tea.Variants[0].ID, "name": "a", "price": 1}}}, productsPath, "variants[0].id"},
	}
	for _, s := range scenarios {
		if got := a.Call(http.MethodPost, s.path, manager, s.body); got.Status != http.StatusBadRequest || got.Data("field") != s.say {
			t.Errorf("%s: got %d %s, want 400 and %s", s.name, got.Status, got.Body, s.say)
		}
	}
	checkStock(t, a, manager, tea)
	checkLists(t, a, manager, tea)
	checkRemoval(t, a, manager, tea)
	for _, action := range []string{"product.create", "product.change", "product.remove", "product.order", "product.bulk", "product.image"} {
		if !strings.Contains(auditActions(t, a), action) {
			t.Errorf("audit: got %s, want %s", auditActions(t, a), action)
		}
	}
}

// checkStock: what is sold while somebody types a new stock stays sold.
func checkStock(t *testing.T, a *apptest.App, manager string, tea product) {
	t.Helper()
	buyer := a.Login("茶客")
	line := map[string]any{"product": tea.ID, "variant": tea.Variants[0].ID, "quantity": 2}
	order := buyer.Must(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{line}})
	got := productOf(t, a.Must(http.MethodPatch, productsPath+"/"+tea.ID, manager, map[string]any{"variants": []any{
		map[string]any{"id": tea.Variants[0].ID, "name": "100 克", "price": 5900, "stock": 15, "stockWas": 5, "active": true},
		map[string]any{"id": tea.Variants[1].ID, "name": "250克", "price": 12900, "active": true},
	}}))
	if got.Variants[0].Stock != 13 || got.Variants[0].Name != "100 克" || got.Variants[1].Stock != -1 {
		t.Errorf("got %+v, want 13 left, the name changed and the other as it was", got.Variants)
	}
	pay := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/pay", map[string]any{})
	buyer.PayAtCashier(pay)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", map[string]any{})
	if got := productOf(t, a.Must(http.MethodGet, productsPath+"/"+tea.ID, manager, nil)); got.Sold != 2 {
		t.Errorf("sold: got %d, want 2", got.Sold)
	}
}

func checkLists(t *testing.T, a *apptest.App, manager string, tea product) {
	t.Helper()
	list := func(query string) (ids []string) {
		var page struct {
			Items []product `json:"items"`
		}
		if err := json.Unmarshal(a.Must(http.MethodGet, productsPath+query, manager, nil).Body, &page); err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Items {
			ids = append(ids, p.ID)
		}
		return ids
	}
	for query, want := range map[string]int{"": 7, "?search=观音": 1, "?category=茶": 1, "?active=false": 0, "?active=true&perPage=2": 2} {
		if got := list(query); len(got) != want {
			t.Errorf("%s: got %d, want %d", query, len(got), want)
		}
	}
	if got := string(a.Must(http.MethodGet, "/api/wx/admin/categories", manager, nil).Body); !strings.Contains(got, `["茶","饮品"]`) {
		t.Errorf("categories: got %s", got)
	}
	before := list("")
	a.Must(http.MethodPost, productsPath+"/order", manager, map[string]any{"ids": []string{before[5], before[1], before[0]}})
	want := []string{before[5], before[1], before[2], before[3], before[4], before[0], before[6]}
	if got := list(""); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("order: got %v, want %v", got, want)
	}
	if got := a.Call(http.MethodPost, productsPath+"/order", manager, map[string]any{"ids": []string{before[0], "nosuchproduct00"}}); got.Status != http.StatusBadRequest {
		t.Errorf("an unknown one: got %d, want 400", got.Status)
	}
	a.Must(http.MethodPost, productsPath+"/bulk", manager, map[string]any{"ids": before[:2], "active": false})
	if got := list("?active=false"); len(got) != 2 {
		t.Errorf("off: got %d, want 2", len(got))
	}
	png, _ := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", "tea.png")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(png)
	_ = w.Close()
	got := productOf(t, a.CallAs(http.MethodPost, productsPath+"/"+tea.ID+"/image", manager, w.FormDataContentType(), form.String()))
	if file := a.Call(http.MethodGet, got.Image, "", nil); file.Status != http.StatusOK || !bytes.Equal(file.Body, png) {
		t.Errorf("picture %s: got %d, want what was sent", got.Image, file.Status)
	}
}

// checkRemoval: what was ordered is taken down and stays, what never was goes.
func checkRemoval(t *testing.T, a *apptest.App, manager string, tea product) {
	t.Helper()
	if got := a.Must(http.MethodDelete, productsPath+"/"+tea.ID, manager, nil); got.JSON["archived"] != true {
		t.Errorf("sold: got %s, want it archived", got.Body)
	}
	if got := productOf(t, a.Must(http.MethodGet, productsPath+"/"+tea.ID, manager, nil)); got.Active {
		t.Error("sold: got it on sale")
	}
	other := productOf(t, a.Must(http.MethodPost, productsPath, manager, map[string]any{"name": "别的", "price": 1}))
	if got := a.Must(http.MethodDelete, productsPath+"/"+other.ID, manager, nil); got.JSON["archived"] != false {
		t.Errorf("never sold: got %s", got.Body)
	}
	if got := a.Call(http.MethodGet, productsPath+"/"+other.ID, manager, nil); got.Status != http.StatusNotFound || got.Code() != "desk_product_not_found" {
		t.Errorf("gone: got %d %s", got.Status, got.Body)
	}
}

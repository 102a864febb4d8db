package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"wxbase/internal/apptest/web"
)

// Answer is what the server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil when the body is no JSON object
}

// Code is data.code of an error, or empty.
func (a Answer) Code() string {
	data, _ := a.JSON["data"].(map[string]any)
	code, _ := data["code"].(string)
	return code
}

// Data is a text in data of an error, or empty.
func (a Answer) Data(field string) string {
	data, _ := a.JSON["data"].(map[string]any)
	text, _ := data[field].(string)
	return text
}

// Text is a field of the answer, or empty.
func (a Answer) Text(field string) string {
	text, _ := a.JSON[field].(string)
	return text
}

// Call sends body as JSON (a string or []byte as it is) and reads the whole answer. token may be empty.
func (a *App) Call(method, path, token string, body any) Answer {
	a.tb.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			a.tb.Fatalf("encode body: %v", err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(a.tb.Context(), method, a.URL+path, reader)
	if err != nil {
		a.tb.Fatalf("make request: %v", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	return a.Do(req)
}

// CallAs sends a body as it is, under a content type that may or may not be the right one.
func (a *App) CallAs(method, path, token, contentType, body string) Answer {
	a.tb.Helper()
	req, err := http.NewRequestWithContext(a.tb.Context(), method, a.URL+path, strings.NewReader(body))
	if err != nil {
		a.tb.Fatalf("make request: %v", err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	return a.Do(req)
}

// Do sends a request that the test has made itself.
func (a *App) Do(req *http.Request) Answer {
	a.tb.Helper()
	res, err := web.Client.Do(req)
	if err != nil {
		a.tb.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		a.tb.Fatalf("read answer: %v", err)
	}
	answer := Answer{Status: res.StatusCode, Header: res.Header, Body: raw}
	_ = json.Unmarshal(raw, &answer.JSON)
	return answer
}

// Must is Call for steps that have to work.
func (a *App) Must(method, path, token string, body any) Answer {
	a.tb.Helper()
	answer := a.Call(method, path, token, body)
	if answer.Status >= http.StatusBadRequest {
		a.tb.Fatalf("%s %s: got %d %s", method, path, answer.Status, answer.Body)
	}
	return answer
}

// Person is somebody with a simulated phone who is logged in.
type Person struct {
	ID    string // in the simulator
	User  string // record id in users
	Token string

	app *App
}

// Login makes a new person and logs them in.
func (a *App) Login(nickname string) Person {
	a.tb.Helper()
	made := a.Must(http.MethodPost, "/_sim/people", "", map[string]string{"nickname": nickname, "phone": "13800138000"})
	person := Person{ID: made.Text("id"), app: a}
	login := a.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()})
	person.Token = login.Text("token")
	record, _ := login.JSON["record"].(map[string]any)
	person.User, _ = record["id"].(string)
	return person
}

// LoginCode is a fresh code of wx.login.
func (p Person) LoginCode() string {
	p.app.tb.Helper()
	return p.app.Must(http.MethodPost, "/_sim/people/"+p.ID+"/login", "", map[string]string{}).Text("code")
}

// Call is App.Call as this person.
func (p Person) Call(method, path string, body any) Answer {
	p.app.tb.Helper()
	return p.app.Call(method, path, p.Token, body)
}

// Must is App.Must as this person.
func (p Person) Must(method, path string, body any) Answer {
	p.app.tb.Helper()
	return p.app.Must(method, path, p.Token, body)
}

// Order orders the quantity of a product that is found by its name.
func (p Person) Order(product string, quantity int) Answer {
	p.app.tb.Helper()
	return p.Must(http.MethodPost, "/api/wx/orders", map[string]any{
		"items": []map[string]any{{"product": p.app.Product(product), "quantity": quantity}},
	})
}

// PayAtCashier hands params of POST /orders/{id}/pay to the phone, which pays, and returns the phone's errMsg.
func (p Person) PayAtCashier(params Answer) string {
	p.app.tb.Helper()
	body := map[string]any{"action": "pay"}
	maps.Copy(body, params.JSON)
	return p.app.Must(http.MethodPost, "/_sim/people/"+p.ID+"/pay", "", body).Text("errMsg")
}

// Product is App.Product.
func (p Person) Product(name string) string {
	p.app.tb.Helper()
	return p.app.Product(name)
}

// Product finds the id of a product on sale by its name.
func (a *App) Product(name string) string {
	a.tb.Helper()
	found := a.Must(http.MethodGet, "/api/collections/products/records?filter="+url.QueryEscape(`name="`+name+`"`), "", nil)
	items, _ := found.JSON["items"].([]any)
	if len(items) != 1 {
		a.tb.Fatalf("product %s: got %s", name, found.Body)
	}
	item, _ := items[0].(map[string]any)
	id, _ := item["id"].(string)
	return id
}

// Superuser gives a token of the demo's superuser, who logs in once: PocketBase counts these logins.
func (a *App) Superuser() string {
	a.tb.Helper()
	a.superuser.Do(func() {
		a.superuserToken = a.Must(http.MethodPost, "/api/collections/_superusers/auth-with-password", "",
			map[string]string{"identity": demoEmail, "password": demoPassword}).Text("token")
	})
	return a.superuserToken
}

// Fault queues a fault of the simulator, times times.
func (a *App) Fault(on, kind string, times int) {
	a.tb.Helper()
	a.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": on, "kind": kind, "times": times})
}

// Calls counts the calls of one path that the simulator has seen.
func (a *App) Calls(path string) int {
	a.tb.Helper()
	var calls []struct {
		Path string `json:"path"`
	}
	if err := json.Unmarshal(a.Must(http.MethodGet, "/_sim/calls", "", nil).Body, &calls); err != nil {
		a.tb.Fatalf("read calls: %v", err)
	}
	n := 0
	for _, c := range calls {
		if c.Path == path {
			n++
		}
	}
	return n
}

// AppID is the simulator's mini program.
func (a *App) AppID() string {
	a.tb.Helper()
	var config struct {
		Apps []struct {
			AppID string `json:"appid"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(a.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config); err != nil || len(config.Apps) == 0 {
		a.tb.Fatalf("read config: %v", err)
	}
	return config.Apps[0].AppID
}

// As is the person whose login was answered so; they have no simulated phone.
func (a *App) As(login Answer) Person {
	person := Person{Token: login.Text("token"), app: a}
	record, _ := login.JSON["record"].(map[string]any)
	person.User, _ = record["id"].(string)
	return person
}

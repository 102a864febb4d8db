package complaints_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/desk"
)

const tinyPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// shop is an app with an order of 3600 fen that is paid, and somebody who looks after complaints.
type shop struct {
	*apptest.App

	t        *testing.T
	buyer    apptest.Person
	order    string // id
	number   string // out_trade_no
	token    string
	merchant string
}

func newShop(t *testing.T, change ...func(*hooks.Config)) *shop {
	t.Helper()
	app := apptest.New(t, change...)
	s := &shop{App: app, t: t, buyer: app.Login("小明"), token: app.Superuser()}
	o := s.buyer.Order("三鲜面", 2)
	s.order = o.Text("id")
	if got := s.buyer.PayAtCashier(s.buyer.Must(http.MethodPost, "/api/wx/orders/"+s.order+"/pay", nil)); got != "requestPayment:ok" {
		t.Fatalf("pay: got %q", got)
	}
	s.buyer.Must(http.MethodPost, "/api/wx/orders/"+s.order+"/sync", nil)
	payment, err := app.FindFirstRecordByData("payments", "order", s.order)
	if err != nil {
		t.Fatal(err)
	}
	s.number, s.merchant = payment.GetString("outTradeNo"), payment.GetString("merchant")
	return s
}

// admin calls a route of the dashboard and wants it to work.
func (s *shop) admin(method, path string, body any) apptest.Answer {
	s.t.Helper()
	return s.Must(method, "/api/wx/admin/complaints"+path, s.token, body)
}

// hears lets the sweep tell WeChat where this server is.
func (s *shop) hears() {
	s.t.Helper()
	s.admin(http.MethodPost, "/sweep", map[string]any{})
}

// complains lets the buyer complain, and gives WeChat's number.
func (s *shop) complains(in map[string]any) string {
	s.t.Helper()
	return s.Must(http.MethodPost, "/_sim/people/"+s.buyer.ID+"/complain", "", in).Text("id")
}

// row waits for the row of a complaint.
func (s *shop) row(number string) *core.Record {
	s.t.Helper()
	return s.WaitFor(s.t, "wx_complaints", dbx.HashExp{"number": number}, func(*core.Record) bool { return true })
}

// count is how many rows of a collection there are.
func (s *shop) count(collection string, where dbx.Expression) int64 {
	s.t.Helper()
	n, err := s.CountRecords(collection, where)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// uploads sends a picture as the dashboard does.
func (s *shop) uploads(id string, picture []byte) apptest.Answer {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("picture", "IMG_0001 of my kitchen.png")
	if err == nil {
		_, err = file.Write(picture)
	}
	if err != nil || form.Close() != nil {
		s.t.Fatal(err)
	}
	return s.CallAs(http.MethodPost, "/api/wx/admin/complaints/"+id+"/pictures", s.token, form.FormDataContentType(), body.String())
}

func png(t *testing.T) []byte {
	t.Helper()
	picture, err := base64.StdEncoding.DecodeString(tinyPNG)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// said lists what happened to a complaint, as WeChat has it.
func said(a apptest.Answer) (list []string) {
	steps, _ := a.JSON["steps"].([]any)
	for _, step := range steps {
		what, _ := step.(map[string]any)["what"].(string)
		list = append(list, what)
	}
	return list
}

// staff makes a member of the staff who has signed in.
func (s *shop) staff(role desk.Role) string {
	s.t.Helper()
	email := string(role) + "@example.com"
	const password = "a long enough password"
	s.Must(http.MethodPost, "/api/wx/admin/staff", s.token, map[string]any{"email": email, "name": string(role), "role": role, "password": password})
	return s.Must(http.MethodPost, "/api/wx/admin/staff/login", "", map[string]any{"email": email, "password": password}).Text("token")
}

// notification is a message of the simulator about a complaint.
type notification struct {
	ID        string `json:"id"`
	EventType string `json:"event_type"`
	State     string `json:"state"`
	Complaint *struct {
		ID string `json:"complaint_id"`
	} `json:"complaint"`
}

// notifications are the messages of the simulator about complaints.
func (s *shop) notifications() (list []notification) {
	s.t.Helper()
	if err := json.Unmarshal(s.Must(http.MethodGet, "/_sim/notifications", "", nil).Body, &list); err != nil {
		s.t.Fatal(err)
	}
	return list
}

// near tells whether two moments are a minute apart at most: the simulator writes seconds, and a test machine may be slow.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < time.Minute }

// settlesRefund lets the refund that is under way reach the payer.
func (s *shop) settlesRefund() {
	s.t.Helper()
	var refunds []struct {
		ID string `json:"refund_id"`
	}
	if err := json.Unmarshal(s.Must(http.MethodGet, "/_sim/refunds", "", nil).Body, &refunds); err != nil || len(refunds) != 1 {
		s.t.Fatalf("got %d refunds, %v, want the one that was made", len(refunds), err)
	}
	s.Must(http.MethodPost, "/_sim/refunds/"+refunds[0].ID, "", map[string]any{"status": "SUCCESS"})
}

// runs does what the clock does.
func (s *shop) runs(job string) {
	s.t.Helper()
	for _, j := range s.Cron().Jobs() {
		if j.Id() == job {
			j.Run()
			return
		}
	}
	s.t.Fatalf("no job %s", job)
}

// loses has WeChat do what the next call asks for, and nobody hear that it did.
func (s *shop) loses(call string) {
	s.t.Helper()
	s.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": call, "kind": "timeout_after_accept", "delay": "10ms"})
}

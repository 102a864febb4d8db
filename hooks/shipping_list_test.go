package hooks_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/hooks"
	"wxbase/internal/apptest/web"
)

func TestListUnshipped(t *testing.T) {
	t.Parallel()
	app, buyer, first := shippableOrder(t, scriptUploads(10060001).config)
	second := buyer.Order("酸梅汤", 1)
	payAndSync(t, buyer, second)
	buyer.Order("三鲜面", 1) // unpaid
	third := buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, third)
	app.Clock.Advance(3 * time.Second)
	ship(app, second, shipment("JT1")) // waits
	ship(app, third, shipment("JT2"))
	type listed struct {
		Items []struct {
			ID, Number, AppID, Error string
			PaidAt, Deadline         string
			Total                    int
			Overdue, Pending         bool
		}
		TotalItems int
	}
	ask := func(query string) (l listed) {
		decode(t, app.Must(http.MethodGet, "/api/wx/admin/shipments"+query, app.Superuser(), nil).Body, &l)
		return l
	}
	got := ask("")
	if len(got.Items) != 2 || got.TotalItems != 2 || got.Items[0].ID != first.Text("id") || got.Items[1].ID != second.Text("id") {
		t.Fatalf("got %+v, want the first two, the oldest first", got)
	}
	one, two := got.Items[0], got.Items[1]
	if one.Overdue || one.Pending || one.Error != "" || one.Total != 3600 || one.AppID != app.AppID() || one.Number == "" {
		t.Errorf("first: got %+v, want it untouched", one)
	}
	if !two.Pending || !strings.Contains(two.Error, "10060001") {
		t.Errorf("second: got %+v, want it pending with its error", two)
	}
	paid, err := time.Parse("2006-01-02 15:04:05.000Z", one.PaidAt)
	due, err2 := time.Parse("2006-01-02 15:04:05.000Z", one.Deadline)
	if err != nil || err2 != nil || due.Sub(paid) != 48*time.Hour {
		t.Errorf("deadline: got %s after %s, want 48 hours", one.Deadline, one.PaidAt)
	}
	if page := ask("?page=2&perPage=1"); len(page.Items) != 1 || page.Items[0].ID != second.Text("id") || page.TotalItems != 2 {
		t.Errorf("second page: got %+v, want the second order", page)
	}
	app.Clock.Advance(48 * time.Hour)
	if late := ask(""); !late.Items[0].Overdue {
		t.Errorf("after two days: got %+v, want it overdue", late.Items[0])
	}
}

// uploadScript stands between wxbase and the simulator and answers uploads, or get_order, itself.
type uploadScript struct {
	mu       sync.Mutex
	errcodes []int // of the next uploads; then the simulator answers
	order    string
}

func scriptUploads(errcodes ...int) *uploadScript {
	return &uploadScript{errcodes: errcodes}
}

func (u *uploadScript) config(c *hooks.Config) { c.Transport = u }

// tell makes get_order answer this.
func (u *uploadScript) tell(order string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.order = order
}

func (u *uploadScript) RoundTrip(r *http.Request) (*http.Response, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case r.URL.Path == uploadPath && len(u.errcodes) > 0:
		errcode := u.errcodes[0]
		if errcode != -1 && errcode != 10060019 { // the client itself asks these three times
			u.errcodes = u.errcodes[1:]
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return reply(http.StatusOK, fmt.Sprintf(`{"errcode":%d,"errmsg":"no rid: 62de9a0b-7149b5f1-2eee4908"}`, errcode))
	case strings.HasSuffix(r.URL.Path, "/get_order") && u.order != "":
		return reply(http.StatusOK, u.order)
	}
	return web.Transport.RoundTrip(r)
}

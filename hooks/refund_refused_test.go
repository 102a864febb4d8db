package hooks_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"wxbase/hooks"
	"wxbase/internal/apptest/web"
)

// signRefuser answers the first calls of a refund as WeChat does when a clock or a key of ours is wrong.
type signRefuser struct {
	left atomic.Int32
}

func (s *signRefuser) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path == "/v3/refund/domestic/refunds" && s.left.Add(-1) >= 0 {
		return reply(http.StatusUnauthorized, `{"code":"SIGN_ERROR","message":"签名错误"}`)
	}
	return web.Transport.RoundTrip(r)
}

// a wrong key or clock says nothing about the refund: the number is kept, and sent again once that is mended
func TestRefundIsNotGivenUpForAWrongClock(t *testing.T) {
	t.Parallel()
	wrong := &signRefuser{}
	wrong.left.Store(2)
	app, _, order := paidOrder(t, func(c *hooks.Config) { c.Transport = wrong })
	app.Must(http.MethodPost, refundPath(order), app.Superuser(), all())
	for range 40 { // the pauses grow with every question
		settle(t, app)
	}
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
	if ours, theirs := count(t, app, "refunds", nil), refundsAtWeChat(t, app); ours != 1 || theirs != 1 {
		t.Errorf("refunds: got %d here and %d at WeChat, want 1 and 1", ours, theirs)
	}
}

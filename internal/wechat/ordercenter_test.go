package wechat_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// TestReportPreSaleSendsTheSample: the page's own sample, byte for byte in meaning; errcodes of the page have their kinds.
func TestReportPreSaleSendsTheSample(t *testing.T) {
	t.Parallel()
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/wxa/sec/order/opspecialorder" || string(body) != `{"delay_to":1752035828,"order_id":"123456","type":1}` {
			t.Errorf("got %s %s %s, want the sample", r.Method, r.URL.Path, body)
		}
		answer(`{"errcode":0,"errmsg":"ok"}`)(w, r)
	})
	if err := c.ReportPreSale(t.Context(), "123456", time.Unix(1752035828, 0)); err != nil {
		t.Error(err)
	}
	for code, kind := range map[string]wechat.Kind{"268546000": wechat.KindArgs, "268546001": wechat.KindArgs, "268546002": wechat.KindState} {
		_, c := serve(t, answer(`{"errcode":`+code+`,"errmsg":"no"}`))
		if we, ok := errors.AsType[*wechat.Error](c.ReportPreSale(t.Context(), "1", time.Now())); !ok || we.Kind != kind {
			t.Errorf("%s: got %v, want %s", code, we, kind)
		}
	}
	calls, none := serve(t, answer(`{"errcode":0}`))
	if err := none.ReportPreSale(t.Context(), "", time.Now()); err == nil || calls.calls.Load() != 0 {
		t.Errorf("no number: got %v after %d calls, want it refused at home", err, calls.calls.Load())
	}
}

// TestPhonePackage: numbers may come as text; an answer that does not say is no zero.
func TestPhonePackage(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"errcode":0,"all":1000,"effectiveAll":1000,"effectiveUse":3,"detailList":[]}`: 997,
		`{"effectiveAll":"500","effectiveUse":"600"}`:                                   0,
	} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); r.Method != http.MethodGet || r.URL.Path != "/wxa/charge/usage/get" || q.Get("spuId") != "10000077" || q.Get("limit") != "20" {
				t.Errorf("got %s %s", r.Method, r.URL)
			}
			answer(body)(w, r)
		})
		if p, err := c.PhonePackage(t.Context()); err != nil || p.Left() != want {
			t.Errorf("%s: got %d, %v, want %d", body, p.Left(), err, want)
		}
	}
	_, c := serve(t, answer(`{"errcode":0,"errmsg":"ok"}`))
	if _, err := c.PhonePackage(t.Context()); !errors.Is(err, wechat.ErrMissingField) {
		t.Errorf("got %v, want a missing field", err)
	}
}

// TestSetMessagePath: an empty path is sent, and not left out.
func TestSetMessagePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"": `{"path":""}`, "pages/order/detail": `{"path":"pages/order/detail"}`} {
		_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); r.URL.Path != "/wxa/sec/order/set_msg_jump_path" || string(body) != want {
				t.Errorf("got %s %s, want %s", r.URL.Path, body, want)
			}
			answer(`{"errcode":0,"errmsg":"ok"}`)(w, r)
		})
		if err := c.SetMessagePath(t.Context(), path); err != nil {
			t.Error(err)
		}
	}
}

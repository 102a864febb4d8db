package sim_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func appendJournal(t *testing.T, dir, text string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, key := w.login("p1")
	token, code := w.token(), w.code("p2")
	prepayID := w.prepaid("ORD-RESTART-1", openid)
	w.sim.Advance(time.Hour)
	before := w.cfg.Merchants[0]
	w.close()
	appendJournal(t, w.dir, `[{"k":"order","id":"torn","v":{"appid`) // a crash in the middle of a line

	w = openWorld(t, w.dir, w.clock)
	if !reflect.DeepEqual(w.mch, before) {
		t.Error("got other merchant keys after a restart, want the same")
	}
	if got := w.sim.Now().Sub(w.clock.Now()); got != time.Hour {
		t.Errorf("got a clock moved by %v, want 1h", got)
	}
	w.wantProbe("token", token, goodToken)
	wantErrcode(t, w.exchange(code), 40029) // it is an hour old
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC(key), "hmac_sha256"), 0)
	if got := w.query("ORD-RESTART-1").text("trade_state"); got != "NOTPAY" {
		t.Errorf("got order in %q, want NOTPAY", got)
	}
	if got := w.payAs("p1", w.payment(prepayID)); got != "requestPayment:ok" {
		t.Errorf("got %q, want the prepay_id to work after a restart", got)
	}
	if people := w.list("/people"); len(people) != 3 {
		t.Errorf("got %d people, want the same 3", len(people))
	}
}

func TestStateFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "us")
	s, err := sim.New(sim.WithStateDir(dir), sim.WithKeyBits(keyBits))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"keys.json", "journal.jsonl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info, err)
		}
	}
}

func TestBrokenJournalIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.close()
	appendJournal(t, w.dir, "not JSON\n")
	if _, err := sim.New(sim.WithStateDir(w.dir)); err == nil {
		t.Fatal("got no error for a broken line in the middle, want one")
	}
}

func TestWithoutStateDirNothingIsWritten(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.WithKeyBits(keyBits), sim.WithPublicBase("http://127.0.0.1:8091/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Config().APIBase; got != "http://127.0.0.1:8091" {
		t.Errorf("got base %q, want it without the slash", got)
	}
	if err := s.Close(); err != nil {
		t.Errorf("got %v, want Close to do nothing", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("got %v, want a second Close to do nothing", err)
	}
	if s.Handler() == nil || s.ControlHandler() == http.Handler(nil) {
		t.Error("got no handler, want two")
	}
}

func readJournal(t *testing.T, dir string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What the journal cannot store did not happen, and the caller gets an error.
func TestPaymentNeedsTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	first, second := w.payment(w.prepaid("ORD-DISK-1", openid)), w.orderBody("ORD-DISK-2", openid)
	if err := w.sim.Close(); err != nil { // note: like a disk that accepts no more writes
		t.Fatal(err)
	}
	if a := w.call(http.MethodPost, "/_sim/people/p1/pay", jsonText(t, first)); a.status != http.StatusInternalServerError {
		t.Errorf("got %d %s, want 500", a.status, a.body)
	}
	wantPayError(t, w.prepay(second), 500, "SYSTEM_ERROR")
	wantPayError(t, w.closing("ORD-DISK-1"), 500, "SYSTEM_ERROR")
	if got := w.query("ORD-DISK-1").text("trade_state"); got != "NOTPAY" {
		t.Errorf("got %q, want NOTPAY", got)
	}
	wantPayError(t, w.query("ORD-DISK-2"), 404, "ORDER_NOT_EXIST")
	if n := len(w.list("/notifications")); n != 0 {
		t.Errorf("got %d notifications, want none", n)
	}
}

// A journal may contain codes of another mini program, if it once served two.
func TestCodesOfAnotherApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.login("p1")
	w.close()
	for _, kind := range []string{"login", "phone"} {
		appendJournal(t, w.dir, fmt.Sprintf(`[{"k":"grant","id":"%[1]s-other","v":{"code":"%[1]s-other","kind":%[1]q,"appid":"wx0123456789abcdef","person":"p1","madeAt":%[2]q}}]`+"\n",
			kind, w.clock.Now().Format(time.RFC3339)))
	}
	appendJournal(t, w.dir, `[{"k":"identity","id":"wx0123456789abcdef/p1","v":{"appid":"wx0123456789abcdef","person":"p1","openid":"oOther"}},`+
		`{"k":"session","id":"wx0123456789abcdef/oOther","v":{"appid":"wx0123456789abcdef","openid":"oOther","key":"AAAAAAAAAAAAAAAAAAAAAA=="}}]`+"\n")
	w = openWorld(t, w.dir, w.clock)
	wantErrcode(t, w.exchange("login-other"), 40029)
	wantErrcode(t, w.redeemPhone(`{"code":"phone-other"}`), 40013)
}

// A journal of the first version lacks the API of an order and the mini program of a token.
func TestOldJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.close()
	value := "9_" + strings.Repeat("x", 149)
	appendJournal(t, w.dir, fmt.Sprintf(`[{"k":"order","id":"%[1]s/ORD-OLD-1","v":{"appid":%[2]q,"mchid":%[1]q,"out_trade_no":"ORD-OLD-1","notify_url":"https://shop.example.com/n",`+
		`"openid":%[3]q,"total":100,"trade_state":"SUCCESS","prepays":[],"made_at":"2026-03-01T10:00:00+08:00","payable_until":"2026-03-08T10:00:00+08:00",`+
		`"transaction_id":"4200000000202603010000000001","paid_at":"2026-03-01T10:00:00+08:00"}}]`+"\n", w.mch.MchID, w.app.AppID, openid))
	appendJournal(t, w.dir, fmt.Sprintf(`[{"k":"token","id":%[1]q,"v":{"value":%[1]q,"latest":true,"issuedAt":"2026-03-01T10:00:00+08:00","expiresAt":"2026-03-01T12:00:00+08:00","deadAt":"0001-01-01T00:00:00Z"}}]`+"\n", value))
	w = openWorld(t, w.dir, w.clock)
	if o := w.list("/orders")[0]; o["api"] != "v3" {
		t.Errorf("got %v, want an order of v3", o)
	}
	if a := w.refund(refundBody("ORD-OLD-1", "R-1", 40)); a.text("transaction_id") != "4200000000202603010000000001" {
		t.Errorf("got %s, want it refunded", a.body)
	}
	w.wantProbe("old token", value, goodToken)
}

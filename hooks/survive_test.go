package hooks_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// survivor is an app that has to live through every fault of one of WeChat's calls.
type survivor struct {
	*apptest.App
	t     *testing.T
	buyer apptest.Person
	n     int
}

// errand lets our backend make the call. It is ready for it before the fault is queued (prepare) and gives what a client was told (act).
type errand struct {
	prepare func(s *survivor) any
	act     func(s *survivor, ready any) error
}

// told makes an error of a refusal, and fails the test for one that has no code of ours or that is our own fault.
func (s *survivor) told(a apptest.Answer) error {
	s.t.Helper()
	if a.Status/100 == 2 {
		return nil
	}
	if a.Code() == "" || a.Code() == "internal" {
		s.t.Errorf("got %d %s, want a refusal with a code", a.Status, a.Body)
	}
	return fmt.Errorf("%d %s", a.Status, a.Code())
}

// next is a number that was not used before.
func (s *survivor) next() string {
	s.n++
	return fmt.Sprint("n", s.n)
}

// asStaff is an errand of one request of a superuser.
func asStaff(path string, body func(s *survivor) any) errand {
	return errand{
		prepare: func(s *survivor) any { return body(s) },
		act: func(s *survivor, ready any) error {
			return s.told(s.Call(http.MethodPost, path, s.Superuser(), ready))
		},
	}
}

// asBuyer is an errand of one request of the buyer's.
func asBuyer(method, path string, body func(s *survivor) any) errand {
	return errand{
		prepare: func(s *survivor) any { return body(s) },
		act:     func(s *survivor, ready any) error { return s.told(s.buyer.Call(method, path, ready)) },
	}
}

func nothing(*survivor) any { return nil }

// unpaid makes an order with a payment under way; paid lets the phone pay it, its message lost.
func (s *survivor) unpaid() apptest.Answer {
	order := s.buyer.Order("三鲜面", 1)
	s.buyer.Must(http.MethodPost, payPath(order), nil)
	return order
}

func (s *survivor) paid() apptest.Answer {
	order := s.buyer.Order("三鲜面", 1)
	payAndSync(s.t, s.buyer, order)
	return order
}

// onOrder is an errand about an order that is made first.
func onOrder(make func(s *survivor) apptest.Answer, act func(s *survivor, order apptest.Answer) apptest.Answer) errand {
	return errand{
		prepare: func(s *survivor) any { return make(s) },
		act: func(s *survivor, ready any) error {
			order, _ := ready.(apptest.Answer)
			return s.told(act(s, order))
		},
	}
}

func orderPath(order apptest.Answer, what string) string {
	return "/api/wx/orders/" + order.Text("id") + "/" + what
}

func orderAdminPath(order apptest.Answer, what string) string {
	return "/api/wx/admin/orders/" + order.Text("id") + "/" + what
}

// payErrands are those of WeChat Pay, by the word that both of its APIs share.
func payErrands() map[string]errand {
	return map[string]errand{
		"prepay": onOrder(func(s *survivor) apptest.Answer { return s.buyer.Order("三鲜面", 1) }, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.buyer.Call(http.MethodPost, payPath(o), nil)
		}),
		"query": onOrder((*survivor).unpaid, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.buyer.Call(http.MethodPost, orderPath(o, "sync"), nil)
		}),
		"close": onOrder((*survivor).unpaid, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.buyer.Call(http.MethodPost, orderPath(o, "cancel"), nil)
		}),
		"refund": {
			prepare: func(s *survivor) any { return s.paid() },
			act: func(s *survivor, ready any) error {
				order, _ := ready.(apptest.Answer)
				err := s.told(s.Call(http.MethodPost, refundPath(order), s.Superuser(), all()))
				settle(s.t, s.App)
				return err
			},
		},
		"refund_query": {
			prepare: func(s *survivor) any {
				order := s.paid()
				s.Must(http.MethodPost, refundPath(order), s.Superuser(), all())
				return nil
			},
			act: func(s *survivor, _ any) error {
				s.Clock.Advance(2 * time.Minute)
				return s.WX.SweepRefunds(s.t.Context())
			},
		},
		"bill": {
			prepare: func(s *survivor) any {
				breakfast(s.App)
				s.paid()
				return noon(s.App)
			},
			act: func(s *survivor, ready any) error {
				day, _ := ready.(time.Time)
				_, err := s.WX.Reconcile(s.t.Context(), merchantOf(s.t, s.App), day, func(int, int) {})
				return err
			},
		},
	}
}

// apiErrands are those of api.weixin.qq.com.
func apiErrands() map[string]errand {
	code := func(more map[string]any) func(s *survivor) any {
		return func(s *survivor) any { return merged(map[string]any{"page": "pages/a/a?x=" + s.next()}, more) }
	}
	link := func(kind string) func(s *survivor) any {
		return func(s *survivor) any {
			return map[string]any{"kind": kind, "path": "pages/a/a", "query": "id=" + s.next()}
		}
	}
	return map[string]errand{
		"code2session": {
			prepare: func(s *survivor) any { return map[string]string{"code": s.buyer.LoginCode()} },
			act:     func(s *survivor, ready any) error { return s.told(s.LoginWith(ready)) },
		},
		"stable_token": {
			prepare: func(s *survivor) any { s.Clock.Advance(3 * time.Hour); return nil },
			act: func(s *survivor, _ any) error {
				return s.told(s.Call(http.MethodGet, "/api/wx/templates?fresh=1", s.Superuser(), nil))
			},
		},
		"getuserphonenumber": asBuyer(http.MethodPost, "/api/wx/phone", func(s *survivor) any {
			return map[string]string{"code": s.buyer.Phone("phone", nil).Text("code")}
		}),
		"checksession": asBuyer(http.MethodGet, "/api/wx/session", nothing),
		"resetusersessionkey": asBuyer(http.MethodPost, "/api/wx/session/reset", func(s *survivor) any {
			s.Clock.Advance(10 * time.Second)
			s.buyer.Again() // a reset that was half heard leaves a stale key, which a login replaces
			return nil
		}),
		"getwxacodeunlimit": asBuyer(http.MethodPost, "/api/wx/codes", func(s *survivor) any { return map[string]any{"scene": s.next()} }),
		"getwxacode":        asBuyer(http.MethodPost, "/api/wx/codes", code(map[string]any{"kind": "code"})),
		"createwxaqrcode":   asBuyer(http.MethodPost, "/api/wx/codes", code(map[string]any{"kind": "qrcode"})),
		"generatescheme":    asStaff("/api/wx/links", link("scheme")),
		"generate_urllink":  asStaff("/api/wx/links", link("link")),
		"genwxashortlink":   asStaff("/api/wx/links", link("short")),
		"gettemplate": {
			prepare: nothing,
			act: func(s *survivor, _ any) error {
				return s.told(s.Call(http.MethodGet, "/api/wx/templates?fresh=1", s.Superuser(), nil))
			},
		},
		"subscribe_send": asStaff("/api/wx/messages", func(s *survivor) any {
			template := paidTemplate(s.t, s.App)
			agrees(s.t, s.buyer, template, s.next())
			return map[string]any{"user": s.buyer.User, "template": template, "data": paidData(nil)}
		}),
		"msg_sec_check": asBuyer(http.MethodPost, "/api/wx/check/text", func(s *survivor) any {
			s.buyer.Again() // note: WeChat checks for people who were there within two hours
			return map[string]any{"content": "好吃 " + s.next()}
		}),
		"media_check_async": {
			prepare: func(s *survivor) any { s.buyer.Again(); return portrait(s.t, 300) },
			act: func(s *survivor, ready any) error {
				picture, _ := ready.([]byte)
				return s.told(sendForm(s.t, s.App, "/api/wx/check/image", s.buyer.Token, "file", append(slices.Clone(picture), s.next()...), nil))
			},
		},
		"upload_shipping_info": onOrder(func(s *survivor) apptest.Answer { o := s.paid(); s.Clock.Advance(3 * time.Second); return o }, func(s *survivor, o apptest.Answer) apptest.Answer {
			return ship(s.App, o, shipment("JT"+s.next()))
		}),
		"get_order": onOrder(func(s *survivor) apptest.Answer { o := s.paid(); s.Clock.Advance(3 * time.Second); return o }, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.Call(http.MethodGet, shipmentsPath(o), s.Superuser(), nil)
		}),
	}
}

// kindsOf reads which faults there are at a call.
func kindsOf(t *testing.T, app *apptest.App, name string) []string {
	t.Helper()
	var kinds map[string][]string
	if err := json.Unmarshal(app.Must(http.MethodGet, "/_sim/faults/kinds", "", nil).Body, &kinds); err != nil || len(kinds[name]) == 0 {
		t.Fatalf("got no faults of %s, %v", name, err)
	}
	return kinds[name]
}

// survive queues every fault of a call once, runs the errand into it, and then wants the same errand to work.
func survive(t *testing.T, name string, e errand, change ...func(*hooks.Config)) {
	t.Helper()
	s := &survivor{App: apptest.New(t, change...), t: t}
	s.buyer = s.Login("小明")
	for _, kind := range kindsOf(t, s.App, name) {
		step(t, kind, func(t *testing.T) {
			s.t = t
			ready := e.prepare(s)
			s.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": name, "kind": kind, "times": 1, "delay": "20ms"})
			met := e.act(s, ready)
			if left := list(t, s.App, "/_sim/faults"); len(left) > 0 {
				t.Fatalf("the fault did not strike: %v, the errand said %v", left, met)
			}
			s.Clock.Advance(time.Minute) // the breaker, and WeChat's own minute
			ready = e.prepare(s)
			if err := e.act(s, ready); err != nil {
				t.Errorf("after the fault (%v): got %v, want it to work", met, err)
			}
		})
	}
	s.t = t
	s.neverPaid()
}

// neverPaid: whatever happened, an order is paid where WeChat has the money, and nowhere else.
func (s *survivor) neverPaid() {
	s.t.Helper()
	there := map[string]bool{}
	for _, o := range list(s.t, s.App, "/_sim/orders") {
		there[fmt.Sprint(o["out_trade_no"])] = o["transaction_id"] != nil
	}
	payments, err := s.FindAllRecords("payments", dbx.HashExp{"state": "PAID"})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range payments {
		if !there[p.GetString("outTradeNo")] {
			s.t.Errorf("payment %s is paid here and not at WeChat", p.GetString("outTradeNo"))
		}
	}
}

// surviveScenario is a call by the simulator's name, its errand, and the settings that the app has for it.
type surviveScenario struct {
	name   string
	errand errand
	env    map[string]string
}

// surviveScenarios are all calls of WeChat's that wxbase makes.
func surviveScenarios() []surviveScenario {
	v3, v2 := map[string]string{"WXBASE_PAY_VERIFY": "publicKey"}, map[string]string{"WXBASE_PAY_API": "v2", "WXBASE_PAY_SIGN_TYPE": "MD5"}
	pay, office := payErrands(), officeErrands()
	scenarios := []surviveScenario{
		{"prepay", pay["prepay"], v3},
		{"query", pay["query"], v3},
		{"close", pay["close"], v3},
		{"refund", pay["refund"], v3},
		{"refund_query", pay["refund_query"], v3},
		{"tradebill", pay["bill"], v3},
		{"billdownload", pay["bill"], v3},
		{"certificates", office["certificates"], map[string]string{"WXBASE_PAY_VERIFY": "certificate"}},
		{"v2_unifiedorder", pay["prepay"], v2},
		{"v2_orderquery", pay["query"], v2},
		{"v2_closeorder", pay["close"], v2},
		{"v2_refund", pay["refund"], v2},
		{"v2_refundquery", pay["refund_query"], v2},
		{"v2_downloadbill", pay["bill"], v2},
	}
	delete(office, "certificates")
	maps.Copy(office, apiErrands())
	for name, e := range office {
		scenarios = append(scenarios, surviveScenario{name, e, v3})
	}
	return scenarios
}

// TestEveryFaultOfACallIsSurvived: for each call that wxbase makes and each fault that the simulator can have there, a client is told
// something with a code, and the next try works.
func TestEveryFaultOfACallIsSurvived(t *testing.T) {
	t.Parallel()
	for _, s := range surviveScenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			survive(t, s.name, s.errand, func(c *hooks.Config) { c.Env = func(name string) string { return s.env[name] } })
		})
	}
}

// bothAPIs are the two ways in which messages come.
func bothAPIs() map[string]map[string]string {
	return map[string]map[string]string{"v3": {"WXBASE_PAY_VERIFY": "both"}, "v2": {"WXBASE_PAY_API": "v2", "WXBASE_PAY_SIGN_TYPE": "MD5"}}
}

// wake lets half an hour pass and tells the simulator, which then sends what is due.
func wake(app *apptest.App) {
	app.Clock.Advance(30 * time.Minute)
	app.Must(http.MethodPost, "/_sim/clock", "", map[string]any{"advance": "1s"})
}

// waitForStrike waits until the queued fault has struck.
func waitForStrike(t *testing.T, app *apptest.App) {
	t.Helper()
	for end := time.Now().Add(patience); len(list(t, app, "/_sim/faults")) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the fault did not strike")
		}
	}
}

// TestEveryFaultOfAPaymentsMessageIsSurvived: the truth is known in the end by messages alone, one payment and one row in the ledger.
func TestEveryFaultOfAPaymentsMessageIsSurvived(t *testing.T) {
	t.Parallel()
	for api, env := range bothAPIs() {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, func(c *hooks.Config) { c.Env = func(name string) string { return env[name] } })
			buyer := app.Login("小明")
			for _, kind := range kindsOf(t, app, "notification") {
				step(t, kind, func(t *testing.T) {
					order := buyer.Order("三鲜面", 1)
					app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "notification", "kind": kind, "times": 1})
					if got := buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil)); got != "requestPayment:ok" {
						t.Fatalf("phone: got %q", got)
					}
					waitForStrike(t, app)
					for range 2 {
						wake(app)
					}
					row := waitFor(t, app, "payments", dbx.HashExp{"order": order.Text("id")}, func(r *core.Record) bool {
						return slices.Contains([]string{"PAID", "DISPUTED"}, r.GetString("state"))
					})
					if row.GetString("state") == "DISPUTED" { // what WeChat itself signed and is not so, a person decides
						if kind != "other_amount" && kind != "other_appid" {
							t.Fatalf("got it disputed after %s", kind)
						}
						app.Must(http.MethodPost, orderAdminPath(order, "resolve"), app.Superuser(), map[string]any{"decision": "accept", "reason": "checked", "payment": row.Id})
					}
					wantStates(t, app, order.Text("id"), "PAID", "PAID")
					if n := count(t, app, "wx_ledger", dbx.HashExp{"order": order.Text("id"), "to": "PAID", "payment": ""}); n > 1 {
						t.Errorf("got the order paid %d times in the ledger", n)
					}
				})
			}
		})
	}
}

// TestEveryFaultOfARefundsMessageIsSurvived: likewise for the money that goes back.
func TestEveryFaultOfARefundsMessageIsSurvived(t *testing.T) {
	t.Parallel()
	for api, env := range bothAPIs() {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			s := &survivor{App: apptest.New(t, func(c *hooks.Config) { c.Env = func(name string) string { return env[name] } }), t: t}
			s.buyer = s.Login("小明")
			for _, kind := range kindsOf(t, s.App, "refund_notification") {
				step(t, kind, func(t *testing.T) {
					s.t = t
					order := s.paid()
					s.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "refund_notification", "kind": kind, "times": 1})
					s.Must(http.MethodPost, refundPath(order), s.Superuser(), all())
					wake(s.App)
					waitForStrike(t, s.App)
					for range 2 {
						wake(s.App)
					}
					waitFor(t, s.App, "refunds", dbx.HashExp{"order": order.Text("id")}, isState("SUCCESS"))
					wantStates(t, s.App, order.Text("id"), "REFUNDED", "PAID")
				})
			}
		})
	}
}

// TestEveryFaultOfAPushIsSurvived: each message of a mini program is told once, however it came.
func TestEveryFaultOfAPushIsSurvived(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	setPush(t, app, map[string]any{"pushMode": "safe"})
	h := hear(app)
	for _, kind := range kindsOf(t, app, "push") {
		step(t, kind, func(t *testing.T) {
			app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "push", "kind": kind, "times": 1})
			app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"person": "p1", "msgType": "text", "fields": map[string]any{"Content": "push " + kind}})
			waitForStrike(t, app)
			for range 3 {
				wake(app)
			}
			told := func() (n int) {
				h.mu.Lock()
				defer h.mu.Unlock()
				for _, e := range h.events {
					if strings.Contains(fmt.Sprint(e.Fields), "push "+kind) {
						n++
					}
				}
				return n
			}
			for end := time.Now().Add(patience); (told() == 0 || pendingPushes(t, app) > 0) && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			}
			if told() != 1 {
				t.Errorf("got it told %d times, want once", told())
			}
		})
	}
}

// pendingPushes counts the messages that WeChat will send again.
func pendingPushes(t *testing.T, app *apptest.App) (n int) {
	t.Helper()
	for _, r := range list(t, app, "/_sim/notifications") {
		if r["format"] == "push" && r["state"] == "PENDING" {
			n++
		}
	}
	return n
}

// TestEveryFaultOfThePhoneIsSurvived: it fails, its owner cancels, a coupon pays a part, a closed order is paid all the same.
func TestEveryFaultOfThePhoneIsSurvived(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	for _, kind := range kindsOf(t, app, "pay_device") {
		step(t, kind, func(t *testing.T) {
			order := buyer.Order("三鲜面", 1)
			params := buyer.Must(http.MethodPost, payPath(order), nil)
			if kind == "paid_after_close" {
				buyer.Must(http.MethodPost, orderPath(order, "cancel"), nil)
			}
			app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "pay_device", "kind": kind, "times": 1})
			said := buyer.PayAtCashier(params)
			waitForStrike(t, app)
			switch kind {
			case "coupon":
				waitFor(t, app, "payments", dbx.HashExp{"order": order.Text("id")}, isState("PAID"))
			case "fail", "cancel":
				if !strings.HasPrefix(said, "requestPayment:fail") {
					t.Errorf("phone: got %q", said)
				}
				buyer.Must(http.MethodPost, orderPath(order, "sync"), nil)
				wantStates(t, app, order.Text("id"), "UNPAID", "PREPAID")
				payAndSync(t, buyer, order)
			case "other_program": // their money stays theirs: a person says so, and the order is paid anew
				payment := onlyPayment(t, app, order).Id
				buyer.Must(http.MethodPost, orderPath(order, "sync"), nil)
				wantStates(t, app, order.Text("id"), "UNPAID", "DISPUTED")
				d := disputed{app: app, order: order, payment: payment}
				wantAnswer(t, d.resolve("notOurs"), http.StatusOK, "")
				payAndSync(t, buyer, order)
			case "paid_after_close": // the money goes back by itself
				waitFor(t, app, "refunds", dbx.HashExp{"order": order.Text("id")}, func(*core.Record) bool { return true })
			default:
				t.Errorf("nobody says what becomes of %s", kind)
			}
		})
	}
}

package sim_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

const (
	transfersPath = "/v3/fund-app/mch-transfer/transfer-bills"
	payoutURL     = "https://shop.example.com/pay/payout"
)

func (w *merchantSide) transferBody(number, openid string) map[string]any {
	return map[string]any{
		"appid": w.app.AppID, "out_bill_no": number, "transfer_scene_id": "1000", "openid": openid, "transfer_amount": 2_000,
		"transfer_remark": "新会员奖励", "notify_url": payoutURL, "user_recv_perception": "现金奖励",
		"transfer_scene_report_infos": []any{
			map[string]any{"info_type": "活动名称", "info_content": "新会员有礼"}, map[string]any{"info_type": "奖励说明", "info_content": "注册会员抽奖一等奖"},
		},
	}
}

func (w *merchantSide) transfer(body map[string]any) answer {
	w.t.Helper()
	return w.pay(http.MethodPost, transfersPath, jsonText(w.t, body))
}

// transferred wants a transfer to wait for its receiver and gives its package_info.
func (w *merchantSide) transferred(number, openid string) string {
	w.t.Helper()
	a := w.transfer(w.transferBody(number, openid))
	if a.status != 200 || a.text("state") != "WAIT_USER_CONFIRM" || a.text("package_info") == "" {
		w.t.Fatalf("transfer: got %d %s, want it to wait", a.status, a.body)
	}
	return a.text("package_info")
}

func (w *merchantSide) transferQuery(number string) answer {
	w.t.Helper()
	return w.pay(http.MethodGet, transfersPath+"/out-bill-no/"+number, "")
}

func (w *merchantSide) transferCancel(number string) answer {
	w.t.Helper()
	req := w.signed(http.MethodPost, transfersPath+"/out-bill-no/"+number+"/cancel", "", w.clock.Now())
	req.Header.Set("Content-Type", "application/json")
	return w.do(req)
}

// confirm is wx.requestMerchantTransfer on somebody's phone.
func (w *phoneSide) confirm(person, pack, action string) string {
	w.t.Helper()
	return w.device(http.MethodPost, "/people/"+person+"/transfer", map[string]any{
		"mchId": w.mch.MchID, "appId": w.app.AppID, "package": pack, "action": action,
	}).text("errMsg")
}

func TestTransferStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	first := w.transfer(w.transferBody("po1", openid))
	if err := w.verify(first.header, first.body); err != nil || first.text("create_time") != "2026-03-01T10:00:00+08:00" || len(first.text("transfer_bill_no")) != 36 {
		t.Fatalf("got %d %s, %v, want it signed", first.status, first.body, err)
	}
	pack := first.text("package_info")
	if again := w.transfer(w.transferBody("po1", openid)); again.text("package_info") != pack || again.text("transfer_bill_no") != first.text("transfer_bill_no") {
		t.Errorf("got %s, want the same transfer again", again.body)
	}
	other := w.transferBody("po1", openid)
	other["transfer_amount"] = 2_001
	wantPayError(t, w.transfer(other), 400, "INVALID_REQUEST")
	for _, step := range []struct{ person, action, want string }{
		{"p2", "confirm", "fail 收款账号与转账单不一致"},
		{"p1", "cancel", "fail cancel"},
		{"p1", "fail", "fail 系统繁忙，请稍后再试"},
		{"p1", "confirm", "ok"},
		{"p1", "confirm", "fail 该转账单不可确认：TRANSFERING"},
	} {
		if got := w.confirm(step.person, pack, step.action); got != "requestMerchantTransfer:"+step.want {
			t.Errorf("%s %s: got %q, want %q", step.person, step.action, got, step.want)
		}
	}
	wantPayError(t, w.transferCancel("po1"), 400, "INVALID_REQUEST")
	w.clock.Add(3 * time.Second)
	done := w.transferQuery("po1")
	if done.text("state") != "SUCCESS" || done.text("mch_id") != w.mch.MchID || done.text("openid") != openid || done.number("transfer_amount") != 2_000 ||
		done.json["package_info"] != nil || done.text("update_time") != "2026-03-01T10:00:03+08:00" {
		t.Errorf("got %s, want SUCCESS with its terms and no package_info", done.body)
	}
	if byID := w.pay(http.MethodGet, transfersPath+"/transfer-bill-no/"+first.text("transfer_bill_no"), ""); string(byID.body) != string(done.body) {
		t.Errorf("got %s, want %s", byID.body, done.body)
	}
	if again := w.transfer(w.transferBody("po1", openid)); again.text("state") != "SUCCESS" || again.json["package_info"] != nil {
		t.Errorf("got %s, want nothing to confirm any more", again.body)
	}
	w.clock.Add(30 * 24 * time.Hour)
	wantPayError(t, w.transferQuery("po1"), 404, "NOT_FOUND")
}

func TestTransferIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	wantPayError(t, w.transferCancel("po1"), 404, "NOT_FOUND")
	wantPayError(t, w.transferQuery("po1"), 404, "NOT_FOUND")
	pack := w.transferred("po1", openid)
	for range 2 {
		if a := w.transferCancel("po1"); a.status != 200 || a.text("state") != "CANCELING" || a.text("update_time") == "" {
			t.Fatalf("got %d %s, want CANCELING", a.status, a.body)
		}
	}
	if got := w.confirm("p1", pack, "confirm"); !strings.HasPrefix(got, "requestMerchantTransfer:fail") {
		t.Errorf("got %q, want it refused", got)
	}
	w.clock.Add(3 * time.Second)
	if a := w.transferCancel("po1"); a.text("state") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", a.body)
	}
	bad := w.pay(http.MethodPost, transfersPath+"/out-bill-no/po1/cancel", "{}")
	wantPayError(t, bad, 400, "PARAM_ERROR")
}

func TestTransferValidation(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	row := func(kind, content string) any { return map[string]any{"info_type": kind, "info_content": content} }
	scenarios := []struct {
		name, field string
		value       any // nil removes the field
		code        string
	}{
		{"no number", "out_bill_no", nil, "PARAM_ERROR"},
		{"a number with a dash", "out_bill_no", "po-1", "PARAM_ERROR"},
		{"a long number", "out_bill_no", strings.Repeat("1", 33), "PARAM_ERROR"},
		{"no openid", "openid", nil, "PARAM_ERROR"},
		{"a stranger's openid", "openid", "oSTRANGER", "PARAM_ERROR"},
		{"another program", "appid", "wx0123456789abcdef", "APPID_MCHID_NOT_MATCH"},
		{"too little", "transfer_amount", 9, "PARAM_ERROR"},
		{"a fraction", "transfer_amount", 10.5, "PARAM_ERROR"},
		{"an amount in words", "transfer_amount", "2000", "PARAM_ERROR"},
		{"much without a name", "transfer_amount", 200_000, "PARAM_ERROR"},
		{"a name that is not encrypted", "user_name", "张三", "PARAM_ERROR"},
		{"no remark", "transfer_remark", nil, "PARAM_ERROR"},
		{"a remark of 33", "transfer_remark", strings.Repeat("奖", 33), "PARAM_ERROR"},
		{"an unknown scene", "transfer_scene_id", "1001", "PARAM_ERROR"},
		{"no report", "transfer_scene_report_infos", nil, "PARAM_ERROR"},
		{"an empty report", "transfer_scene_report_infos", []any{}, "PARAM_ERROR"},
		{"half of the report", "transfer_scene_report_infos", []any{row("活动名称", "x")}, "PARAM_ERROR"},
		{"a row twice", "transfer_scene_report_infos", []any{row("活动名称", "x"), row("活动名称", "y")}, "PARAM_ERROR"},
		{"the report of another scene", "transfer_scene_report_infos", []any{row("岗位类型", "x"), row("报酬说明", "y")}, "PARAM_ERROR"},
		{"words of another scene", "user_recv_perception", "劳务报酬", "INVALID_REQUEST"},
		{"plain http", "notify_url", "http://shop.example.com/x", "PARAM_ERROR"},
		{"a field of another call", "mchid", "1", "PARAM_ERROR"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := w.transferBody("poValid1", openid)
			body[s.field] = s.value
			if s.value == nil {
				delete(body, s.field)
			}
			wantPayError(t, w.transfer(body), 400, s.code)
		})
	}
	named := w.transferBody("poName1", openid)
	named["transfer_amount"], named["user_name"] = 200_000, w.sealFor("张三")
	if a := w.transfer(named); a.status != 200 {
		t.Fatalf("got %d %s, want a name that can be read", a.status, a.body)
	}
	named["user_name"] = w.sealFor("张三") // another ciphertext of the same name
	if a := w.transfer(named); a.status != 200 {
		t.Errorf("got %d %s, want the same transfer", a.status, a.body)
	}
	named["user_name"] = w.sealFor("李四")
	wantPayError(t, w.transfer(named), 400, "INVALID_REQUEST")
}

func TestTransferFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	for kind, want := range map[string]struct {
		status int
		code   string
	}{"not_enough": {403, "NOT_ENOUGH"}, "no_auth": {403, "NO_AUTH"}, "user_error": {400, "USER_ERROR"}} {
		w.fault(map[string]any{"on": "transfer", "kind": kind})
		wantPayError(t, w.transfer(w.transferBody("poFault1", openid)), want.status, want.code)
		wantPayError(t, w.transferQuery("poFault1"), 404, "NOT_FOUND")
	}
	w.fault(map[string]any{"on": "transfer", "kind": "transfer_accepted"})
	if a := w.transfer(w.transferBody("poFault2", openid)); a.text("state") != "ACCEPTED" || a.json["package_info"] != nil {
		t.Errorf("got %s, want ACCEPTED without package_info", a.body)
	}
	w.clock.Add(3 * time.Second)
	if a := w.transferQuery("poFault2"); a.text("state") != "WAIT_USER_CONFIRM" {
		t.Errorf("got %s, want it to wait", a.body)
	}
	w.fault(map[string]any{"on": "transfer", "kind": "transfer_fail"})
	w.confirm("p1", w.transferred("poFault3", openid), "confirm")
	w.clock.Add(3 * time.Second)
	if a := w.transferQuery("poFault3"); a.text("state") != "FAIL" || a.text("fail_reason") != "PAYEE_ACCOUNT_ABNORMAL" {
		t.Errorf("got %s, want FAIL", a.body)
	}
}

func TestTransferNotification(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		do     func(w *world, pack string)
		after  time.Duration
		state  string
		reason any
	}{
		"confirmed":  {func(w *world, pack string) { w.confirm("p1", pack, "confirm") }, 3 * time.Second, "SUCCESS", nil},
		"taken back": {func(w *world, _ string) { w.transferCancel("poNote1") }, 3 * time.Second, "CANCELLED", nil},
		"left alone": {func(*world, string) {}, 24 * time.Hour, "FAIL", "OVERDUE_CLOSE"},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := &shop{answer: always(204)}
			inBubble(t, receiver, func(w *world) {
				w.clock.now = time.Now()
				openid, _ := w.login("p1")
				start := time.Now()
				s.do(w, w.transferred("poNote1", openid))
				time.Sleep(48 * time.Hour)
				synctest.Wait()
				got := receiver.deliveries()
				if len(got) != 1 || got[0].url != payoutURL || got[0].at.Sub(start) != s.after {
					w.t.Fatalf("got %d deliveries, want one after %s", len(got), s.after)
				}
				if err := w.verify(got[0].header, got[0].body); err != nil {
					w.t.Errorf("verify: %v", err)
				}
				o := w.open(got[0])
				if o.EventType != "MCHTRANSFER.BILL.FINISHED" || o.Resource.OriginalType != "mch_payment" || o.Resource.AssociatedData != "mch_payment" {
					w.t.Errorf("got %s, want the documented envelope", got[0].body)
				}
				if o.plain["state"] != s.state || o.plain["mchid"] != w.mch.MchID || o.plain["mch_id"] != nil || o.plain["fail_reason"] != s.reason ||
					o.plain["transfer_amount"] != 2_000.0 || o.plain["openid"] != openid || o.plain["appid"] != nil {
					w.t.Errorf("got %v, want %s", o.plain, s.state)
				}
			})
		})
	}
}

// TestTransferOutlivesARestart: what waits goes on, on time.
func TestTransferOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newTestClock()
	w := openWorld(t, dir, clock)
	openid, _ := w.login("p1")
	pack := w.transferred("po1", openid)
	w.close()
	w = openWorld(t, dir, clock)
	if got := w.confirm("p1", pack, "confirm"); got != "requestMerchantTransfer:ok" {
		t.Errorf("got %q, want ok", got)
	}
	clock.Add(3 * time.Second)
	if a := w.transferQuery("po1"); a.text("state") != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS", a.body)
	}
}

func TestTransferByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundDelay(-1))
	openid, _ := w.login("p1")
	w.confirm("p1", w.transferred("po1", openid), "confirm")
	w.clock.Add(time.Hour)
	row := w.list("/transfers")[0]
	if row["state"] != "TRANSFERING" {
		t.Fatalf("got %v, want it left to us", row)
	}
	path := "/transfers/" + row["transfer_bill_no"].(string)
	if a := w.device(http.MethodPost, path, map[string]any{"state": "FAIL"}); a.text("fail_reason") != "PAYEE_ACCOUNT_ABNORMAL" {
		t.Errorf("got %s, want FAIL", a.body)
	}
	if a := w.call(http.MethodPost, "/_sim"+path, `{"state":"SUCCESS"}`); a.status != http.StatusConflict {
		t.Errorf("got %d %s, want an end to stay", a.status, a.body)
	}
}

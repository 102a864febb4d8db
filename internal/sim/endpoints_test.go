package sim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	qr "github.com/skip2/go-qrcode"

	"wxbase/internal/sim"
)

// api calls api.weixin.qq.com with an access_token.
func (w *apiSide) api(method, path, body string) answer {
	w.t.Helper()
	return w.call(method, path+"?access_token="+w.token(), body)
}

// TestNotSimulatedSaysSo: a v3 path that is not simulated is not a 404, which would look like the caller's mistake.
func TestNotSimulatedSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/v3/profitsharing/orders", "/v3/pay/transactions/app", "/v3/combine-transactions/jsapi"} {
		a := w.pay(http.MethodPost, path, "{}")
		wantPayError(t, a, http.StatusNotImplemented, "SIMULATOR_NOT_IMPLEMENTED")
		if !strings.Contains(a.text("message"), "POST "+path) || len(a.json["simulated"].([]any)) < 10 {
			t.Errorf("got %s, want the path and the table of what is there", a.body)
		}
		if got := w.list("/calls?limit=1")[0]; got["code"] != "SIMULATOR_NOT_IMPLEMENTED" || got["path"] != path {
			t.Errorf("got %v in the list of calls, want it named", got)
		}
	}
}

// TestNativeAndH5: any person may pay a code or a page, in both APIs.
func TestNativeAndH5(t *testing.T) {
	w := newWorld(t)
	scene := map[string]any{"payer_client_ip": "203.0.113.7", "h5_info": map[string]any{"type": "Wap"}}
	v3 := func(path, number, field string) func() (string, error) {
		return func() (string, error) {
			body := w.orderBody(number, "")
			delete(body, "payer")
			if field == "h5_url" {
				body["scene_info"] = scene
			}
			a := w.pay(http.MethodPost, path, jsonText(t, body))
			return a.text(field), w.verify(a.header, a.body)
		}
	}
	v2 := func(tradeType, number, field string) func() (string, error) {
		return func() (string, error) {
			return w.v2("/pay/unifiedorder", map[string]string{
				"body": "三鲜面", "out_trade_no": number, "total_fee": "100", "spbill_create_ip": "203.0.113.7", "notify_url": notifyURL,
				"trade_type": tradeType, "product_id": "1", "scene_info": `{"h5_info":{"type":"Wap","wap_url":"https://shop.example.com","wap_name":"shop"}}`,
			})[field], nil
		}
	}
	scenarios := map[string]struct {
		number, tradeType string
		make              func() (string, error)
	}{
		"Native":    {"ORD-NATIVE-3", "NATIVE", v3("/v3/pay/transactions/native", "ORD-NATIVE-3", "code_url")},
		"H5":        {"ORD-H5-3", "MWEB", v3("/v3/pay/transactions/h5", "ORD-H5-3", "h5_url")},
		"Native v2": {"ORD-NATIVE-2", "NATIVE", v2("NATIVE", "ORD-NATIVE-2", "code_url")},
		"H5 v2":     {"ORD-H5-2", "MWEB", v2("MWEB", "ORD-H5-2", "mweb_url")},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			text, err := s.make()
			if err != nil || text == "" {
				t.Fatalf("got %q, %v, want an address", text, err)
			}
			pay := func(person, text, action string) string {
				return w.device(http.MethodPost, "/people/"+person+"/pay-url", map[string]any{"url": text, "action": action}).text("errMsg")
			}
			for _, step := range []struct{ person, text, action, want string }{
				{"p2", text + "x", "pay", "fail 二维码无效"},
				{"p2", text, "cancel", "fail cancel"},
				{"p2", text, "fail", "fail 支付失败，请更换支付方式"},
				{"p2", text, "pay", "ok"},
				{"p3", text, "pay", "fail 该订单已支付"},
			} {
				if got := pay(step.person, step.text, step.action); got != "requestPayment:"+step.want {
					t.Errorf("%s as %s: got %q, want %q", step.action, step.person, got, step.want)
				}
			}
			openid, _ := w.login("p2")
			told := w.query(s.number)
			payer, _ := told.json["payer"].(map[string]any)
			if told.text("trade_state") != "SUCCESS" || told.text("trade_type") != s.tradeType || payer["openid"] != openid {
				t.Errorf("got %s, want it paid by the one who scanned", told.body)
			}
		})
	}
	body := w.orderBody("ORD-NATIVE-4", "")
	delete(body, "payer")
	old := w.pay(http.MethodPost, "/v3/pay/transactions/native", jsonText(t, body)).text("code_url")
	code := w.pay(http.MethodPost, "/v3/pay/transactions/native", jsonText(t, body)).text("code_url")
	if a := w.device(http.MethodPost, "/people/p2/pay-url", map[string]any{"url": old}); code == old || a.text("errMsg") != "requestPayment:fail 二维码已过期" {
		t.Errorf("got %s, want the code of before to end when another is asked for", a.body)
	}
	if a := w.device(http.MethodPost, "/people/p2/scan", map[string]any{"image": codeImage(t, code)}); a.text("payUrl") != code || a.json["total"] != 100.0 {
		t.Errorf("got %s, want to see what is to be paid", a.body)
	}
	if a := w.device(http.MethodPost, "/people/p2/pay-url", map[string]any{"image": codeImage(t, code)}); a.text("errMsg") != "requestPayment:ok" {
		t.Errorf("got %s, want the picture of the code paid", a.body)
	}
	if a := w.call(http.MethodPost, "/_sim/people/p2/scan", jsonText(t, map[string]any{"url": code})); a.status != http.StatusConflict {
		t.Errorf("got %d %s, want nothing to pay any more", a.status, a.body)
	}
	body = w.orderBody("ORD-H5-4", "")
	delete(body, "payer")
	for _, bad := range []map[string]any{
		{"payer_client_ip": "127.0.0.1", "h5_info": map[string]any{"type": "Wap"}},
		{"payer_client_ip": "203.0.113.7", "h5_info": map[string]any{"type": "wap"}},
		{"payer_client_ip": "203.0.113.7"},
		{"h5_info": map[string]any{"type": "Wap"}},
	} {
		body["scene_info"] = bad
		wantPayError(t, w.pay(http.MethodPost, "/v3/pay/transactions/h5", jsonText(t, body)), 400, "PARAM_ERROR")
	}
	delete(body, "scene_info")
	wantPayError(t, w.pay(http.MethodPost, "/v3/pay/transactions/h5", jsonText(t, body)), 400, "PARAM_ERROR")
	body["scene_info"] = scene
	first := w.pay(http.MethodPost, "/v3/pay/transactions/h5", jsonText(t, body)).text("h5_url")
	w.clock.Add(6 * time.Minute)
	if a := w.device(http.MethodPost, "/people/p2/pay-url", map[string]any{"url": first}); a.text("errMsg") != "requestPayment:fail 二维码已过期" {
		t.Errorf("got %s, want an h5_url to end after five minutes", a.body)
	}
	if again := w.pay(http.MethodPost, "/v3/pay/transactions/h5", jsonText(t, body)).text("h5_url"); again == first || again == "" {
		t.Errorf("got %q, want a new address for the same order", again)
	}
}

// codeImage is a picture of a code, as a camera sees it.
func codeImage(t *testing.T, text string) string {
	t.Helper()
	picture, err := qr.Encode(text, qr.Medium, 280)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(picture)
}

// TestOtherWaysV2: what the other ways need besides the fields of JSAPI.
func TestOtherWaysV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const scene = `{"h5_info":{"type":"Wap","wap_url":"https://shop.example.com","wap_name":"shop"}}`
	for name, s := range map[string]struct {
		change map[string]string
		code   string
	}{
		"a code":                        {map[string]string{"trade_type": "NATIVE", "product_id": "1"}, ""},
		"a code from this machine":      {map[string]string{"trade_type": "NATIVE", "product_id": "1", "spbill_create_ip": "127.0.0.1"}, ""},
		"a code of nothing":             {map[string]string{"trade_type": "NATIVE"}, "LACK_PARAMS"},
		"a page":                        {map[string]string{"trade_type": "MWEB", "scene_info": scene}, ""},
		"a page without its site":       {map[string]string{"trade_type": "MWEB"}, "LACK_PARAMS"},
		"a page of another site's form": {map[string]string{"trade_type": "MWEB", "scene_info": `{"store_info":{}}`}, "LACK_PARAMS"},
		"a page for this machine":       {map[string]string{"trade_type": "MWEB", "scene_info": scene, "spbill_create_ip": "127.0.0.1"}, "INVALID_REQUEST"},
	} {
		asked := map[string]string{
			"body": "三鲜面", "out_trade_no": "ORD-" + rand.Text()[:10], "total_fee": "100", "spbill_create_ip": "203.0.113.7", "notify_url": notifyURL,
		}
		maps.Copy(asked, s.change)
		if got := w.v2("/pay/unifiedorder", asked); got["err_code"] != s.code || (got["code_url"]+got["mweb_url"] != "") != (s.code == "") {
			t.Errorf("%s: got %v, want %q", name, got, s.code)
		}
	}
}

// TestFundFlowBill: every movement with the balance after it.
func TestFundFlowBill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	openid, _ := w.login("p1")
	body := w.orderBody("ORD-FLOW-1", openid)
	body["amount"] = map[string]any{"total": 10000}
	if got := w.payAs("p1", w.payment(w.prepay(body).text("prepay_id"))); got != "requestPayment:ok" {
		t.Fatalf("got %q, want it paid", got)
	}
	w.clock.Add(time.Minute)
	refund := map[string]any{"out_trade_no": "ORD-FLOW-1", "out_refund_no": "R-FLOW-1", "amount": map[string]any{"refund": 4000, "total": 10000, "currency": "CNY"}}
	if a := w.refund(refund); a.status != 200 {
		t.Fatalf("refund: got %d %s", a.status, a.body)
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/bill/fundflowbill?bill_date=2026-03-01", ""), 400, "INVALID_REQUEST")
	w.clock.Add(24 * time.Hour)
	wantPayError(t, w.pay(http.MethodGet, "/v3/bill/fundflowbill?bill_date=2026-03-01&account_type=FEES", ""), 400, "NO_STATEMENT_EXIST")
	wantPayError(t, w.pay(http.MethodGet, "/v3/bill/fundflowbill?bill_date=2026-03-01&account_type=X", ""), 400, "PARAM_ERROR")
	columns, rows, summary := table(t, w.download(w.pay(http.MethodGet, "/v3/bill/fundflowbill?bill_date=2026-03-01&account_type=BASIC", "")))
	if len(columns) != 11 || len(rows) != 4 {
		t.Fatalf("got %d columns and %d rows, want 11 and 4", len(columns), len(rows))
	}
	for i, want := range []struct{ way, amount, left string }{{"收入", "100.00", "100.00"}, {"支出", "0.60", "99.40"}, {"支出", "40.00", "59.40"}, {"收入", "0.24", "59.64"}} {
		if rows[i]["收支类型"] != want.way || rows[i]["收支金额(元)"] != want.amount || rows[i]["账户结余(元)"] != want.left {
			t.Errorf("row %d: got %v, want %v", i, rows[i], want)
		}
	}
	if summary["收入笔数"] != "2" || summary["收入金额"] != "100.24" || summary["支出笔数"] != "2" || summary["支出金额"] != "40.60" {
		t.Errorf("got %v, want 100.24 in and 40.60 out", summary)
	}
}

// sealFor encrypts a field as a merchant does, with the public key.
func (w *apiSide) sealFor(text string) string {
	w.t.Helper()
	block, _ := pem.Decode([]byte(w.mch.PublicKey))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key.(*rsa.PublicKey), []byte(text), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

// TestAbnormalRefund: a refund that failed for its card goes to another one.
func TestAbnormalRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundDelay(-1))
	w.paid("ORD-ABNORMAL-1")
	refundID := w.refunded("ORD-ABNORMAL-1", "R-ABNORMAL-1", 40)
	path := "/v3/refund/domestic/refunds/" + refundID + "/apply-abnormal-refund"
	body := func(change map[string]any) string {
		in := map[string]any{"out_refund_no": "R-ABNORMAL-1", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT", "bank_account": w.sealFor("6222000000000000"), "real_name": w.sealFor("小明")}
		maps.Copy(in, change)
		return jsonText(t, in)
	}
	wantPayError(t, w.pay(http.MethodPost, path, body(nil)), 400, "INVALID_REQUEST") // still PROCESSING
	w.device(http.MethodPost, "/refunds/"+refundID, map[string]any{"status": "ABNORMAL"})
	for name, change := range map[string]map[string]any{
		"another number": {"out_refund_no": "R-ABNORMAL-2"}, "an unknown type": {"type": "CASH"}, "no account": {"bank_account": ""}, "an account in the clear": {"bank_account": "6222"},
	} {
		if a := w.pay(http.MethodPost, path, body(change)); a.status != 400 {
			t.Errorf("%s: got %d %s, want 400", name, a.status, a.body)
		}
	}
	wantPayError(t, w.pay(http.MethodPost, strings.Replace(path, refundID, "5030000", 1), body(nil)), 404, "RESOURCE_NOT_EXISTS")
	if a := w.pay(http.MethodPost, path, body(nil)); a.status != 200 || a.text("status") != "PROCESSING" {
		t.Fatalf("got %d %s, want it on its way again", a.status, a.body)
	}
	w.device(http.MethodPost, "/refunds/"+refundID, map[string]any{"status": "SUCCESS"})
	if got := w.refundState("R-ABNORMAL-1"); got != "SUCCESS" {
		t.Errorf("got %q, want SUCCESS", got)
	}
}

// TestQuotaTools: calls are counted, the count can be queried, runs out, and can be cleared ten times a month.
func TestQuotaTools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/wxaapi/newtmpl/getcategory"
	wantErrcode(t, w.api(http.MethodGet, path, ""), 0)
	w.device(http.MethodPost, "/quotas", map[string]any{"callsPerDay": 2})
	wantErrcode(t, w.api(http.MethodGet, path, ""), 0)
	a := w.api(http.MethodPost, "/cgi-bin/openapi/quota/get", `{"cgi_path":"`+path+`"}`)
	quota, _ := a.json["quota"].(map[string]any)
	if quota["daily_limit"] != 2.0 || quota["used"] != 2.0 || quota["remain"] != 0.0 {
		t.Errorf("got %s, want 2 of 2 used", a.body)
	}
	wantErrcode(t, w.api(http.MethodGet, path, ""), 45009)
	wantErrcode(t, w.api(http.MethodPost, "/cgi-bin/clear_quota", `{"appid":"wx0123456789abcdef"}`), 40013)
	wantErrcode(t, w.api(http.MethodPost, "/cgi-bin/clear_quota", `{"appid":"`+w.app.AppID+`"}`), 0)
	wantErrcode(t, w.api(http.MethodGet, path, ""), 0)
	clearBySecret := "/cgi-bin/clear_quota/v2?appid=" + w.app.AppID + "&appsecret="
	wantErrcode(t, w.call(http.MethodPost, clearBySecret+"x", ""), 40125)
	for range 9 {
		wantErrcode(t, w.call(http.MethodPost, clearBySecret+w.app.Secret, ""), 0)
	}
	wantErrcode(t, w.call(http.MethodPost, clearBySecret+w.app.Secret, ""), 48006)
	for body, want := range map[string]int{
		`{"cgi_path":"wxa/x"}`: 76003, `{"cgi_path":"/wxa/x?a=1"}`: 76003, `{"cgi_path":"/sns/jscode2session"}`: 76022, `{"cgi_path":"/wxa/nothing"}`: 76021, ``: 44002,
	} {
		wantErrcode(t, w.api(http.MethodPost, "/cgi-bin/openapi/quota/get", body), want)
	}
	for _, path := range []string{"/cgi-bin/get_api_domain_ip", "/cgi-bin/getcallbackip"} {
		if list, _ := w.api(http.MethodGet, path, "").json["ip_list"].([]any); len(list) == 0 {
			t.Errorf("%s: got no address", path)
		}
	}
}

// TestCheckEncrypted: true only for what a phone of this mini program encrypted, for three days.
func TestCheckEncrypted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.login("p1")
	sealed := w.device(http.MethodPost, "/people/p1/phone", map[string]any{}).text("encryptedData")
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(data []byte) answer {
		sum := sha256.Sum256(data)
		return w.api(http.MethodPost, "/wxa/business/checkencryptedmsg", `{"encrypted_msg_hash":"`+hex.EncodeToString(sum[:])+`"}`)
	}
	for _, data := range [][]byte{[]byte(sealed), raw} {
		if a := ask(data); a.json["vaild"] != true || a.number("create_time") != int(w.clock.Now().Unix()) {
			t.Errorf("got %s, want it known", a.body)
		}
	}
	wantErrcode(t, ask([]byte("other")), 1)
	wantErrcode(t, w.api(http.MethodPost, "/wxa/business/checkencryptedmsg", `{"encrypted_msg_hash":"ab"}`), 40097)
	w.clock.Add(72 * time.Hour)
	wantErrcode(t, ask(raw), 1)
}

// TestCustomSend: only to a person who wrote, within two days, five times.
func TestCustomSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	send := func(body string) answer {
		return w.api(http.MethodPost, "/cgi-bin/message/custom/send", strings.ReplaceAll(body, "OPENID", openid))
	}
	const hello = `{"touser":"OPENID","msgtype":"text","text":{"content":"在的"}}`
	wantErrcode(t, send(hello), 45015)
	if err := w.sim.SetPush(w.app.AppID, sim.Push{URL: "http://127.0.0.1:1/"}); err != nil {
		t.Fatal(err)
	}
	w.device(http.MethodPost, "/push", map[string]any{"person": "p1", "msgType": "text", "fields": map[string]any{"Content": "在吗"}})
	for _, bad := range []struct {
		body string
		want int
	}{
		{`{"touser":"oNobody","msgtype":"text","text":{"content":"x"}}`, 40003}, {`{"touser":"OPENID","msgtype":"voice","voice":{}}`, 40008}, {`{"touser":"OPENID","msgtype":"text"}`, 47001}, {`x`, 47001},
	} {
		wantErrcode(t, send(bad.body), bad.want)
	}
	for range 5 {
		wantErrcode(t, send(hello), 0)
	}
	wantErrcode(t, send(hello), 45047)
	if got := w.list("/chats"); len(got) != 6 || got[0]["fromUs"] != true || got[5]["fromUs"] != false {
		t.Errorf("got %v, want what both sides said", got)
	}
	w.device(http.MethodPost, "/push", map[string]any{"person": "p1", "msgType": "text", "fields": map[string]any{"Content": "谢谢"}})
	w.clock.Add(48 * time.Hour)
	wantErrcode(t, send(hello), 45015)
}

// TestRemindReceipt: once for each order sent by express.
func TestRemindReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.paid("ORD-REMIND-1")
	w.clock.Add(time.Minute)
	remind := func(at time.Time) answer {
		return w.api(http.MethodPost, "/wxa/sec/order/notify_confirm_receive",
			`{"merchant_id":"`+w.mch.MchID+`","merchant_trade_no":"ORD-REMIND-1","received_time":`+strconv.FormatInt(at.Unix(), 10)+`}`)
	}
	wantErrcode(t, remind(w.clock.Now()), 10060028)
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, w.report("ORD-REMIND-1", openid))), 0)
	wantErrcode(t, remind(time.UnixMilli(w.clock.Now().UnixMilli()*1000)), 10060014) // milliseconds
	wantErrcode(t, remind(w.clock.Now().Add(-time.Hour)), 10060029)
	wantErrcode(t, remind(w.clock.Now().Add(time.Hour)), 0)
	wantErrcode(t, remind(w.clock.Now().Add(time.Hour)), 10060030)
}

// TestRiskRank: 0 for all people except marked ones.
func TestRiskRank(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	rank := func(openid, scene, ip string) answer {
		return w.api(http.MethodPost, "/wxa/getuserriskrank", `{"appid":"`+w.app.AppID+`","openid":"`+openid+`","scene":`+scene+`,"client_ip":"`+ip+`"}`)
	}
	if a := rank(openid, "0", "203.0.113.7"); a.json["risk_rank"] != 0.0 || a.number("errcode") != 0 {
		t.Errorf("got %s, want rank 0", a.body)
	}
	w.device(http.MethodPost, "/people/p1", map[string]any{"risky": true})
	if a := rank(openid, "1", "::1"); a.json["risk_rank"] != 4.0 {
		t.Errorf("got %s, want rank 4", a.body)
	}
	wantErrcode(t, rank(openid, "3", "::1"), 40097)
	wantErrcode(t, rank(openid, "0", "x"), 40097)
	wantErrcode(t, rank("oNobody", "0", "::1"), 40003)
	w.clock.Add(3 * time.Hour)
	wantErrcode(t, rank(openid, "0", "::1"), 61010)
}

// TestGuestCode: DevTools with the guest appid returns no code; the list of calls says what to do.
func TestGuestCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.device(http.MethodPost, "/people/p1/login", map[string]any{"guest": true}).text("code")
	if code != "the code is a mock one" {
		t.Errorf("got %q, want what DevTools says", code)
	}
	wantErrcode(t, w.exchange(strings.ReplaceAll(code, " ", "%20")), 40029)
	if got := w.list("/calls?limit=1")[0]["reason"].(string); !strings.Contains(got, "guest appid") {
		t.Errorf("got %q, want the guest named", got)
	}
}

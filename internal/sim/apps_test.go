package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
)

// inApp logs p1 in at another mini program.
func (w *apiSide) inApp(appid, secret string) answer {
	w.t.Helper()
	code := w.device(http.MethodPost, "/people/p1/login", map[string]any{"appid": appid}).text("code")
	return w.call(http.MethodGet, "/sns/jscode2session?appid="+appid+"&secret="+secret+"&grant_type=authorization_code&js_code="+code, "")
}

func TestSecondApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	added := w.device(http.MethodPost, "/apps", nil)
	appid, secret := added.text("appid"), added.text("secret")
	w.device(http.MethodPost, "/apps", nil)
	if apps := w.sim.Config().Apps; len(apps) != 3 || apps[0] != w.app || apps[1].AppID != appid || apps[1].Secret != secret || len(apps[1].PushAESKey) != 43 {
		t.Fatalf("got %v, want the first, then the two that were added", apps)
	}
	here, there := w.exchange(w.code("p1")), w.inApp(appid, secret)
	if there.text("openid") == "" || here.text("openid") == there.text("openid") || here.json["unionid"] != nil {
		t.Fatalf("got %s and %s, want one openid per mini program and no unionid", here.body, there.body)
	}
	wantErrcode(t, w.inApp(appid, w.app.Secret), 40125)
	wantErrcode(t, w.exchange(w.device(http.MethodPost, "/people/p1/login", map[string]any{"appid": appid}).text("code")), 40029)

	// the tokens are separate, and so are their permissions
	first := w.token()
	a := w.call(http.MethodPost, "/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, appid, secret))
	second := a.text("access_token")
	if second == "" || second == first || w.token() != first {
		t.Fatalf("got %s, want a token of its own", a.body)
	}
	phone := w.device(http.MethodPost, "/people/p1/phone", map[string]any{"appid": appid}).text("code")
	wantErrcode(t, w.call(http.MethodPost, "/wxa/business/getuserphonenumber?access_token="+first, fmt.Sprintf(`{"code":%q}`, phone)), 40013)
	wantErrcode(t, w.call(http.MethodPost, "/wxa/business/getuserphonenumber?access_token="+second, fmt.Sprintf(`{"code":%q}`, phone)), 0)

	// the merchant takes payments in both, each with that mini program's openid
	order := w.orderBody("ORD-APP-1", there.text("openid"))
	wantPayError(t, w.prepay(order), 400, "PARAM_ERROR")
	order["appid"] = appid
	prepay := w.prepay(order).text("prepay_id")
	in := w.payment(prepay)
	if got := w.payAs("p1", in); got != "requestPayment:fail appid与下单时不一致" {
		t.Errorf("got %q, want it refused in the other mini program", got)
	}
	in["appid"], in["paySign"] = appid, sign(t, w.key, appid, in["timeStamp"].(string), in["nonceStr"].(string), in["package"].(string))
	if got := w.payAs("p1", in); got != "requestPayment:ok" {
		t.Errorf("got %q, want requestPayment:ok", got)
	}
	w.clock.Add(2 * time.Second)
	body := fmt.Sprintf(`{"merchant_id":%q,"merchant_trade_no":"ORD-APP-1"}`, w.mch.MchID)
	wantErrcode(t, w.ship("get_order", body), 10060001)
	wantErrcode(t, w.call(http.MethodPost, "/wxa/sec/order/get_order?access_token="+second, body), 0)

	w.close()
	w = openWorld(t, w.dir, w.clock)
	if apps := w.cfg.Apps; len(apps) != 3 || apps[1].AppID != appid {
		t.Errorf("got %v after a restart, want all three", apps)
	}
	if again := w.inApp(appid, secret); again.text("openid") != there.text("openid") {
		t.Errorf("got %s after a restart, want the same openid", again.body)
	}
}

func TestUnionID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	added := w.device(http.MethodPost, "/apps", nil)
	openid, _ := w.login("p1")
	w.paid("ORD-UNION-1")
	paid := func(openid, more string) answer {
		return w.call(http.MethodGet, "/wxa/getpaidunionid?access_token="+w.token()+"&openid="+openid+more, "")
	}
	byNumber := "&mch_id=" + w.mch.MchID + "&out_trade_no=ORD-UNION-1"
	wantErrcode(t, paid(openid, byNumber), 89002)
	w.device(http.MethodPost, "/open-platform", map[string]any{"bound": true})
	here, there, other := w.exchange(w.code("p1")), w.inApp(added.text("appid"), added.text("secret")), w.exchange(w.code("p2"))
	union := here.text("unionid")
	if len(union) != 28 || there.text("unionid") != union || other.text("unionid") == union || other.text("unionid") == "" {
		t.Fatalf("got %s, %s and %s, want one unionid per person", here.body, there.body, other.body)
	}
	for _, more := range []string{byNumber, "&transaction_id=" + w.query("ORD-UNION-1").text("transaction_id")} {
		if a := paid(openid, more); a.text("unionid") != union {
			t.Errorf("got %s, want %s", a.body, union)
		}
	}
	wantErrcode(t, paid("oNobody", byNumber), 40003)
	wantErrcode(t, paid(other.text("openid"), byNumber), 89300)
	wantErrcode(t, paid(openid, ""), 89300)
	w.clock.Add(5*time.Minute + time.Second)
	wantErrcode(t, paid(openid, byNumber), 89300)
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if again := w.exchange(w.code("p1")); again.text("unionid") != union {
		t.Errorf("got %s after a restart, want %s", again.body, union)
	}
	w.device(http.MethodPost, "/open-platform", map[string]any{"bound": false})
	if again := w.exchange(w.code("p1")); again.json["unionid"] != nil {
		t.Errorf("got %s unbound, want no unionid", again.body)
	}
	if a := w.call(http.MethodPost, "/_sim/open-platform", "{}"); a.status != 400 {
		t.Errorf("got %d, want 400 without bound", a.status)
	}
}

func TestPlatformRotation(t *testing.T) {
	t.Parallel()
	w := newRealWorld(t)
	openid, _ := w.login("p1")
	ask := func() answer {
		req := w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now())
		req.Header.Del("Wechatpay-Serial")
		return w.do(req)
	}
	old := ask()
	a := w.device(http.MethodPost, "/platform/rotate", nil)
	if a.text("before") != w.mch.PlatformSerial || a.text("serial") == w.mch.PlatformSerial || w.sim.Config().Merchants[0].PlatformSerial != a.text("serial") {
		t.Fatalf("got %s, want a new serial after %s", a.body, w.mch.PlatformSerial)
	}
	fresh := ask()
	serials := func(a answer) (list []string) {
		for _, row := range a.json["data"].([]any) {
			list = append(list, row.(map[string]any)["serial_no"].(string))
		}
		return list
	}
	if got := serials(fresh); len(serials(old)) != 1 || len(got) != 2 || got[0] != a.text("serial") || got[1] != w.mch.PlatformSerial {
		t.Errorf("got %v, want the new and the old", got)
	}
	if fresh.header.Get("Wechatpay-Serial") != a.text("serial") || w.verify(old.header, old.body) != nil {
		t.Errorf("got an answer signed with %s, want the new one, and the old answer to verify still", fresh.header.Get("Wechatpay-Serial"))
	}
	// a client that downloads certificates works with both
	first := w.sdk(option.WithMerchantCredential(w.mch.MchID, w.mch.CertSerial, w.key), option.WithoutValidator())
	manager := downloader.NewCertificateDownloaderMgrWithInterval(t.Context(), time.Hour)
	defer manager.Stop()
	if err := manager.RegisterDownloaderWithClient(t.Context(), first, w.mch.MchID, w.mch.APIV3Key); err != nil {
		t.Fatalf("download certificates: %v", err)
	}
	svc := jsapi.JsapiApiService{Client: w.sdk(option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(w.mch.MchID, w.mch.CertSerial, w.key, manager))}
	if _, _, err := svc.Prepay(t.Context(), w.sdkPrepay("SDK-ROTATE-1", openid, notifyURL)); err != nil {
		t.Fatalf("prepay: %v", err)
	}
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if got := serials(ask()); len(got) != 2 || got[0] != a.text("serial") {
		t.Errorf("got %v after a restart, want both again", got)
	}
	w.device(http.MethodPost, "/platform/rotate", nil)
	if got := serials(ask()); len(got) != 2 || got[1] != a.text("serial") {
		t.Errorf("got %v after a second rotation, want the last two", got)
	}
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.device(http.MethodPost, "/merchant", map[string]any{"refundUrl": refundURL})
	for i := range 5 {
		w.paid(fmt.Sprintf("ORD-PAGE-%d", i))
		w.refunded(fmt.Sprintf("ORD-PAGE-%d", i), fmt.Sprintf("R-%d", i), 1)
		w.clock.Add(time.Second)
	}
	for path, id := range map[string]string{"/orders": "out_trade_no", "/refunds": "refund_id", "/notifications": "id"} {
		whole := w.list(path)
		if len(whole) < 5 {
			t.Fatalf("%s: got %d, want at least 5", path, len(whole))
		}
		var paged []map[string]any
		for after := ""; ; {
			page := w.list(path + "?limit=2" + after)
			paged = append(paged, page...)
			if len(page) < 2 {
				break
			}
			after = "&after=" + page[1][id].(string)
		}
		if jsonText(t, paged) != jsonText(t, whole) {
			t.Errorf("%s: got %d rows in pages, want the same %d in the same order", path, len(paged), len(whole))
		}
		for _, bad := range []string{"?limit=0", "?limit=x", "?after=NONE"} {
			if a := w.call(http.MethodGet, "/_sim"+path+bad, ""); a.status != 400 {
				t.Errorf("%s%s: got %d, want 400", path, bad, a.status)
			}
		}
	}
	calls := w.list("/calls")
	if page := w.list(fmt.Sprintf("/calls?limit=1&after=%v", calls[3]["id"])); len(page) != 1 || page[0]["id"] != calls[4]["id"] {
		t.Errorf("got %v, want the call after the fourth", page)
	}
	if first := w.list("/orders"); first[0]["out_trade_no"] != "ORD-PAGE-4" {
		t.Errorf("got %v first, want the latest", first[0]["out_trade_no"])
	}
	before := w.call(http.MethodGet, "/_sim/orders", "").body
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if after := w.call(http.MethodGet, "/_sim/orders", "").body; !bytes.Equal(before, after) || !json.Valid(after) {
		t.Error("got another list after a restart, want the same order")
	}
}

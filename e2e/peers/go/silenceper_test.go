package peers

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/domain/openapi"
	"github.com/silenceper/wechat/v2/miniprogram"
	"github.com/silenceper/wechat/v2/miniprogram/business"
	miniconfig "github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/message"
	"github.com/silenceper/wechat/v2/miniprogram/qrcode"
	"github.com/silenceper/wechat/v2/miniprogram/riskcontrol"
	"github.com/silenceper/wechat/v2/miniprogram/security"
	"github.com/silenceper/wechat/v2/miniprogram/subscribe"
	"github.com/silenceper/wechat/v2/miniprogram/urllink"
	"github.com/silenceper/wechat/v2/miniprogram/urlscheme"
	"github.com/silenceper/wechat/v2/pay"
	payconfig "github.com/silenceper/wechat/v2/pay/config"
	"github.com/silenceper/wechat/v2/pay/notify"
	"github.com/silenceper/wechat/v2/pay/order"
)

func silenceper(stable bool) *miniprogram.MiniProgram {
	return wechat.NewWechat().GetMiniProgram(&miniconfig.Config{
		AppID: env("WX_APPID"), AppSecret: env("WX_SECRET"), Token: env("WX_PUSH_TOKEN"), EncodingAESKey: env("WX_PUSH_AES_KEY"), Cache: cache.NewMemory(), UseStableAK: stable,
	})
}

func TestSilenceperLoginAndPhone(t *testing.T) {
	for name, stable := range map[string]bool{"token": false, "stable token": true} {
		t.Run(name, func(t *testing.T) {
			mini := silenceper(stable)
			got, err := mini.GetAuth().Code2Session(login(t))
			if err != nil || got.OpenID == "" || got.SessionKey == "" {
				t.Fatalf("login: got %+v, %v", got, err)
			}
			code := control(t, "/people/p1/phone", map[string]any{})["code"].(string)
			phone, err := mini.GetBusiness().GetPhoneNumber(&business.GetPhoneNumberRequest{Code: code})
			if err != nil || phone.PurePhoneNumber == "" {
				t.Errorf("phone: got %+v, %v", phone, err)
			}
			code = control(t, "/people/p1/phone", map[string]any{})["code"].(string)
			if phone, err := mini.GetAuth().GetPhoneNumber(code); err != nil || phone.PhoneInfo.PurePhoneNumber == "" {
				t.Errorf("phone by auth: got %+v, %v", phone, err)
			}
			sealed := control(t, "/people/p1/userinfo", map[string]any{})
			if info, err := mini.GetEncryptor().Decrypt(got.SessionKey, sealed["encryptedData"].(string), sealed["iv"].(string)); err != nil || info.OpenID != got.OpenID {
				t.Errorf("open data: got %+v, %v", info, err)
			}
		})
	}
}

func TestSilenceperCodes(t *testing.T) {
	q := silenceper(true).GetQRCode()
	for name, make := range map[string]func() ([]byte, error){
		"unlimited": func() ([]byte, error) {
			return q.GetWXACodeUnlimit(qrcode.QRCoder{Scene: "a=1", Page: "pages/index/index"})
		},
		"limited": func() ([]byte, error) { return q.GetWXACode(qrcode.QRCoder{Path: "pages/index/index?a=1"}) },
		"square":  func() ([]byte, error) { return q.CreateWXAQRCode(qrcode.QRCoder{Path: "pages/index/index?a=1"}) },
	} {
		if got, err := make(); err != nil || http.DetectContentType(got) != "image/jpeg" {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
}

func TestSilenceperMessages(t *testing.T) {
	mini, openid := silenceper(true), openID(t)
	list, err := mini.GetSubscribe().ListTemplates()
	if err != nil || len(list.Data) == 0 {
		t.Fatalf("templates: got %+v, %v", list, err)
	}
	if got, err := mini.GetSubscribe().GetCategory(); err != nil || len(got) == 0 {
		t.Errorf("categories: got %+v, %v", got, err)
	}
	id := ""
	for _, row := range list.Data {
		if row.Title == "退款成功通知" {
			id = row.PriTmplID
		}
	}
	control(t, "/people/p1/subscribe", map[string]any{"templateIds": []string{id}})
	// note: it sends lang and miniprogram_state as "" when nobody set them
	err = mini.GetSubscribe().Send(&subscribe.Message{ToUser: openid, TemplateID: id, Data: map[string]*subscribe.DataItem{
		"character_string1": {Value: "T1"}, "amount2": {Value: "￥1.00"}, "thing3": {Value: "缺货"}, "time4": {Value: "10:00"},
	}})
	if err != nil {
		t.Errorf("send: %v", err)
	}
}

func TestSilenceperSecurity(t *testing.T) {
	mini, openid := silenceper(true), openID(t)
	if got, err := mini.GetSecurity().MsgCheck(&security.MsgCheckRequest{OpenID: openid, Scene: security.MsgSceneComment, Content: "sim-risky"}); err != nil || got.Result.Suggest != security.CheckSuggestRisky {
		t.Errorf("text: got %+v, %v", got, err)
	}
	if got, err := mini.GetRiskControl().GetUserRiskRank(&riskcontrol.UserRiskRankRequest{AppID: env("WX_APPID"), OpenID: openid, ClientIP: "127.0.0.1"}); err != nil {
		t.Errorf("risk rank: got %+v, %v", got, err)
	}
}

// TestSilenceperPush: messages in both formats, in the clear and encrypted, and an answer to the customer.
func TestSilenceperPush(t *testing.T) {
	mini, openid := silenceper(true), openID(t)
	got := make(chan error, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, r.URL.Query().Get("echostr"))
			return
		}
		_, raw, err := mini.GetMessageReceiver().GetMsg(r)
		if err == nil && !strings.Contains(string(raw), "在吗") {
			err = errors.New("got " + string(raw))
		}
		_, _ = io.WriteString(w, "success")
		got <- err
	}))
	defer srv.Close()
	for _, mode := range []string{"plain", "safe"} {
		for _, format := range []string{"json", "xml"} {
			control(t, "/apps/"+env("WX_APPID")+"/push", map[string]any{"pushUrl": srv.URL, "pushMode": mode, "pushFormat": format})
			control(t, "/trigger", map[string]any{"event": "push.text"})
			select {
			case err := <-got:
				if err != nil {
					t.Errorf("%s, %s: %v", mode, format, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s, %s: no message came", mode, format)
			}
		}
	}
	if err := mini.GetCustomerMessage().Send(message.NewCustomerTextMessage(openid, "在的")); err != nil {
		t.Errorf("customer message: %v", err)
	}
	control(t, "/apps/"+env("WX_APPID")+"/push", map[string]any{"pushUrl": ""})
}

// TestSilenceperPay is API v2, whose requests this SDK roots in <request>, <queryRequest> and <closeRequest>. Its refund reads the
// certificate from a p12 file on the disk and is left out.
func TestSilenceperPay(t *testing.T) {
	p := pay2()
	address, wait := inbox(t, func(r *http.Request) (string, error) {
		var said notify.PaidResult
		if err := xml.NewDecoder(r.Body).Decode(&said); err != nil {
			return "", err
		}
		if !p.GetNotify().PaidVerifySign(said) {
			return "", errors.New("the sign does not verify")
		}
		return "<xml><return_code>SUCCESS</return_code><return_msg>OK</return_msg></xml>", nil
	})
	made := number("SIL")
	config, err := p.GetOrder().BridgeConfig(&order.Params{
		TotalFee: "100", CreateIP: "127.0.0.1", Body: "三鲜面", OutTradeNo: made, OpenID: openID(t), TradeType: "JSAPI", SignType: "MD5", NotifyURL: address,
	})
	if err != nil {
		t.Fatal(err)
	}
	payWith(t, map[string]any{"timeStamp": config.Timestamp, "nonceStr": config.NonceStr, "package": config.Package, "signType": config.SignType, "paySign": config.PaySign})
	wait()
	if got, err := p.GetOrder().QueryOrder(&order.QueryParams{OutTradeNo: made}); err != nil || got.TradeState == nil || *got.TradeState != "SUCCESS" {
		t.Errorf("query: got %+v, %v", got, err)
	}
	open := number("SIC")
	if _, err := p.GetOrder().PrePayID(&order.Params{
		TotalFee: "100", CreateIP: "127.0.0.1", Body: "三鲜面", OutTradeNo: open, OpenID: openID(t), TradeType: "JSAPI", NotifyURL: address,
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.GetOrder().CloseOrder(&order.CloseParams{OutTradeNo: open}); err != nil {
		t.Errorf("close: got %+v, %v", got, err)
	}
}

func pay2() *pay.Pay {
	return pay.NewPay(&payconfig.Config{AppID: env("WX_APPID"), MchID: env("WX_MCHID"), Key: env("WX_API_V2_KEY"), NotifyURL: "http://127.0.0.1:1/notify"})
}

func TestSilenceperTools(t *testing.T) {
	mini := silenceper(true)
	if got, err := mini.GetOpenAPI().GetAPIQuota(openapi.GetAPIQuotaParams{CgiPath: "/wxa/getwxacode"}); err != nil || got.Quota.DailyLimit == 0 {
		t.Errorf("quota: got %+v, %v", got, err)
	}
	if err := mini.GetOpenAPI().ClearQuota(); err != nil {
		t.Errorf("clear quota: %v", err)
	}
	if link, err := mini.GetURLLink().Generate(&urllink.ULParams{Path: "pages/index/index"}); err != nil || link == "" {
		t.Errorf("link: got %q, %v", link, err)
	}
	if scheme, err := mini.GetSURLScheme().Generate(&urlscheme.USParams{JumpWxa: &urlscheme.JumpWxa{Path: "pages/index/index"}}); err != nil || scheme == "" {
		t.Errorf("scheme: got %q, %v", scheme, err)
	}
}

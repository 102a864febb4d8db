package peers

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/pkg/xhttp"
	v2 "github.com/go-pay/gopay/wechat"
	v3 "github.com/go-pay/gopay/wechat/v3"
)

func gopayV3(t *testing.T) *v3.ClientV3 {
	t.Helper()
	c, err := v3.NewClientV3(env("WX_MCHID"), env("WX_MCH_SERIAL"), env("WX_API_V3_KEY"), env("WX_MCH_PRIVATE_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	c.SetHttpClient(xhttp.NewClient().SetTransport(http.DefaultTransport))
	if err := c.AutoVerifySignByPublicKey([]byte(env("WX_PAY_PUBLIC_KEY")), env("WX_PAY_PUBLIC_KEY_ID")); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGopayV3(t *testing.T) {
	c, ctx := gopayV3(t), t.Context()
	keys := map[string]*rsa.PublicKey{env("WX_PAY_PUBLIC_KEY_ID"): publicKey(t)}
	address, wait := inbox(t, func(r *http.Request) (string, error) {
		n, err := v3.V3ParseNotify(r)
		if err != nil {
			return "", err
		}
		if err := n.VerifySignByPKMap(keys); err != nil {
			return "", err
		}
		if strings.HasPrefix(n.EventType, "REFUND") {
			_, err = n.DecryptRefundCipherText(env("WX_API_V3_KEY"))
		} else {
			_, err = n.DecryptPayCipherText(env("WX_API_V3_KEY"))
		}
		return "", err
	})
	order := number("GOP")
	body := func(number string) gopay.BodyMap {
		bm := make(gopay.BodyMap)
		return bm.Set("appid", env("WX_APPID")).Set("mchid", env("WX_MCHID")).Set("description", "三鲜面").Set("out_trade_no", number).Set("notify_url", address).
			SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("total", 100).Set("currency", "CNY") })
	}
	made, err := c.V3TransactionJsapi(ctx, body(order).SetBodyMap("payer", func(bm gopay.BodyMap) { bm.Set("openid", openID(t)) }))
	if err != nil || made.Code != v3.Success {
		t.Fatalf("prepay: got %+v, %v", made, err)
	}
	params, err := c.PaySignOfApplet(env("WX_APPID"), made.Response.PrepayId)
	if err != nil {
		t.Fatal(err)
	}
	payWith(t, map[string]any{"timeStamp": params.TimeStamp, "nonceStr": params.NonceStr, "package": params.Package, "signType": params.SignType, "paySign": params.PaySign})
	wait()
	if got, err := c.V3TransactionQueryOrder(ctx, v3.OutTradeNo, order); err != nil || got.Code != v3.Success || got.Response.TradeState != "SUCCESS" {
		t.Errorf("query: got %+v, %v", got, err)
	}
	refund := make(gopay.BodyMap)
	refund.Set("out_trade_no", order).Set("out_refund_no", "R-"+order).Set("reason", "缺货").Set("notify_url", address).
		SetBodyMap("amount", func(bm gopay.BodyMap) { bm.Set("refund", 40).Set("total", 100).Set("currency", "CNY") })
	if got, err := c.V3Refund(ctx, refund); err != nil || got.Code != v3.Success {
		t.Fatalf("refund: got %+v, %v", got, err)
	}
	wait()
	if got, err := c.V3RefundQuery(ctx, "R-"+order, nil); err != nil || got.Code != v3.Success || got.Response.Status != "SUCCESS" {
		t.Errorf("refund query: got %+v, %v", got, err)
	}
	if got, err := c.V3TransactionNative(ctx, body(number("GON"))); err != nil || got.Code != v3.Success || got.Response.CodeUrl == "" {
		t.Errorf("native: got %+v, %v", got, err)
	}
	open := number("GOH")
	h5 := body(open).SetBodyMap("scene_info", func(bm gopay.BodyMap) {
		bm.Set("payer_client_ip", "203.0.113.7").SetBodyMap("h5_info", func(bm gopay.BodyMap) { bm.Set("type", "Wap") })
	})
	if got, err := c.V3TransactionH5(ctx, h5); err != nil || got.Code != v3.Success || got.Response.H5Url == "" {
		t.Errorf("h5: got %+v, %v", got, err)
	}
	if got, err := c.V3TransactionCloseOrder(ctx, open); err != nil || got.Code != v3.Success {
		t.Errorf("close: got %+v, %v", got, err)
	}
	for name, ask := range map[string]func() (*v3.BillRsp, error){
		"trade": func() (*v3.BillRsp, error) {
			return c.V3BillTradeBill(ctx, gopay.BodyMap{"bill_date": day("2006-01-02")})
		},
		"flow": func() (*v3.BillRsp, error) {
			return c.V3BillFundFlowBill(ctx, gopay.BodyMap{"bill_date": day("2006-01-02")})
		},
	} {
		got, err := ask()
		if err != nil || got.Code != v3.Success {
			t.Fatalf("%s bill: got %+v, %v", name, got, err)
		}
		if file, err := c.V3BillDownLoadBill(ctx, got.Response.DownloadUrl); err != nil || !strings.HasPrefix(string(file), "\ufeff") {
			t.Errorf("%s bill: got %d bytes, %v", name, len(file), err)
		}
	}
}

func TestGopayV2(t *testing.T) {
	c, ctx := v2.NewClient(env("WX_APPID"), env("WX_MCHID"), env("WX_API_V2_KEY"), true), t.Context()
	c.SetHttpClient(xhttp.NewClient().SetTransport(http.DefaultTransport))
	c.SetTLSHttpClient(xhttp.NewClient().SetTransport(http.DefaultTransport))
	address, wait := inbox(t, func(r *http.Request) (string, error) {
		bm, err := v2.ParseNotifyToBodyMap(r)
		if err != nil {
			return "", err
		}
		if info := bm.GetString("req_info"); info != "" {
			_, err = v2.DecryptRefundNotifyReqInfo(info, env("WX_API_V2_KEY"))
		} else if ok, wrong := v2.VerifySign(env("WX_API_V2_KEY"), v2.SignType_MD5, bm); !ok {
			err = fmt.Errorf("sign: %v", wrong)
		}
		return (&v2.NotifyResponse{ReturnCode: gopay.SUCCESS, ReturnMsg: gopay.OK}).ToXmlString(), err
	})
	order := number("GO2")
	bm := make(gopay.BodyMap)
	bm.Set("nonce_str", number("n")).Set("body", "三鲜面").Set("out_trade_no", order).Set("total_fee", 100).Set("spbill_create_ip", "127.0.0.1").
		Set("notify_url", address).Set("trade_type", v2.TradeType_Mini).Set("sign_type", v2.SignType_MD5).Set("openid", openID(t))
	made, err := c.UnifiedOrder(ctx, bm)
	if err != nil || made.PrepayId == "" {
		t.Fatalf("unifiedorder: got %+v, %v", made, err)
	}
	timeStamp, nonce, pack := fmt.Sprint(now()), number("p"), "prepay_id="+made.PrepayId
	payWith(t, map[string]any{"timeStamp": timeStamp, "nonceStr": nonce, "package": pack, "signType": "MD5", "paySign": v2.GetMiniPaySign(env("WX_APPID"), nonce, pack, v2.SignType_MD5, timeStamp, env("WX_API_V2_KEY"))})
	wait()
	query := gopay.BodyMap{"out_trade_no": order, "nonce_str": number("n"), "sign_type": v2.SignType_MD5}
	if got, _, err := c.QueryOrder(ctx, query); err != nil || got.TradeState != "SUCCESS" {
		t.Errorf("query: got %+v, %v", got, err)
	}
	refund := gopay.BodyMap{
		"out_trade_no": order, "nonce_str": number("n"), "sign_type": v2.SignType_MD5, "out_refund_no": "R-" + order, "total_fee": "100", "refund_fee": "40", "notify_url": address,
	}
	if got, _, err := c.Refund(ctx, refund); err != nil || got.RefundId == "" {
		t.Fatalf("refund: got %+v, %v", got, err)
	}
	wait()
	if got, _, err := c.QueryRefund(ctx, gopay.BodyMap{"out_refund_no": "R-" + order, "nonce_str": number("n"), "sign_type": v2.SignType_MD5}); err != nil || got.ResultCode != "SUCCESS" {
		t.Errorf("refund query: got %+v, %v", got, err)
	}
	open := number("GOC")
	bm.Set("out_trade_no", open)
	bm.Remove("sign")
	if got, err := c.UnifiedOrder(ctx, bm); err != nil || got.PrepayId == "" {
		t.Fatalf("second order: got %+v, %v", got, err)
	}
	if got, err := c.CloseOrder(ctx, gopay.BodyMap{"out_trade_no": open, "nonce_str": number("n"), "sign_type": v2.SignType_MD5}); err != nil || got.ResultCode != "SUCCESS" {
		t.Errorf("close: got %+v, %v", got, err)
	}
	if got, err := c.DownloadBill(ctx, gopay.BodyMap{"nonce_str": number("n"), "sign_type": v2.SignType_MD5, "bill_date": day("20060102"), "bill_type": "ALL"}); err != nil || !strings.HasPrefix(got, "\ufeff") {
		t.Errorf("bill: got %.100s, %v", got, err)
	}
}

package peers

import (
	"context"
	"crypto/rsa"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

func merchantKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := utils.LoadPrivateKey(env("WX_MCH_PRIVATE_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicKey(t *testing.T) *rsa.PublicKey {
	t.Helper()
	key, err := utils.LoadPublicKey(env("WX_PAY_PUBLIC_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clients are the SDK in both ways of verifying.
func clients(t *testing.T) map[string]*core.Client {
	t.Helper()
	ctx, mch, serial := t.Context(), env("WX_MCHID"), env("WX_MCH_SERIAL")
	byKey, err := core.NewClient(ctx, option.WithWechatPayPublicKeyAuthCipher(mch, serial, merchantKey(t), env("WX_PAY_PUBLIC_KEY_ID"), publicKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	mgr := downloader.NewCertificateDownloaderMgr(ctx)
	t.Cleanup(mgr.Stop)
	if err := mgr.RegisterDownloaderWithPrivateKey(ctx, merchantKey(t), serial, mch, env("WX_API_V3_KEY")); err != nil {
		t.Fatal(err)
	}
	byCert, err := core.NewClient(ctx, option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(mch, serial, merchantKey(t), mgr))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*core.Client{"public key": byKey, "certificate": byCert}
}

func TestWechatpayGo(t *testing.T) {
	for name, client := range clients(t) {
		t.Run(name, func(t *testing.T) { wholeStory(t, client) })
	}
}

// wholeStory pays, asks, refunds, asks, and reads both notifications.
func wholeStory(t *testing.T, client *core.Client) {
	ctx := t.Context()
	verifier := verifiers.NewSHA256WithRSACombinedVerifier(certificates(t), env("WX_PAY_PUBLIC_KEY_ID"), *publicKey(t))
	handler, err := notify.NewRSANotifyHandler(env("WX_API_V3_KEY"), verifier)
	if err != nil {
		t.Fatal(err)
	}
	order := number("WPG")
	address, wait := inbox(t, func(r *http.Request) (string, error) {
		var said payments.Transaction
		_, err := handler.ParseNotifyRequest(context.Background(), r, &said)
		return "", err
	})
	service := jsapi.JsapiApiService{Client: client}
	made, _, err := service.PrepayWithRequestPayment(ctx, jsapi.PrepayRequest{
		Appid: core.String(env("WX_APPID")), Mchid: core.String(env("WX_MCHID")), Description: core.String("三鲜面"), OutTradeNo: core.String(order), NotifyUrl: core.String(address),
		Amount: &jsapi.Amount{Total: core.Int64(100)}, Payer: &jsapi.Payer{Openid: core.String(openID(t))}, LimitPay: []string{"no_credit"},
	})
	if err != nil {
		t.Fatal(err)
	}
	payWith(t, map[string]any{"timeStamp": *made.TimeStamp, "nonceStr": *made.NonceStr, "package": *made.Package, "signType": *made.SignType, "paySign": *made.PaySign})
	wait()
	got, _, err := service.QueryOrderByOutTradeNo(ctx, jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: core.String(order), Mchid: core.String(env("WX_MCHID"))})
	if err != nil || *got.TradeState != "SUCCESS" {
		t.Fatalf("query: got %v, %v", got, err)
	}
	if _, _, err := service.QueryOrderById(ctx, jsapi.QueryOrderByIdRequest{TransactionId: got.TransactionId, Mchid: core.String(env("WX_MCHID"))}); err != nil {
		t.Errorf("query by id: %v", err)
	}
	refunds := refunddomestic.RefundsApiService{Client: client}
	refund, _, err := refunds.Create(ctx, refunddomestic.CreateRequest{
		OutTradeNo: core.String(order), OutRefundNo: core.String("R-" + order), Reason: core.String("缺货"), NotifyUrl: core.String(address),
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(40), Total: core.Int64(100), Currency: core.String("CNY")},
	})
	if err != nil || *refund.Status != refunddomestic.STATUS_PROCESSING {
		t.Fatalf("refund: got %v, %v", refund, err)
	}
	wait()
	if refund, _, err = refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String("R-" + order)}); err != nil || *refund.Status != refunddomestic.STATUS_SUCCESS {
		t.Errorf("refund query: got %v, %v", refund, err)
	}
}

func certificates(t *testing.T) core.CertificateVisitor {
	t.Helper()
	mgr := downloader.NewCertificateDownloaderMgr(t.Context())
	t.Cleanup(mgr.Stop)
	if err := mgr.RegisterDownloaderWithPrivateKey(t.Context(), merchantKey(t), env("WX_MCH_SERIAL"), env("WX_MCHID"), env("WX_API_V3_KEY")); err != nil {
		t.Fatal(err)
	}
	return mgr.GetCertificateVisitor(env("WX_MCHID"))
}

func TestWechatpayGoOtherWays(t *testing.T) {
	ctx, client := t.Context(), clients(t)["public key"]
	made, _, err := (&native.NativeApiService{Client: client}).Prepay(ctx, native.PrepayRequest{
		Appid: core.String(env("WX_APPID")), Mchid: core.String(env("WX_MCHID")), Description: core.String("三鲜面"), OutTradeNo: core.String(number("WPN")),
		NotifyUrl: core.String("http://127.0.0.1:1/n"), Amount: &native.Amount{Total: core.Int64(100)},
	})
	if err != nil || !strings.HasPrefix(*made.CodeUrl, "weixin://") {
		t.Errorf("native: got %v, %v", made, err)
	}
	order := number("WPH")
	page, _, err := (&h5.H5ApiService{Client: client}).Prepay(ctx, h5.PrepayRequest{
		Appid: core.String(env("WX_APPID")), Mchid: core.String(env("WX_MCHID")), Description: core.String("三鲜面"), OutTradeNo: core.String(order),
		NotifyUrl: core.String("http://127.0.0.1:1/n"), Amount: &h5.Amount{Total: core.Int64(100)},
		SceneInfo: &h5.SceneInfo{PayerClientIp: core.String("203.0.113.7"), H5Info: &h5.H5Info{Type: core.String("Wap")}},
	})
	if err != nil || !strings.HasPrefix(*page.H5Url, "https://") {
		t.Errorf("h5: got %v, %v", page, err)
	}
	if _, err := (&h5.H5ApiService{Client: client}).CloseOrder(ctx, h5.CloseOrderRequest{OutTradeNo: core.String(order), Mchid: core.String(env("WX_MCHID"))}); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestWechatpayGoBill downloads both bills, without the validator as the SDK's document says.
func TestWechatpayGoBill(t *testing.T) {
	client := clients(t)["public key"]
	plain, err := core.NewClient(t.Context(), option.WithMerchantCredential(env("WX_MCHID"), env("WX_MCH_SERIAL"), merchantKey(t)), option.WithoutValidator())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("paid", func(t *testing.T) { wholeStory(t, client) })
	for _, path := range []string{"tradebill?bill_type=ALL&", "fundflowbill?account_type=BASIC&"} {
		offer, err := client.Get(t.Context(), "https://api.mch.weixin.qq.com/v3/bill/"+path+"bill_date="+day("2006-01-02"))
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			URL string `json:"download_url"`
		}
		if err := core.UnMarshalResponse(offer.Response, &said); err != nil || !strings.HasPrefix(said.URL, "https://api.mch.weixin.qq.com/") {
			t.Fatalf("%s: got %+v, %v, want an address of WeChat's", path, said, err)
		}
		file, err := plain.Get(t.Context(), said.URL)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(file.Response.Body); err != nil || !strings.HasPrefix(string(raw), "\ufeff") {
			t.Errorf("%s: got %d bytes, %v", path, len(raw), err)
		}
	}
}

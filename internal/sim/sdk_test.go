package sim_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"wxbase/internal/sim"
)

// rewrite redirects the SDK's requests, whose host is a constant, to the simulator.
type rewrite struct{ host string }

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = "http", r.host
	return client.Transport.RoundTrip(req)
}

// newRealWorld runs on the machine's clock, which the SDK uses.
func newRealWorld(t *testing.T, opts ...sim.Option) *world {
	t.Helper()
	return openWorld(t, t.TempDir(), &testClock{now: time.Now()}, append(opts, sim.WithNow(time.Now))...)
}

func (w *merchantSide) sdk(opts ...core.ClientOption) *core.Client {
	w.t.Helper()
	if len(opts) == 0 {
		public, err := utils.LoadPublicKey(w.mch.PublicKey)
		if err != nil {
			w.t.Fatal(err)
		}
		opts = append(opts, option.WithWechatPayPublicKeyAuthCipher(w.mch.MchID, w.mch.CertSerial, w.key, w.mch.PublicKeyID, public))
	}
	opts = append(opts, option.WithHTTPClient(&http.Client{Transport: rewrite{w.srv.Listener.Addr().String()}}))
	client, err := core.NewClient(w.t.Context(), opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *merchantSide) sdkPrepay(number, openid, notifyTo string) jsapi.PrepayRequest {
	return jsapi.PrepayRequest{
		Appid: core.String(w.app.AppID), Mchid: core.String(w.mch.MchID), Description: core.String("三鲜面 & <b>2</b>份"),
		OutTradeNo: core.String(number), TimeExpire: core.Time(time.Now().Add(30 * time.Minute)), NotifyUrl: core.String(notifyTo),
		Amount: &jsapi.Amount{Total: core.Int64(100), Currency: core.String("CNY")}, Payer: &jsapi.Payer{Openid: core.String(openid)},
	}
}

// The official SDK, unmodified, is the judge: it buys, queries, closes and reads the notification.
func TestOfficialSDK(t *testing.T) {
	t.Parallel()
	delivered := make(chan *http.Request, 1)
	shop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		kept := httptest.NewRequest(r.Method, r.URL.String(), &body)
		kept.Header = r.Header
		delivered <- kept
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(shop.Close)
	w := newRealWorld(t)
	w.sim.Start(t.Context())
	openid, _ := w.login("p1")
	svc := jsapi.JsapiApiService{Client: w.sdk()}
	ctx := t.Context()

	params, _, err := svc.PrepayWithRequestPayment(ctx, w.sdkPrepay("SDK|A*1_2-3", openid, shop.URL+"/notify"))
	if err != nil {
		t.Fatalf("prepay: %v", err)
	}
	got := w.payAs("p1", map[string]any{
		"timeStamp": *params.TimeStamp, "nonceStr": *params.NonceStr, "package": *params.Package, "signType": *params.SignType, "paySign": *params.PaySign,
	})
	if got != "requestPayment:ok" {
		t.Fatalf("pay: got %q, want requestPayment:ok", got)
	}
	asked, _, err := svc.QueryOrderByOutTradeNo(ctx, jsapi.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String("SDK|A*1_2-3"), Mchid: core.String(w.mch.MchID),
	})
	if err != nil || *asked.TradeState != "SUCCESS" || *asked.Amount.PayerTotal != 100 {
		t.Fatalf("query: got %v, %v, want SUCCESS of 100", asked, err)
	}
	if _, _, err := svc.QueryOrderById(ctx, jsapi.QueryOrderByIdRequest{TransactionId: asked.TransactionId, Mchid: core.String(w.mch.MchID)}); err != nil {
		t.Fatalf("query by id: %v", err)
	}
	w.checkSDKNotification(ctx, <-delivered, *asked.TransactionId)

	if _, _, err := svc.Prepay(ctx, w.sdkPrepay("SDK-CLOSE-1", openid, shop.URL+"/notify")); err != nil {
		t.Fatalf("prepay: %v", err)
	}
	closing := jsapi.CloseOrderRequest{OutTradeNo: core.String("SDK-CLOSE-1"), Mchid: core.String(w.mch.MchID)}
	if _, err := svc.CloseOrder(ctx, closing); err != nil {
		t.Fatalf("close: %v", err)
	}
	closing.OutTradeNo = core.String("SDK|A*1_2-3")
	if _, err := svc.CloseOrder(ctx, closing); !core.IsAPIError(err, "ORDER_PAID") {
		t.Fatalf("close a paid order: got %v, want ORDER_PAID", err)
	}
}

func (w *merchantSide) checkSDKNotification(ctx context.Context, r *http.Request, transactionID string) {
	w.t.Helper()
	public, err := utils.LoadPublicKey(w.mch.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	handler, err := notify.NewRSANotifyHandler(w.mch.APIV3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(w.mch.PublicKeyID, *public))
	if err != nil {
		w.t.Fatal(err)
	}
	var paid payments.Transaction
	told, err := handler.ParseNotifyRequest(ctx, r, &paid)
	if err != nil {
		w.t.Fatalf("parse notification: %v", err)
	}
	if told.EventType != "TRANSACTION.SUCCESS" || *paid.TransactionId != transactionID || *paid.Amount.Total != 100 {
		w.t.Fatalf("got %s %s, want TRANSACTION.SUCCESS of %s", told.EventType, *paid.TransactionId, transactionID)
	}
}

// A client in certificate mode downloads the platform certificate and checks answers with it.
func TestOfficialSDKCertificateMode(t *testing.T) {
	t.Parallel()
	w := newRealWorld(t)
	ctx := t.Context()
	first := w.sdk(option.WithMerchantCredential(w.mch.MchID, w.mch.CertSerial, w.key), option.WithoutValidator())
	manager := downloader.NewCertificateDownloaderMgrWithInterval(ctx, time.Hour)
	defer manager.Stop()
	if err := manager.RegisterDownloaderWithClient(ctx, first, w.mch.MchID, w.mch.APIV3Key); err != nil {
		t.Fatalf("download certificates: %v", err)
	}
	openid, _ := w.login("p1")
	svc := jsapi.JsapiApiService{Client: w.sdk(option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(w.mch.MchID, w.mch.CertSerial, w.key, manager))}
	_, result, err := svc.Prepay(ctx, w.sdkPrepay("SDK-CERT-1", openid, notifyURL))
	if err != nil {
		t.Fatalf("prepay: %v", err)
	}
	if got := result.Response.Header.Get("Wechatpay-Serial"); got != w.mch.PlatformSerial {
		t.Fatalf("got serial %s, want %s", got, w.mch.PlatformSerial)
	}
}

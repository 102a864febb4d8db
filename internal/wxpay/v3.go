package wxpay

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
)

// defaultTimeout bounds one call from the first byte to the last, the backup host included.
const defaultTimeout = 8 * time.Second

var _ Gateway = (*V3)(nil)

// V3 is one merchant over API v3. It is safe for concurrent use, and cheap enough to make anew when the
// settings change: keys are parsed once, nothing runs in the background.
type V3 struct {
	mchID  string
	now    func() time.Time
	signer auth.Signer
	aead   cipher.AEAD
	verify *verification
	wire   *wire
	sdk    *core.Client
}

// Option changes how [New] builds a V3.
type Option func(*settings)

type settings struct {
	transport http.RoundTripper
	now       func() time.Time
	timeout   time.Duration
}

// WithTransport sends the calls through rt, after they were signed and pointed at PayBase.
func WithTransport(rt http.RoundTripper) Option { return func(s *settings) { s.transport = rt } }

// WithNow sets the clock that stamps requests and judges the age of answers and notifications.
func WithNow(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// WithTimeout bounds one call; the default is eight seconds, and there is no way to have none.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) {
		if d > 0 {
			s.timeout = d
		}
	}
}

// New checks the merchant and parses its keys. It never calls the network: a merchant whose platform
// certificates cannot be had does not keep the server from starting.
func New(m Merchant, opts ...Option) (*V3, error) {
	keys, err := m.parse()
	if err != nil {
		return nil, fmt.Errorf("check merchant: %w", err)
	}
	s := settings{now: time.Now, timeout: defaultTimeout}
	for _, opt := range opts {
		opt(&s)
	}
	if s.transport == nil {
		s.transport = newTransport()
	}
	aead, err := newAEAD(m.APIv3Key)
	if err != nil {
		return nil, fmt.Errorf("read APIv3 key: %w", err)
	}
	v := &V3{mchID: m.MchID, now: s.now, aead: aead}
	v.signer = &signers.SHA256WithRSASigner{MchID: m.MchID, PrivateKey: keys.private, CertificateSerialNo: m.CertSerial}
	v.wire = newWire(keys.base, s.transport, v.signer, s.now)
	return v, v.connect(m, keys, s.timeout)
}

// connect hands our signer, wire and verification to the SDK.
func (v *V3) connect(m Merchant, keys merchantKeys, timeout time.Duration) error {
	client := &http.Client{
		Transport: v.wire,
		Timeout:   timeout,
		// a redirected call would arrive with a signature for another path.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	v.verify = newVerification(m, keys, v.now)
	var err error
	v.sdk, err = core.NewClientWithDialSettings(context.Background(), &core.DialSettings{
		HTTPClient: client, Signer: unsigned{v.signer}, Validator: answerValidator{v.verify},
	})
	if err != nil {
		return fmt.Errorf("build client: %w", err)
	}
	if v.verify.certs != nil {
		v.verify.certs.fetch = v.certificateFetcher(func() *verification { return newVerification(m, keys, v.now) })
	}
	return nil
}

// String names the merchant only.
func (v *V3) String() string { return "wechat pay v3 of merchant " + v.mchID }

// GoString is String: %#v shows no key either.
func (v *V3) GoString() string { return v.String() }

// ClockSkew is how far WeChat's clock is ahead of ours (negative: behind), as the Date header of the
// last answer had it, to about a second. It is zero before the first answer. Nothing is corrected by it:
// the header is not signed. Past five minutes every call fails with KindSign.
func (v *V3) ClockSkew() time.Duration { return time.Duration(v.wire.skew.Load()) }

// Prepay implements [Gateway].
func (v *V3) Prepay(ctx context.Context, req PrepayRequest) (string, error) {
	if err := req.Validate(); err != nil {
		return "", paramError(opPrepay, err)
	}
	orders := jsapi.JsapiApiService{Client: v.sdk}
	res, result, err := orders.Prepay(ctx, v.prepayBody(req))
	if err := classify(opPrepay, result, err); err != nil {
		return "", err
	}
	if res == nil || res.PrepayId == nil || checkToken("prepay_id", *res.PrepayId, 64) != nil {
		return "", answerError(opPrepay, result, "answer has no prepay_id")
	}
	return *res.PrepayId, nil
}

func (v *V3) prepayBody(r PrepayRequest) jsapi.PrepayRequest {
	body := jsapi.PrepayRequest{
		Appid: &r.AppID, Mchid: &v.mchID, Description: &r.Description, OutTradeNo: &r.OutTradeNo, NotifyUrl: &r.NotifyURL,
		Amount: &jsapi.Amount{Total: core.Int64(int64(r.Total)), Currency: core.String(Currency)},
		Payer:  &jsapi.Payer{Openid: &r.OpenID},
	}
	// note: an empty or null field is refused as a parameter error, so what is not set is not sent.
	if r.Attach != "" {
		body.Attach = &r.Attach
	}
	if r.PayerIP != "" {
		body.SceneInfo = &jsapi.SceneInfo{PayerClientIp: &r.PayerIP}
	}
	if !r.ExpiresAt.IsZero() {
		body.TimeExpire = core.Time(beijing(r.ExpiresAt))
	}
	return body
}

// RequestPayment implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791898 (小程序调起支付).
func (v *V3) RequestPayment(appID, prepayID string) (RequestPayment, error) {
	if err := checkToken("appid", appID, 32); err != nil {
		return RequestPayment{}, paramError(opSignPay, err)
	}
	if err := checkToken("prepay_id", prepayID, 64); err != nil {
		return RequestPayment{}, paramError(opSignPay, err)
	}
	pay := RequestPayment{
		TimeStamp: strconv.FormatInt(v.now().Unix(), 10), NonceStr: rand.Text(),
		Package: "prepay_id=" + prepayID, SignType: "RSA",
	}
	signed, err := v.signer.Sign(context.Background(), paySignMessage(appID, pay))
	if err != nil {
		return RequestPayment{}, fmt.Errorf("sign payment parameters: %w", err)
	}
	pay.PaySign = signed.Signature
	return pay, nil
}

// paySignMessage is what paySign signs; signType is not part of it.
func paySignMessage(appID string, p RequestPayment) string {
	return appID + "\n" + p.TimeStamp + "\n" + p.NonceStr + "\n" + p.Package + "\n"
}

// Query implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791859 (商户订单号查询订单).
func (v *V3) Query(ctx context.Context, outTradeNo string) (Trade, error) {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return Trade{}, paramError(opQuery, err)
	}
	return v.query(ctx, "out-trade-no/", outTradeNo, func(t Trade) bool { return t.OutTradeNo == outTradeNo })
}

// QueryTransaction implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791858 (微信支付订单号查询订单).
func (v *V3) QueryTransaction(ctx context.Context, transactionID string) (Trade, error) {
	if err := checkToken("transaction_id", transactionID, 32); err != nil {
		return Trade{}, paramError(opQuery, err)
	}
	return v.query(ctx, "id/", transactionID, func(t Trade) bool { return t.TransactionID == transactionID })
}

// query reads the bytes itself: the SDK's model fails as a whole when one coupon has a field of a new type.
func (v *V3) query(ctx context.Context, by, number string, isMine func(Trade) bool) (Trade, error) {
	address := consts.WechatPayAPIServer + "/v3/pay/transactions/" + by + url.PathEscape(number) + "?mchid=" + v.mchID
	result, err := v.sdk.Get(ctx, address)
	if err := classify(opQuery, result, err); err != nil {
		return Trade{}, err
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return Trade{}, answerError(opQuery, result, "answer cannot be read")
	}
	trade, err := parseTrade(raw)
	if err != nil {
		return Trade{}, answerError(opQuery, result, err.Error())
	}
	// NB! an answer is signed without its question: one to another order verifies just as well.
	if trade.MchID != v.mchID || !isMine(trade) {
		return Trade{}, newError(opQuery, result, KindUnverified, "answer is about another order")
	}
	return trade, nil
}

// Close implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791860 (关闭订单).
func (v *V3) Close(ctx context.Context, outTradeNo string) error {
	if err := checkOutTradeNo(outTradeNo); err != nil {
		return paramError(opClose, err)
	}
	orders := jsapi.JsapiApiService{Client: v.sdk}
	result, err := orders.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: &outTradeNo, Mchid: &v.mchID})
	return classify(opClose, result, err)
}

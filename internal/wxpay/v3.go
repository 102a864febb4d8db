package wxpay

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
)

// defaultTimeout bounds one call from the first byte to the last, the backup host included.
const defaultTimeout = 8 * time.Second

var _ Gateway = (*V3)(nil)

// V3 is one merchant over API v3. It is safe for concurrent use, and cheap to make again when the settings change: New
// parses the keys once, and nothing runs in the background.
type V3 struct {
	mchID    string
	apiV2Key string // reads refund notifications in XML; may be empty
	base     *url.URL
	now      func() time.Time
	signer   auth.Signer
	aead     cipher.AEAD
	private  *rsa.PrivateKey // of phone numbers in complaints
	verify   *verification
	wire     *wire
	sdk      *core.Client
}

// Option changes how [New] builds a V3.
type Option func(*settings)

type settings struct {
	transport http.RoundTripper
	now       func() time.Time
	timeout   time.Duration
}

// WithTransport sends the calls through rt, after signing them and pointing them at PayBase.
func WithTransport(rt http.RoundTripper) Option { return func(s *settings) { s.transport = rt } }

// WithNow sets the clock that stamps requests and judges the age of answers and notifications.
func WithNow(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// WithTimeout bounds one call; the default is eight seconds, and zero keeps the default. A bill's file has its own two
// minutes.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) {
		if d > 0 {
			s.timeout = d
		}
	}
}

// New checks the merchant and parses its keys. It does not use the network, so the server starts even when the platform
// certificates cannot be fetched.
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
	v := &V3{mchID: m.MchID, apiV2Key: m.APIv2Key, base: keys.base, now: s.now, aead: aead, private: keys.private}
	v.signer = &signers.SHA256WithRSASigner{MchID: m.MchID, PrivateKey: keys.private, CertificateSerialNo: m.CertSerial}
	v.wire = newWire(keys.base, s.transport, v.signer, s.now)
	if err := v.connect(m, keys, s.timeout); err != nil {
		return nil, err
	}
	return v, nil
}

// connect hands our signer, wire and verification to the SDK.
func (v *V3) connect(m Merchant, keys merchantKeys, timeout time.Duration) error {
	client := &http.Client{
		Transport: v.wire,
		Timeout:   timeout,
		// a redirected call would carry a signature for another path.
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

// ClockSkew is how far WeChat's clock is ahead of ours (negative: behind), by the Date header of the last answer, to
// about a second. It is zero before the first answer. It corrects nothing, because the header is not signed. Beyond
// five minutes every call fails with KindSign.
func (v *V3) ClockSkew() time.Duration { return time.Duration(v.wire.skew.Load()) }

// Prepay implements [Gateway]. WeChat finds an order with this number and these parameters again, so a call with
// unknown outcome is repeated.
func (v *V3) Prepay(ctx context.Context, req PrepayRequest) (string, error) {
	if err := req.Validate(); err != nil {
		return "", paramError(opPrepay, err)
	}
	handle, result, err := v.placeOrder(ctx, req)
	if err := classify(opPrepay, result, err); err != nil {
		return "", err
	}
	if req.Way() == JSAPI {
		if checkPrepayID(handle) != nil {
			return "", answerError(opPrepay, result, "answer has no prepay_id")
		}
		return handle, nil
	}
	if err := CheckPayURL(req.Way(), handle); err != nil {
		return "", answerError(opPrepay, result, err.Error())
	}
	return handle, nil
}

// prepayBody is the request of JSAPI as sent. The SDK writes its keys in a fixed order, and the signature covers what it writes.
func (v *V3) prepayBody(r PrepayRequest) jsapi.PrepayRequest {
	body := jsapi.PrepayRequest{
		Appid: &r.AppID, Mchid: &v.mchID, Description: &r.Description, OutTradeNo: &r.OutTradeNo, NotifyUrl: &r.NotifyURL,
		Amount: &jsapi.Amount{Total: core.Int64(int64(r.Total)), Currency: core.String(Currency)},
		Payer:  &jsapi.Payer{Openid: &r.OpenID},
	}
	// note: WeChat refuses an empty or null field, so unset fields are not sent.
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

// RequestPayment implements [Gateway]. It signs with the key of the prepay call, as WeChat demands. The signature
// covers the appid, which the phone does not receive here.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791898 (小程序调起支付).
func (v *V3) RequestPayment(appID, prepayID string) (RequestPayment, error) {
	if err := checkToken("appid", appID, 32); err != nil {
		return RequestPayment{}, paramError(opSignPay, err)
	}
	if err := checkPrepayID(prepayID); err != nil {
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

// paySignMessage is the text that paySign signs; it excludes signType.
func paySignMessage(appID string, p RequestPayment) string {
	return appID + "\n" + p.TimeStamp + "\n" + p.NonceStr + "\n" + p.Package + "\n"
}

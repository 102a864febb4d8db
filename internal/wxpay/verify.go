package wxpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const (
	maxAge          = 5 * time.Minute // of an answer or a notification, towards the past and the future
	probePrefix     = "WECHATPAY/SIGNTEST/"
	signatureType   = "WECHATPAY2-SHA256-RSA2048"
	signatureHeader = "Wechatpay-Signature-Type"
)

// errUnverified marks an answer that must not be believed; the error wraps the refusal too.
var errUnverified = errors.New("answer is not verified")

// verification checks WeChat's signature on answers and notifications.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013053249 (如何使用微信支付公钥验签).
type verification struct {
	verifier auth.Verifier
	keyID    string     // PUB_KEY_ID_...; empty in certificate mode
	certs    *certStore // nil in public-key mode
	now      func() time.Time
}

// newVerification picks the SDK's verifier for the mode. Each finds its key by the exact serial.
func newVerification(m Merchant, keys merchantKeys, now func() time.Time) *verification {
	v := &verification{now: now}
	switch m.verifyMode() {
	case VerifyCertificate:
		v.certs = &certStore{now: now}
		v.verifier = verifiers.NewSHA256WithRSAVerifier(v.certs)
	case VerifyBoth:
		v.certs, v.keyID = &certStore{now: now}, m.PublicKeyID
		v.verifier = verifiers.NewSHA256WithRSACombinedVerifier(v.certs, m.PublicKeyID, *keys.public)
	default:
		v.keyID = m.PublicKeyID
		v.verifier = verifiers.NewSHA256WithRSAPubkeyVerifier(m.PublicKeyID, *keys.public)
	}
	return v
}

// check verifies the raw body. The cheap checks come first, and the body is not parsed.
func (v *verification) check(ctx context.Context, header http.Header, body []byte) error {
	stamp, err := v.readStamp(header)
	if err != nil {
		return err
	}
	if strings.HasPrefix(stamp.signature, probePrefix) {
		return ErrNotifyProbe
	}
	if err := v.knowSerial(ctx, stamp.serial); err != nil {
		return err
	}
	// note: the SDK's error quotes serials and parsers, and one fixed text is enough.
	if v.verifier.Verify(ctx, stamp.serial, stamp.message(body), stamp.signature) != nil {
		return ErrNotifySignature
	}
	return nil
}

// stamp is the signature in WeChat's headers.
type stamp struct{ timestamp, nonce, serial, signature string }

// message is what WeChat signs; a 204 is signed over an empty body.
func (s stamp) message(body []byte) string {
	return s.timestamp + "\n" + s.nonce + "\n" + string(body) + "\n"
}

// readStamp demands all four headers: the SDK's validator reads a missing time as zero.
func (v *verification) readStamp(header http.Header) (stamp, error) {
	s := stamp{
		timestamp: header.Get(consts.WechatPayTimestamp), nonce: header.Get(consts.WechatPayNonce),
		serial: header.Get(consts.WechatPaySerial), signature: header.Get(consts.WechatPaySignature),
	}
	if s.timestamp == "" || s.nonce == "" || s.serial == "" || s.signature == "" {
		return stamp{}, fmt.Errorf("%w: a Wechatpay header is missing", ErrNotifySignature)
	}
	if kind := header.Get(signatureHeader); kind != "" && kind != signatureType {
		return stamp{}, fmt.Errorf("%w: signature type is not %s", ErrNotifySignature, signatureType)
	}
	return s, v.checkAge(s.timestamp)
}

// checkAge checks both directions: a stamp from the future could be replayed until its time.
func (v *verification) checkAge(timestamp string) error {
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: time stamp is not a number", ErrNotifyStale)
	}
	// note: at is foreign input, so it is compared, not subtracted.
	now, limit := v.now().Unix(), int64(maxAge/time.Second)
	if at <= now-limit || at >= now+limit {
		return ErrNotifyStale
	}
	return nil
}

// knowSerial prepares the key of serial, with a download when it may be a certificate's.
func (v *verification) knowSerial(ctx context.Context, serial string) error {
	if v.keyID != "" && serial == v.keyID {
		return nil
	}
	// a public key's id is never a certificate's, so a download cannot help.
	if v.certs == nil || strings.HasPrefix(serial, publicKeyIDPrefix) {
		return ErrNotifySerial
	}
	if err := v.certs.need(ctx, serial); err != nil {
		return fmt.Errorf("%w: %w", ErrNotifySerial, err)
	}
	return nil
}

// answerValidator adapts verification to the SDK.
type answerValidator struct{ v *verification }

// Validate implements auth.Validator; the SDK calls it for 2xx answers only, and for all of them.
func (a answerValidator) Validate(ctx context.Context, res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := a.v.check(ctx, res.Header, body); err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	return nil
}

// GetAcceptSerial implements auth.Validator: its result goes into the request's Wechatpay-Serial and asks WeChat to
// sign with that key. In certificate mode, before the first download, the header is not sent.
func (a answerValidator) GetAcceptSerial(ctx context.Context) (string, error) {
	serial, err := a.v.verifier.GetSerial(ctx)
	if err == nil && serial == "" {
		err = errors.New("no certificate yet")
	}
	return serial, err
}

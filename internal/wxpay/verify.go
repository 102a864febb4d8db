package wxpay

import (
	"bytes"
	"context"
	"crypto/rsa"
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

// errUnverified marks an answer that must not be believed; the refusal is wrapped beside it.
var errUnverified = errors.New("answer is not verified")

// verification checks what WeChat signed, answers and notifications alike.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013053249 (如何使用微信支付公钥验签).
type verification struct {
	verifier  auth.Verifier
	keyID     string         // PUB_KEY_ID_...; empty in certificate mode
	publicKey *rsa.PublicKey // nil in certificate mode
	certs     *certStore     // nil in public-key mode
	now       func() time.Time
}

// newVerification picks the SDK's verifier for the mode. Each picks its key by the exact serial.
func newVerification(m Merchant, keys merchantKeys, now func() time.Time) *verification {
	v := &verification{now: now, publicKey: keys.public}
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

// check verifies the raw body. The cheap checks come first, and nothing of the body is parsed.
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
	// note: the SDK's words quote serials and parsers, and there is only one thing to say.
	if v.verifier.Verify(ctx, stamp.serial, stamp.message(body), stamp.signature) != nil {
		return ErrNotifySignature
	}
	return nil
}

// stamp is what WeChat puts into the headers.
type stamp struct{ timestamp, nonce, serial, signature string }

// message is what WeChat signs; a 204 is signed over an empty body.
func (s stamp) message(body []byte) string {
	return s.timestamp + "\n" + s.nonce + "\n" + string(body) + "\n"
}

// readStamp demands all four headers: the SDK's own validator lets a missing time pass as zero.
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

// checkAge looks both ways: a time stamp from the future could be replayed until its time has come.
func (v *verification) checkAge(timestamp string) error {
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: time stamp is not a number", ErrNotifyStale)
	}
	// note: at is a stranger's number, so it is compared and not subtracted.
	now, limit := v.now().Unix(), int64(maxAge/time.Second)
	if at <= now-limit || at >= now+limit {
		return ErrNotifyStale
	}
	return nil
}

// knowSerial gets the key of serial ready, with a download when it may be a certificate's.
func (v *verification) knowSerial(ctx context.Context, serial string) error {
	if v.keyID != "" && serial == v.keyID {
		return nil
	}
	// a public key's id is never a certificate's: no need to go and look for it.
	if v.certs == nil || strings.HasPrefix(serial, publicKeyIDPrefix) {
		return ErrNotifySerial
	}
	if err := v.certs.need(ctx, serial); err != nil {
		return fmt.Errorf("%w: %w", ErrNotifySerial, err)
	}
	return nil
}

// answerValidator is verification as the SDK wants it.
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

// GetAcceptSerial implements auth.Validator: the key that answers shall be signed with goes into the
// request's Wechatpay-Serial. Without one yet, in certificate mode, the header is not sent.
func (a answerValidator) GetAcceptSerial(ctx context.Context) (string, error) {
	serial, err := a.v.verifier.GetSerial(ctx)
	if err == nil && serial == "" {
		err = errors.New("no certificate yet")
	}
	return serial, err
}

package sim

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

const (
	authScheme = "WECHATPAY2-SHA256-RSA2048"
	wireWindow = 5 * time.Minute
)

// message joins the lines of a signed text; every line, also the last, ends with a newline.
func message(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// verifyRSA checks a base64 signature of RSASSA-PKCS1-v1_5 with SHA-256 over text.
func verifyRSA(key *rsa.PublicKey, text, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return errors.New("the signature is not base64")
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}

// signRSA makes the signatures that verifyRSA checks.
func signRSA(key *rsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// sealGCM is AEAD_AES_256_GCM under the APIv3 key: base64 of the ciphertext with its tag.
func sealGCM(apiV3Key, nonce, associated string, plain []byte) (string, error) {
	block, err := aes.NewCipher([]byte(apiV3Key))
	if err != nil {
		return "", fmt.Errorf("use the APIv3 key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", fmt.Errorf("make AES-GCM: %w", err)
	}
	if len(nonce) != gcm.NonceSize() {
		return "", fmt.Errorf("seal with a nonce of %d bytes: want %d", len(nonce), gcm.NonceSize())
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associated))), nil
}

// authorization is the parsed header of that name.
type authorization struct {
	mchID, nonce, signature, timestamp, serial string
}

var authParam = regexp.MustCompile(`^([a-z_]+)="([^"]*)"$`)

// parseAuthorization is strict: one space after the scheme, double quotes, commas without spaces, each of the five
// names once.
func parseAuthorization(header string) (authorization, error) {
	var a authorization
	list, ok := strings.CutPrefix(header, authScheme+" ")
	if !ok {
		return a, errors.New("the header Authorization must begin with " + authScheme + " and one space")
	}
	into := map[string]*string{
		"mchid": &a.mchID, "nonce_str": &a.nonce, "signature": &a.signature, "timestamp": &a.timestamp, "serial_no": &a.serial,
	}
	for part := range strings.SplitSeq(list, ",") {
		m := authParam.FindStringSubmatch(part)
		if m == nil || into[m[1]] == nil || m[2] == "" {
			return a, errors.New("the header Authorization holds something besides name=\"value\" pairs joined by commas: " + clip(strings.SplitN(part, "=", 2)[0], 40))
		}
		*into[m[1]] = m[2]
		delete(into, m[1])
	}
	if len(into) > 0 {
		return a, errors.New("the header Authorization lacks one of mchid, nonce_str, signature, timestamp, serial_no")
	}
	return a, nil
}

// authorize checks the header of every v3 call, in WeChat Pay's order; nil means that the merchant signed it.
func (s *Sim) authorize(c *call) *payError {
	h := c.r.Header
	onPay := strings.HasPrefix(c.endpoint.path, "/v3/pay/")
	if h.Get("User-Agent") == "" || h.Get("Accept") == "" {
		if onPay {
			return signError("签名信息错误，验签失败", "User-Agent or Accept is missing", newFinding("user_agent_or_accept"))
		}
		return &payError{
			status: 400, code: "INVALID_REQUEST", numeric: numParam, message: "Http头缺少Accept或User-Agent",
			reason: "User-Agent or Accept is missing", finding: newFinding("user_agent_or_accept"),
		}
	}
	a, err := parseAuthorization(h.Get("Authorization"))
	if err != nil {
		if onPay {
			return signError("签名信息错误，验签失败", err.Error(), newFinding("authorization_form"))
		}
		return signError("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》", err.Error(), newFinding("authorization_form"))
	}
	if refusal := s.checkTimestamp(c, a.timestamp); refusal != nil {
		return refusal
	}
	if c.seller = s.allSellers().by(a.mchID); c.seller == nil || !c.seller.hasSerial(a.serial) {
		return signError("商户证书序列号有误。请使用签名私钥匹配的证书序列号", "mchid or serial_no is not that of the merchant", s.explainMerchant(a))
	}
	text := message(c.r.Method, requestPath(c.r), a.timestamp, a.nonce, string(c.body))
	if err := verifyRSA(c.seller.merchantPublic, text, a.signature); err != nil {
		return signError("签名错误", fmt.Sprintf("the signature does not verify over %q", clip(text, 700)), s.explainRequest(c, a))
	}
	s.nonces.add(a.nonce)
	c.byKey = h.Get("Wechatpay-Serial") == c.seller.PublicKeyID
	return nil
}

// checkTimestamp demands a time within five minutes of the base clock or the moved one.
func (s *Sim) checkTimestamp(c *call, timestamp string) *payError {
	if at, ok := fromSeconds(timestamp); ok {
		if now, moved, ok := s.clock.near(at); ok {
			c.wire = now
			s.wireMoved.Store(moved)
			return nil
		}
	}
	return signError("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
		"timestamp "+clip(timestamp, 20)+" is more than 5 minutes off "+strconv.FormatInt(c.wire.Unix(), 10), explainTime(timestamp, s.clock.base()))
}

// requestPath is path and query, byte for byte as sent.
func requestPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// signAnswer puts the Wechatpay-* headers on a 2xx answer, a 204 too.
func signAnswer(header http.Header, c *call, body []byte, f *fault) {
	if c.seller == nil {
		return // note: a fault replaced the call before the merchant was known
	}
	c.seller.signHeaders(header, body, c.byKey, c.wire, f)
}

// signHeaders signs body at now with the public key's pair or the platform certificate's. A fault may spoil the
// signature.
func (m *seller) signHeaders(header http.Header, body []byte, byKey bool, now time.Time, f *fault) {
	platform := m.platform.Load().now
	key, serial := platform.key, platform.serial
	if byKey {
		key, serial = m.pay, m.PublicKeyID
	}
	now = f.shiftTime(now)
	timestamp, nonce := strconv.FormatInt(now.Unix(), 10), wire.Pick(wire.Alnum, 32)
	signature, err := key.signText(message(timestamp, nonce, string(body)))
	if err != nil {
		return // note: the caller refuses an unsigned answer
	}
	header.Set("Wechatpay-Timestamp", timestamp)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Serial", serial)
	header.Set("Wechatpay-Signature", f.spoil(signature))
	header.Set("Wechatpay-Signature-Type", authScheme)
}

// clip cuts text to at most so many bytes, for lists that people read.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

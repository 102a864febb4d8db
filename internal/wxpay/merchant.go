package wxpay

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// How answers and notifications are verified, the values of Merchant.VerifyMode.
const (
	VerifyPublicKey   = "publicKey"   // 微信支付公钥: what merchants since late 2024 have; the default
	VerifyCertificate = "certificate" // 平台证书, fetched when first needed
	VerifyBoth        = "both"        // while a merchant changes over, both kinds arrive
)

const (
	apiV3KeyBytes     = 32
	apiV2KeyBytes     = 32
	publicKeyIDPrefix = "PUB_KEY_ID_"
	minKeyBits        = 2048
)

// Merchant is a merchant account (商户号) and its keys. Where each is found in the merchant platform:
// https://pay.weixin.qq.com/doc/v3/merchant/4013070756 (开发必要参数说明).
//
// It redacts itself in fmt and slog, and the secrets stay out of JSON.
type Merchant struct {
	MchID       string
	CertSerial  string // serial of the merchant's API certificate, hex; not of the platform's
	PrivateKey  string `json:"-"` // apiclient_key.pem, PKCS#8 or PKCS#1
	APIv3Key    string `json:"-"` // exactly 32 bytes
	PublicKeyID string // PUB_KEY_ID_...; not needed in certificate mode
	PublicKey   string // pub_key.pem; not needed in certificate mode
	PayBase     string // origin to talk to; empty is https://api.mch.weixin.qq.com
	VerifyMode  string // one of the Verify constants; empty is VerifyPublicKey

	// APIv2Key (API密钥) has 32 bytes and differs from APIv3Key. V3 needs it only to read v2's XML notifications of
	// refunds made on the merchant platform, and works without it otherwise.
	APIv2Key    string `json:"-"`
	SignType    string // "HMAC-SHA256", the default, or "MD5"; API v2 only
	Certificate string // apiclient_cert.pem; API v2 only, where the refund call presents it together with PrivateKey
}

// String names the merchant without its keys.
func (m Merchant) String() string {
	base := "invalid" // a base with a password in it is invalid
	if origin, err := parseBase(m.PayBase); err == nil {
		base = origin.String()
	}
	return fmt.Sprintf("merchant %s (serial %s, verify %s, base %s)", m.MchID, m.CertSerial, m.verifyMode(), base)
}

// GoString equals String: %#v shows no key either.
func (m Merchant) GoString() string { return m.String() }

// LogValue gives slog what String shows.
func (m Merchant) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Validate returns everything that is missing or wrong for API v3, one sentence each, joined by line breaks. It never
// quotes a key.
func (m Merchant) Validate() error {
	_, err := m.parse()
	return err
}

// verifyMode is never "none": an empty field means the public key.
func (m Merchant) verifyMode() string {
	if m.VerifyMode == "" {
		return VerifyPublicKey
	}
	return m.VerifyMode
}

// merchantKeys holds the parsed fields of a Merchant.
type merchantKeys struct {
	private *rsa.PrivateKey
	public  *rsa.PublicKey // nil in certificate mode
	base    *url.URL
}

// parse checks everything and returns what it parsed, so that New and Validate agree.
func (m Merchant) parse() (keys merchantKeys, err error) {
	var problems [7]error
	if !areDigits(m.MchID, 32) {
		problems[0] = errors.New("merchant number (mchid) must be digits")
	}
	if _, err := hex.DecodeString(m.CertSerial); err != nil || m.CertSerial == "" || len(m.CertSerial) > 64 {
		problems[1] = errors.New("merchant certificate serial must be the hex serial of apiclient_cert.pem")
	}
	keys.private, problems[2] = parsePrivateKey(m.PrivateKey)
	if len(m.APIv3Key) != apiV3KeyBytes {
		problems[3] = fmt.Errorf("APIv3 key must be exactly %d bytes long, this one has %d", apiV3KeyBytes, len(m.APIv3Key))
	}
	keys.public, problems[4] = m.parseVerification()
	keys.base, problems[5] = parseBase(m.PayBase)
	if m.APIv2Key != "" && len(m.APIv2Key) != apiV2KeyBytes {
		problems[6] = fmt.Errorf("APIv2 key must be empty or exactly %d bytes long, this one has %d", apiV2KeyBytes, len(m.APIv2Key))
	}
	return keys, errors.Join(problems[:]...)
}

// parseVerification returns WeChat's public key if the mode needs one.
func (m Merchant) parseVerification() (*rsa.PublicKey, error) {
	switch m.verifyMode() {
	case VerifyCertificate:
		return nil, nil
	case VerifyPublicKey, VerifyBoth:
	default:
		return nil, fmt.Errorf("verify mode must be %s, %s or %s", VerifyPublicKey, VerifyCertificate, VerifyBoth)
	}
	var idErr error
	if len(m.PublicKeyID) <= len(publicKeyIDPrefix) || !strings.HasPrefix(m.PublicKeyID, publicKeyIDPrefix) {
		idErr = fmt.Errorf("WeChat Pay public key id must begin with %s", publicKeyIDPrefix)
	}
	key, keyErr := parsePublicKey(m.PublicKey)
	return key, errors.Join(idErr, keyErr)
}

// parsePrivateKey accepts both forms: the merchant platform's tool writes PKCS#8, openssl rsa writes PKCS#1.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("merchant private key must be the PEM text of apiclient_key.pem")
	}
	// note: a parser's error may quote its input, so it is dropped.
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return checkPrivateKey(key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("merchant private key must be PKCS#8 or PKCS#1, this PEM block is neither")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("merchant private key must be an RSA key")
	}
	return checkPrivateKey(key)
}

func checkPrivateKey(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if key.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("merchant private key must have at least %d bits", minKeyBits)
	}
	return key, nil
}

// parsePublicKey names the two usual mix-ups: a certificate, and a private key.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("WeChat Pay public key must be the PEM text of pub_key.pem")
	}
	if block.Type == "CERTIFICATE" {
		return nil, errors.New("WeChat Pay public key must be pub_key.pem, this is a certificate")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("WeChat Pay public key must be a PUBLIC KEY in PEM, this is something else")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("WeChat Pay public key must be an RSA key of at least %d bits", minKeyBits)
	}
	return key, nil
}

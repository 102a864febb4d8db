package wxpay_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const (
	testMchID    = "1900000109"
	testSerial   = "3775B6A45ACD588826D15E583A95F5DD0000ABCD"
	testAPIKey   = "0123456789abcdef0123456789abcdef"
	testV2Key    = "fedcba98765432100123456789abcdef"
	testKeyID    = "PUB_KEY_ID_0119000001092026010100000000000000"
	testAppID    = "wxd678efh567hg6787"
	testOpenID   = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
	testNumber   = "ORD-20260101-0001"
	probeMark    = "WECHATPAY/SIGNTEST/"
	testNotifyTo = "https://shop.example.com/api/wx/notify/pay/m1"
)

// testStart is where every test's clock begins.
var testStart = time.Date(2026, 1, 1, 10, 0, 0, 0, time.FixedZone("", 8*60*60))

// the keys are made once per run, and never stored.
var (
	merchantKey = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
	strangerKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	return key
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func privatePEM(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(key any) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	must(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func testMerchant() wxpay.Merchant {
	return wxpay.Merchant{
		MchID: testMchID, CertSerial: testSerial, PrivateKey: privatePEM(merchantKey()), APIv3Key: testAPIKey,
		PublicKeyID: testKeyID, PublicKey: publicPEM(&platformKey().PublicKey), APIv2Key: testV2Key,
	}
}

// platformCert is a platform certificate with its serial in WeChat's spelling.
func platformCert(number int64, key *rsa.PrivateKey, from time.Time) (serial, certPEM string) {
	sn := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(0x71), 150), big.NewInt(number))
	template := &x509.Certificate{
		SerialNumber: sn, Subject: pkix.Name{CommonName: "Tenpay.com sign (test)"},
		NotBefore: from, NotAfter: from.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	return fmt.Sprintf("%X", sn), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func signText(key *rsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	must(err)
	return base64.StdEncoding.EncodeToString(signature)
}

func verifyText(key *rsa.PublicKey, text, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}

// seal encrypts as WeChat does, with the nonce that the tests put into every envelope.
func seal(key, aad string, plain []byte) string {
	block, err := aes.NewCipher([]byte(key))
	must(err)
	aead, err := cipher.NewGCM(block)
	must(err)
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte("abcdefghijkl"), plain, []byte(aad)))
}

// testClock is a clock that tests move.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) now() time.Time          { return testStart.Add(time.Duration(c.offset.Load())) }
func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func newGateway(tb testing.TB, m wxpay.Merchant, opts ...wxpay.Option) *wxpay.V3 {
	tb.Helper()
	v, err := wxpay.New(m, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

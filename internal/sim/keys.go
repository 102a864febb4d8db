package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// keyFile is keys.json: one mini program and one merchant, made at first start; only the platform certificate changes
// later.
type keyFile struct {
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	PushToken    string `json:"pushToken"`
	PushAESKey   string `json:"pushAesKey"`
	MchID        string `json:"mchid"`
	MerchantKey  string `json:"merchantKey"`
	MerchantCert string `json:"merchantCert"`
	APIV3Key     string `json:"apiV3Key"`
	APIV2Key     string `json:"apiV2Key"`
	PlatformKey  string `json:"platformKey"`
	PlatformCert string `json:"platformCert"`
	BeforeKey    string `json:"beforeKey,omitempty"` // of the platform certificate before the last rotation
	BeforeCert   string `json:"beforeCert,omitempty"`
	PublicKeyID  string `json:"publicKeyId"`
	PublicKeyKey string `json:"publicKeyKey"`
}

// keyring is keyFile with its keys parsed.
//
// note: the platform certificate and the WeChat Pay public key are different key pairs, as at the real service, so that
// a client that confuses them fails here too.
type keyring struct {
	keyFile
	merchant       *rsa.PrivateKey // nil when only the certificate was given
	merchantPublic *rsa.PublicKey
	merchantSerial string
	pay            *payKey
	payPublicPEM   string
}

const keysName = "keys.json"

// loadKeys reads keys.json, or makes it at first start.
func loadKeys(o options) (keyFile, error) {
	var file keyFile
	raw, err := book.ReadIfThere(o.stateDir, filepath.Join(o.stateDir, keysName))
	switch {
	case err != nil:
		return file, fmt.Errorf("read keys: %w", err)
	case raw == nil:
		return makeKeys(o)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return file, fmt.Errorf("parse %s: %w", keysName, err)
	}
	return file, nil
}

// writeKeys writes a file of keys that only its owner can read.
func writeKeys(dir, name string, keys any) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return err
	}
	return book.ReplaceFile(filepath.Join(dir, name), raw)
}

// makeKeys invents a mini program, a merchant and WeChat Pay's own two key pairs.
func makeKeys(o options) (keyFile, error) {
	app := newApp()
	f := keyFile{
		AppID: app.AppID, Secret: app.Secret, PushToken: app.PushToken, PushAESKey: app.PushAESKey,
		MchID: "19" + wire.Pick(wire.Digits, 8), APIV3Key: wire.Pick(wire.Alnum, 32), APIV2Key: wire.Pick(wire.Alnum, 32),
		PublicKeyID: "PUB_KEY_ID_0119" + wire.Pick(wire.Digits, 8) + o.now().In(wire.Beijing()).Format("2006010215") + "00" + wire.Pick(wire.Digits, 10),
	}
	for _, pair := range []struct {
		key, cert *string
		name      string
	}{
		{&f.MerchantKey, &f.MerchantCert, f.MchID},
		{&f.PlatformKey, &f.PlatformCert, "Tenpay.com sign (simulated)"},
		{&f.PublicKeyKey, nil, ""},
	} {
		generate := quickKey
		if pair.key == &f.MerchantKey { // this one leaves the simulator, for libraries of every kind
			generate = func(bits int) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }
		}
		key, err := generate(o.keyBits)
		if err != nil {
			return f, err
		}
		if *pair.key, err = privatePEM(key); err != nil {
			return f, err
		}
		if pair.cert == nil {
			continue
		}
		if *pair.cert, err = selfSigned(key, pair.name, o.now()); err != nil {
			return f, err
		}
	}
	return f, nil
}

// privatePEM writes PKCS#8.
func privatePEM(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// selfSigned makes a certificate of five years with a serial number of 40 hex digits.
func selfSigned(key *rsa.PrivateKey, name string, now time.Time) (string, error) {
	return selfSignedAs(key, name, now, new(big.Int))
}

// selfSignedAs makes one with a chosen serial number, or a random one for zero.
func selfSignedAs(key *rsa.PrivateKey, name string, now time.Time, number *big.Int) (string, error) {
	if number.Sign() == 0 {
		serial := wire.Random(20)
		serial[0] = serial[0]&0x3f | 0x40 // note: a set high nibble keeps the number at 40 hex digits, a clear top bit keeps it positive
		number = new(big.Int).SetBytes(serial)
	}
	tmpl := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Tenpay.com (simulated)"}, Country: []string{"CN"}},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(5, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// parseKeys parses the texts of keys.json.
func parseKeys(f keyFile) (*keyring, error) {
	k := &keyring{keyFile: f}
	var err error
	if f.MerchantKey != "" {
		if k.merchant, err = parseKey(f.MerchantKey); err != nil {
			return nil, fmt.Errorf("parse merchant key: %w", err)
		}
	}
	if k.pay, err = parsePayKey(f.PublicKeyKey); err != nil {
		return nil, fmt.Errorf("parse the key behind the public key: %w", err)
	}
	merchantCert, err := parseCert(f.MerchantCert)
	if err != nil {
		return nil, fmt.Errorf("parse merchant certificate: %w", err)
	}
	public, ok := merchantCert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("parse merchant certificate: its key is not RSA")
	}
	if k.merchant != nil && !k.merchant.PublicKey.Equal(public) {
		return nil, errors.New("the merchant's key and certificate do not belong together")
	}
	k.merchantPublic, k.merchantSerial = public, serialOf(merchantCert)
	der, err := x509.MarshalPKIXPublicKey(k.pay.Public())
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	k.payPublicPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k, nil
}

// payKey is one of WeChat Pay's own keys.
type payKey struct {
	*rsa.PrivateKey
	quick *quickSigner // nil for a key of two primes, as in older folders
}

func parsePayKey(text string) (*payKey, error) {
	key, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	return &payKey{key, newQuickSigner(key)}, nil
}

// signText signs in base64.
func (k *payKey) signText(text string) (string, error) {
	if k.quick == nil {
		return signRSA(k.PrivateKey, text)
	}
	return base64.StdEncoding.EncodeToString(k.quick.sign(text)), nil
}

// parseKey reads PKCS#8, the form of apiclient_key.pem.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	var key crypto.PrivateKey
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return private, nil
}

// parseCert reads one certificate.
func parseCert(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return x509.ParseCertificate(block.Bytes)
}

// serialOf writes a serial number as WeChat Pay does: upper-case hex.
func serialOf(cert *x509.Certificate) string {
	return strings.ToUpper(hex.EncodeToString(cert.SerialNumber.Bytes()))
}

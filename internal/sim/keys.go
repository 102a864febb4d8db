package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keyFile is keys.json: one mini program and one merchant, made at first start; only the platform certificate ever changes.
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
	BeforeKey    string `json:"beforeKey,omitempty"` // of the platform certificate that was in use before the last rotation
	BeforeCert   string `json:"beforeCert,omitempty"`
	PublicKeyID  string `json:"publicKeyId"`
	PublicKeyKey string `json:"publicKeyKey"`
}

// keyring is keyFile with its keys parsed.
//
// note: the platform certificate and the WeChat Pay public key are two different key pairs, as at the real service, so that
// a client which picks the wrong one for a Wechatpay-Serial fails here too.
type keyring struct {
	keyFile
	merchant       *rsa.PrivateKey
	merchantSerial string
	pay            *rsa.PrivateKey
	payPublicPEM   string
}

const keysName = "keys.json"

// loadKeys reads keys.json, or makes it at first start.
func loadKeys(o options) (*keyring, error) {
	var file keyFile
	path := filepath.Join(o.stateDir, keysName)
	raw, err := readIfThere(o.stateDir, path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read keys: %w", err)
	case raw != nil:
		if err := json.Unmarshal(raw, &file); err != nil {
			return nil, fmt.Errorf("parse %s: %w", keysName, err)
		}
	default:
		if file, err = makeKeys(o); err != nil {
			return nil, fmt.Errorf("make keys: %w", err)
		}
		if err := writeKeys(o.stateDir, path, file); err != nil {
			return nil, fmt.Errorf("write keys: %w", err)
		}
	}
	return parseKeys(file)
}

// readIfThere gives nil for a file that is not there, or where there is no folder.
func readIfThere(dir, path string) ([]byte, error) {
	if dir == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the folder is the owner's own choice
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// writeKeys keeps the file for its owner only.
func writeKeys(dir, path string, file keyFile) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(file, "", "  ") //nolint:gosec // this file is where the keys live, mode 0600
	if err != nil {
		return err
	}
	return replaceFile(path, raw)
}

// makeKeys invents a mini program, a merchant and WeChat Pay's own two key pairs.
func makeKeys(o options) (keyFile, error) {
	app := newApp()
	f := keyFile{
		AppID: app.AppID, Secret: app.Secret, PushToken: app.PushToken, PushAESKey: app.PushAESKey,
		MchID: "19" + pick(digits, 8), APIV3Key: pick(alnum, 32), APIV2Key: pick(alnum, 32),
		PublicKeyID: "PUB_KEY_ID_0119" + pick(digits, 8) + o.now().In(beijing()).Format("2006010215") + "00" + pick(digits, 10),
	}
	for _, pair := range []struct {
		key, cert *string
		name      string
	}{
		{&f.MerchantKey, &f.MerchantCert, f.MchID},
		{&f.PlatformKey, &f.PlatformCert, "Tenpay.com sign (simulated)"},
		{&f.PublicKeyKey, nil, ""},
	} {
		key, err := rsa.GenerateKey(rand.Reader, o.keyBits)
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
	serial := random(20)
	serial[0] = serial[0]&0x3f | 0x40 // note: a set high nibble keeps the number at 40 hex digits, a clear top bit keeps it positive
	tmpl := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
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

// parseKeys makes the texts of keys.json ready for use.
func parseKeys(f keyFile) (*keyring, error) {
	k := &keyring{keyFile: f}
	var err error
	if k.merchant, err = parseKey(f.MerchantKey); err != nil {
		return nil, fmt.Errorf("parse merchant key: %w", err)
	}
	if k.pay, err = parseKey(f.PublicKeyKey); err != nil {
		return nil, fmt.Errorf("parse the key behind the public key: %w", err)
	}
	merchantCert, err := parseCert(f.MerchantCert)
	if err != nil {
		return nil, fmt.Errorf("parse merchant certificate: %w", err)
	}
	k.merchantSerial = serialOf(merchantCert)
	der, err := x509.MarshalPKIXPublicKey(k.pay.Public())
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	k.payPublicPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k, nil
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

package v2_test

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

const (
	testMchID    = "1900000109"
	testAPIKey   = "0123456789abcdef0123456789abcdef"
	strangerKey  = "fedcba9876543210fedcba9876543210"
	testAppID    = "wxd678efh567hg6787"
	otherAppID   = "wx2421b1c4370ec43b"
	testOpenID   = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
	testNumber   = "ORD-20260101-0001"
	testRefundNo = "R-20260101-0001@1"
	testNotifyTo = "https://shop.example.com/api/wx/notify/pay/1900000109"
	testRefundTo = "https://shop.example.com/api/wx/notify/refund/1900000109"
)

// testStart is the time at which every test begins.
var testStart = time.Date(2026, 1, 1, 10, 0, 0, 0, time.FixedZone("", 8*60*60))

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// apiclient is a merchant's certificate and its key, made once per run and never stored.
var apiclient = sync.OnceValues(func() (certPEM, keyPEM string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x3775B6A4), Subject: pkix.Name{CommonName: testMchID},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
})

func testMerchant() wxpay.Merchant {
	return wxpay.Merchant{MchID: testMchID, APIv2Key: testAPIKey}
}

func newGateway(tb testing.TB, m wxpay.Merchant, opts ...v2.Option) *v2.Gateway {
	tb.Helper()
	g, err := v2.New(m, testAppID, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// doc is one flat document as the tests see it.
type doc map[string]string

// signDoc signs by the official page, independent of the package.
func signDoc(d doc, signType, key string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if name != "sign" && d[name] != "" {
			parts = append(parts, name+"="+d[name])
		}
	}
	text := []byte(strings.Join(append(parts, "key="+key), "&"))
	if signType == "MD5" {
		sum := md5.Sum(text)
		return strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(text)
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

func signed(d doc, signType, key string) doc {
	d = maps.Clone(d)
	d["sign"] = signDoc(d, signType, key)
	return d
}

// writeDoc writes as WeChat does: line breaks, CDATA, numbers bare. The order is not that of the signature.
func writeDoc(root string, d doc) []byte {
	var b strings.Builder
	b.WriteString("<" + root + ">\n")
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(d))) {
		value := d[name]
		if value != "" && strings.Trim(value, "0123456789") == "" {
			fmt.Fprintf(&b, "<%s>%s</%s>\n", name, value, name)
		} else {
			fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>\n", name, value, name)
		}
	}
	b.WriteString("</" + root + ">")
	return []byte(b.String())
}

// readDoc reads a document with encoding/xml.
func readDoc(raw []byte) (doc, error) {
	var tree struct {
		XMLName xml.Name
		Fields  []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	d := doc{}
	for _, field := range tree.Fields {
		if _, twice := d[field.XMLName.Local]; twice {
			return nil, errors.New("a field twice")
		}
		d[field.XMLName.Local] = field.Value
	}
	return d, nil
}

// sealReqInfo is AES-256-ECB with PKCS#7, as documented for the refund notification.
func sealReqInfo(key string, plain []byte) string {
	sum := md5.Sum([]byte(key))
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	must(err)
	n := 16 - len(plain)%16
	text := append(slices.Clone(plain), slices.Repeat([]byte{byte(n)}, n)...)
	for at := 0; at < len(text); at += 16 {
		block.Encrypt(text[at:], text[at:])
	}
	return base64.StdEncoding.EncodeToString(text)
}

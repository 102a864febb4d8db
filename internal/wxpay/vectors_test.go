package wxpay

// This file is inside the package because the signed messages are unexported: it verifies each published signature over
// the message that our code builds. RSASSA-PKCS1-v1_5 is deterministic, so that proves as much as signing, and the
// published private key stays out of git.

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
)

type vector struct {
	Method, URI, AppID, Nonce, Package, Body, Signature, Key string
	Timestamp                                                int64
}

func readTestdata(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func readKey(t *testing.T, name string) *rsa.PublicKey {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	key, err := parsePublicKey(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	var vectors map[string]vector
	readTestdata(t, "signatures.json", &vectors)
	scenarios := map[string]func(vector) string{
		"request_body": requestOf,
		"request_path": requestOf,
		"pay_sign": func(v vector) string {
			return paySignMessage(v.AppID, RequestPayment{
				TimeStamp: strconv.FormatInt(v.Timestamp, 10), NonceStr: v.Nonce, Package: v.Package,
			})
		},
		"answer": func(v vector) string {
			return stamp{timestamp: strconv.FormatInt(v.Timestamp, 10), nonce: v.Nonce}.message([]byte(v.Body))
		},
	}
	for name, message := range scenarios {
		t.Run(name+" verifies", func(t *testing.T) {
			t.Parallel()
			v, ok := vectors[name]
			if !ok {
				t.Fatalf("got no vector %s", name)
			}
			signature, err := base64.StdEncoding.DecodeString(v.Signature)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(message(v)))
			if err := rsa.VerifyPKCS1v15(readKey(t, v.Key), crypto.SHA256, sum[:], signature); err != nil {
				t.Errorf("got %v, want the published signature to verify over %q", err, message(v))
			}
		})
	}
}

func requestOf(v vector) string {
	return requestMessage(v.Method, v.URI, v.Timestamp, v.Nonce, []byte(v.Body))
}

func TestPublishedCiphertexts(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, key, nonce, aad, ciphertext, want string
	}{
		// https://github.com/wechatpay-apiv3/wechatpay-java, AeadAesCipherTest
		{"java", "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "uluk4a9R25RW", "associatedData", "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=", "message"},
		// https://github.com/wechatpay-apiv3/wechatpay-go, utils/aes_test.go; its key has 16 bytes
		{"go", "testAPIv3Key0000", "wCq51qZv4Yfg", "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8", "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC", "Hello World"},
	}
	for _, s := range scenarios {
		t.Run(s.name+" opens", func(t *testing.T) {
			t.Parallel()
			aead, err := newAEAD(s.key)
			if err != nil {
				t.Fatal(err)
			}
			sealed := sealedText{Algorithm: sealAlgorithm, Ciphertext: s.ciphertext, AssociatedData: s.aad, Nonce: s.nonce}
			got, err := sealed.open(aead)
			if err != nil || string(got) != s.want {
				t.Errorf("got %q, %v, want %q", got, err, s.want)
			}
		})
	}
	t.Run("a nonce of 16 bytes is refused, not a panic", func(t *testing.T) {
		t.Parallel()
		// the axios plugin's vector: valid for its own cipher, but WeChat's nonces have 12 bytes
		aead, err := newAEAD("0123456789abcdef0123456789abcdef")
		if err != nil {
			t.Fatal(err)
		}
		sealed := sealedText{Algorithm: sealAlgorithm, Ciphertext: "APoZlYpivU3HjbAiB4CvW1rAFr8J", AssociatedData: "world", Nonce: "0123456789abcdef"}
		if got, err := sealed.open(aead); err == nil {
			t.Errorf("got %q, want an error", got)
		}
	})
}

// savedNotification is a notification with everything needed to check it.
type savedNotification struct {
	APIv3Key    string `json:"apiv3_key"`
	Certificate string `json:"certificate"`
	Serial      string `json:"wechatpay_serial"`
	Timestamp   string `json:"wechatpay_timestamp"`
	Nonce       string `json:"wechatpay_nonce"`
	Signature   string `json:"wechatpay_signature"`
	Body        string `json:"body"`
	Plaintext   string `json:"plaintext"`
}

func (s savedNotification) header() http.Header {
	return http.Header{
		"Wechatpay-Serial": {s.Serial}, "Wechatpay-Timestamp": {s.Timestamp},
		"Wechatpay-Nonce": {s.Nonce}, "Wechatpay-Signature": {s.Signature},
	}
}

func (s savedNotification) now(t *testing.T) func() time.Time {
	t.Helper()
	seconds, err := strconv.ParseInt(s.Timestamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Time { return time.Unix(seconds, 0) }
}

// TestPublishedNotification reads the only notification that WeChat published with its keys. Its key has 16 bytes,
// which New refuses, so the test builds the parts by hand.
func TestPublishedNotification(t *testing.T) {
	t.Parallel()
	var saved savedNotification
	readTestdata(t, "notification_sdk.json", &saved)
	block, _ := pem.Decode([]byte(saved.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	now := saved.now(t)
	store := &certStore{now: now, fetch: func(context.Context) (*core.CertificateMap, error) {
		return core.NewCertificateMapWithList([]*x509.Certificate{cert}), nil
	}}
	check := &verification{verifier: verifiers.NewSHA256WithRSAVerifier(store), certs: store, now: now}
	if err := check.check(t.Context(), saved.header(), []byte(saved.Body)); err != nil {
		t.Fatalf("got %v, want the published signature to verify", err)
	}
	note, err := readEnvelope([]byte(saved.Body))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := newAEAD(saved.APIv3Key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := note.Resource.open(aead)
	if err != nil || string(got) != saved.Plaintext {
		t.Errorf("got %s, %v, want %s", got, err, saved.Plaintext)
	}
	v := &V3{mchID: "1234567890", verify: check, aead: aead, now: now}
	if _, err := v.ParsePayNotification(saved.header(), []byte(saved.Body)); !errors.Is(err, ErrNotifyUnsupported) {
		t.Errorf("got %v, want %v for a PAYSCORE event", err, ErrNotifyUnsupported)
	}
}

// FuzzTradeJSON tries arbitrary decrypted resources and answers.
func FuzzTradeJSON(f *testing.F) {
	f.Add([]byte(`{"mchid":"1900000109","out_trade_no":"ORD-20260101-0001","trade_state":"NOTPAY","amount":{"total":100,"currency":"CNY"},"payer":{}}`))
	f.Add([]byte(`{"mchid":"1","out_trade_no":"2","trade_state":"SUCCESS","transaction_id":"3","success_time":"2026-01-01T10:00:05+08:00","amount":{"total":1}}`))
	f.Add([]byte(`{"amount":{"total":1e400}}`))
	f.Add([]byte(`{"amount":null,"payer":[]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		trade, err := parseTrade(raw)
		if err != nil {
			return
		}
		if trade.Total < 0 || trade.PayerTotal < 0 || trade.State == "" || trade.MchID == "" || trade.OutTradeNo == "" {
			t.Errorf("got %+v, want it refused", trade)
		}
		if trade.State.IsPaid() && (trade.TransactionID == "" || trade.Total == 0) {
			t.Errorf("got %+v, want a paid trade without proof refused", trade)
		}
	})
}

func TestParseTrade(t *testing.T) {
	t.Parallel()
	const head = `"mchid":"1900000109","out_trade_no":"ORD-20260101-0001"`
	scenarios := []struct {
		name, json string
		ok         bool
	}{
		{"unpaid with an empty payer is read", `{` + head + `,"trade_state":"NOTPAY","amount":{"total":100},"payer":{}}`, true},
		{"an unknown state is kept", `{` + head + `,"trade_state":"FROZEN"}`, true},
		{"unknown fields are ignored", `{` + head + `,"trade_state":"NOTPAY","promotion_detail":[{"amount":"10"}],"new":1}`, true},
		{"paid without a transaction is refused", `{` + head + `,"trade_state":"SUCCESS","amount":{"total":100}}`, false},
		{"paid without an amount is refused", `{` + head + `,"trade_state":"REFUND","transaction_id":"42"}`, false},
		{"a negative amount is refused", `{` + head + `,"trade_state":"NOTPAY","amount":{"total":-1}}`, false},
		{"an amount with a fraction is refused", `{` + head + `,"trade_state":"NOTPAY","amount":{"total":100.5}}`, false},
		{"a time that is none is refused", `{` + head + `,"trade_state":"NOTPAY","success_time":"yesterday"}`, false},
		{"no state is refused", `{` + head + `}`, false},
		{"no numbers are refused", `{"trade_state":"NOTPAY"}`, false},
		{"a second document is refused", `{` + head + `,"trade_state":"NOTPAY"}{}`, false},
		{"null is refused", `null`, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			trade, err := parseTrade([]byte(s.json))
			if (err == nil) != s.ok {
				t.Errorf("got %+v, %v, want ok %t", trade, err, s.ok)
			}
			if s.ok && string(trade.Raw) != s.json {
				t.Errorf("got raw %s, want %s", trade.Raw, s.json)
			}
		})
	}
}

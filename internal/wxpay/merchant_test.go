package wxpay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"wxbase/internal/wxpay"
)

func TestMerchantValidate(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	_, certificate := platformCert(3, platformKey(), testStart)
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(merchantKey())}))
	scenarios := []struct {
		name   string
		modify func(*wxpay.Merchant)
		want   []string // each is in the sentences; empty: the merchant is valid
	}{
		{"a good one", func(*wxpay.Merchant) {}, nil},
		{"a key in PKCS#1", func(m *wxpay.Merchant) { m.PrivateKey = pkcs1 }, nil},
		{"a local base", func(m *wxpay.Merchant) { m.PayBase = "http://127.0.0.1:8091" }, nil},
		{"certificates need no public key", func(m *wxpay.Merchant) {
			m.VerifyMode, m.PublicKey, m.PublicKeyID = wxpay.VerifyCertificate, "", ""
		}, nil},
		{"no APIv2 key", func(m *wxpay.Merchant) { m.APIv2Key = "" }, nil},
		{"a short APIv2 key", func(m *wxpay.Merchant) { m.APIv2Key = testV2Key[:31] }, []string{"this one has 31"}},
		{"nothing set", func(m *wxpay.Merchant) { *m = wxpay.Merchant{} }, []string{
			"mchid", "certificate serial", "apiclient_key.pem", "32 bytes long, this one has 0", "PUB_KEY_ID_", "pub_key.pem",
		}},
		{"a number with letters", func(m *wxpay.Merchant) { m.MchID = "19000001o9" }, []string{"mchid"}},
		{"a serial with colons", func(m *wxpay.Merchant) { m.CertSerial = "37:75" }, []string{"serial"}},
		{"a short APIv3 key", func(m *wxpay.Merchant) { m.APIv3Key = testAPIKey[:31] }, []string{"this one has 31"}},
		{"a long APIv3 key", func(m *wxpay.Merchant) { m.APIv3Key += "\n" }, []string{"this one has 33"}},
		{"a private key without PEM", func(m *wxpay.Merchant) { m.PrivateKey = "MIIEvQ" }, []string{"PEM text"}},
		{"a public key for a private one", func(m *wxpay.Merchant) { m.PrivateKey = m.PublicKey }, []string{"PKCS#8 or PKCS#1"}},
		{"a private key on a curve", func(m *wxpay.Merchant) { m.PrivateKey = privatePEM(curve) }, []string{"RSA"}},
		{"a small private key", func(m *wxpay.Merchant) { m.PrivateKey = privatePEM(small) }, []string{"2048 bits"}},
		{"a certificate for the public key", func(m *wxpay.Merchant) { m.PublicKey = certificate }, []string{"this is a certificate"}},
		{"a private key for the public one", func(m *wxpay.Merchant) { m.PublicKey = m.PrivateKey }, []string{"something else"}},
		{"a public key on a curve", func(m *wxpay.Merchant) { m.PublicKey = publicPEM(&curve.PublicKey) }, []string{"RSA"}},
		{"a certificate's serial for the public key's id", func(m *wxpay.Merchant) { m.PublicKeyID = testSerial }, []string{"PUB_KEY_ID_"}},
		{"only the id's beginning", func(m *wxpay.Merchant) { m.PublicKeyID = "PUB_KEY_ID_" }, []string{"PUB_KEY_ID_"}},
		{"both need the public key", func(m *wxpay.Merchant) { m.VerifyMode, m.PublicKey = wxpay.VerifyBoth, "" }, []string{"pub_key.pem"}},
		{"a mode that switches off", func(m *wxpay.Merchant) { m.VerifyMode = "none" }, []string{"verify mode"}},
		{"a base with a path", func(m *wxpay.Merchant) { m.PayBase = "https://example.com/pay" }, []string{"without a path"}},
		{"a base with a password", func(m *wxpay.Merchant) { m.PayBase = "https://me:hunter2@example.com" }, []string{"pay base"}},
		{"a base that is no address", func(m *wxpay.Merchant) { m.PayBase = "https://exa mple" }, []string{"pay base"}},
		{"a base for files", func(m *wxpay.Merchant) { m.PayBase = "file:///etc" }, []string{"pay base"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := testMerchant()
			s.modify(&m)
			err := m.Validate()
			if _, newErr := wxpay.New(m); (newErr == nil) != (err == nil) {
				t.Errorf("got %v from New, want what Validate says: %v", newErr, err)
			}
			if len(s.want) == 0 {
				if err != nil {
					t.Errorf("got %v, want it good", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("got no error, want %v", s.want)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(s.want) {
				t.Errorf("got %q, want %d sentences", lines, len(s.want))
			}
			for i, want := range s.want {
				if i < len(lines) && !strings.Contains(lines[i], want) {
					t.Errorf("got %q, want %q in it", lines[i], want)
				}
			}
			wantNoSecret(t, err)
		})
	}
}

func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	m := testMerchant()
	v := newGateway(t, m)
	for _, value := range []any{m, &m, []wxpay.Merchant{m}, v, struct{ Pay *wxpay.V3 }{v}} {
		wantNoSecret(t, value)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
		raw, err := json.Marshal(value)
		must(err)
		if text := log.String() + string(raw); strings.Contains(text, testAPIKey) || strings.Contains(text, testV2Key) || strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("got %s, want no secret in it", text)
		}
	}
	m.PayBase = "https://me:hunter2@example.com"
	if text := fmt.Sprint(m); strings.Contains(text, "hunter2") || !strings.Contains(text, testMchID) {
		t.Errorf("got %s, want the number and no password", text)
	}
}

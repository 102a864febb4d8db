package wxpay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const (
	certsCall  = "GET /v3/certificates"
	prepayCall = "POST /v3/pay/transactions/jsapi"
)

func newCertV3(t *testing.T, mode string) (*fakeWeChat, *wxpay.V3) {
	t.Helper()
	f := newFakeWeChat(t)
	m := testMerchant()
	m.PayBase, m.VerifyMode = f.url, mode
	return f, newGateway(t, m, wxpay.WithNow(f.clock.now))
}

func (f *fakeWeChat) addCert(number int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	serial, certPEM := platformCert(number, platformKey(), testStart.AddDate(0, 0, -1))
	f.certs = append(f.certs, fakeCert{serial, certPEM})
	return serial
}

func wantDownloads(t *testing.T, f *fakeWeChat, want int) {
	t.Helper()
	if got := f.hitsOf(certsCall); got != want {
		t.Errorf("got %d downloads of certificates, want %d", got, want)
	}
}

func TestCertificatesAreFetchedWhenNeeded(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyCertificate)
	wantDownloads(t, f, 0)
	for range 3 {
		if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
			t.Fatal(err)
		}
	}
	wantDownloads(t, f, 1)
	if header, _ := f.last(); header.Get("Wechatpay-Serial") != f.certs[0].serial {
		t.Errorf("got Wechatpay-Serial %q, want the newest certificate", header.Get("Wechatpay-Serial"))
	}
}

func TestManyCallersDownloadOnce(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyCertificate)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
				t.Errorf("got %v, want a prepay_id", err)
			}
		})
	}
	group.Wait()
	wantDownloads(t, f, 1)
}

func TestAnUnknownSerialDownloadsOnceAMinute(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyBoth)
	body := envelopeOf(paidTrade, nil)
	notify := func(serial string) error {
		header := http.Header{}
		f.stamp(header, serial, body, nil)
		_, err := v.ParsePayNotification(header, body)
		return err
	}
	// the public key needs no certificate, and another public key is not accepted
	if err := notify(testKeyID); err != nil {
		t.Fatal(err)
	}
	for _, serial := range []string{"PUB_KEY_ID_02", strings.Repeat("A", 65)} {
		if err := notify(serial); !errors.Is(err, wxpay.ErrNotifySerial) {
			t.Errorf("got %v for %s, want %v", err, serial, wxpay.ErrNotifySerial)
		}
	}
	wantDownloads(t, f, 0)
	if err := notify(f.certs[0].serial); err != nil {
		t.Fatal(err)
	}
	wantDownloads(t, f, 1)
	// a new certificate is accepted within the minute: it waits, so that strangers cost nothing
	serial := f.addCert(2)
	for range 5 {
		if err := notify(serial); !errors.Is(err, wxpay.ErrNotifySerial) {
			t.Fatalf("got %v, want %v", err, wxpay.ErrNotifySerial)
		}
	}
	wantDownloads(t, f, 1)
	f.clock.advance(time.Minute)
	if err := notify(serial); err != nil {
		t.Fatalf("got %v, want the new certificate known", err)
	}
	wantDownloads(t, f, 2)
}

func TestOldCertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyCertificate)
	steps := []struct {
		name    string
		advance time.Duration
		fault   http.HandlerFunc
		want    int
	}{
		{"first use", 0, nil, 1},
		{"still young", 11*time.Hour - time.Second, nil, 1},
		{"old", time.Second, nil, 2},
		{"young again", time.Hour, nil, 2},
	}
	for _, step := range steps {
		f.clock.advance(step.advance)
		if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
			t.Fatalf("got %v at %q, want a prepay_id", err, step.name)
		}
		wantDownloads(t, f, step.want)
	}
}

func TestOldCertificatesStayGoodWhenRenewalFails(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyCertificate)
	body := envelopeOf(paidTrade, nil)
	notify := func() error {
		header := http.Header{}
		f.stamp(header, f.certs[0].serial, body, nil)
		_, err := v.ParsePayNotification(header, body)
		return err
	}
	if err := notify(); err != nil {
		t.Fatal(err)
	}
	f.setFault(codeAnswer(500, "SYSTEM_ERROR"))
	f.clock.advance(12 * time.Hour)
	for range 3 {
		if err := notify(); err != nil {
			t.Errorf("got %v, want the old certificate to do", err)
		}
	}
	wantDownloads(t, f, 2)
	// but not without limit: the certificate itself expires
	f.clock.advance(5 * 365 * 24 * time.Hour)
	if err := notify(); !errors.Is(err, wxpay.ErrNotifySerial) {
		t.Errorf("got %v for an expired certificate, want %v", err, wxpay.ErrNotifySerial)
	}
}

func TestCertificatesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(0x71), NotBefore: testStart.AddDate(-1, 0, 0), NotAfter: testStart.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ecKey.PublicKey, ecKey)
	must(err)
	ecCert := fakeCert{"71", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	scenarios := []struct {
		name string
		do   func(*fakeWeChat)
		want wxpay.Kind // of the download; empty when the call does not fail
		why  string
	}{
		{"the merchant has only the public key", func(f *fakeWeChat) {
			f.fault = codeAnswer(404, "RESOURCE_NOT_EXISTS")
		}, wxpay.KindConfig, "RESOURCE_NOT_EXISTS"},
		{"WeChat is down", func(f *fakeWeChat) { f.fault = plainAnswer(502, htmlPage) }, wxpay.KindBusy, "502"},
		{"the list is empty", func(f *fakeWeChat) { f.certs = nil }, "", "has no certificate"},
		{"the list is not JSON", func(f *fakeWeChat) { f.fault = plainAnswer(200, htmlPage) }, "", "not JSON"},
		{"the certificate is not PEM", func(f *fakeWeChat) { f.certs[0].pem = "certificate" }, "", "not PEM"},
		{"the certificate is not DER", func(f *fakeWeChat) {
			f.certs[0].pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
		}, "", "cannot be parsed"},
		{"the certificate has another serial", func(f *fakeWeChat) { f.certs[0].serial = "72" }, "", "another serial"},
		{"the certificate has no RSA key", func(f *fakeWeChat) { f.certs = append(f.certs, ecCert) }, "", "no RSA key"},
		{"the list is signed by a stranger", func(f *fakeWeChat) {
			serial, certPEM := platformCert(9, strangerKey(), testStart.AddDate(0, 0, -1))
			f.certs = []fakeCert{{serial, certPEM}}
		}, "", "verify certificates: signature does not verify"},
		{"the list is old", func(f *fakeWeChat) { f.modify = func(s *answerStamp) { s.at = s.at.Add(-time.Hour) } }, "", "verify certificates: time stamp"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newCertV3(t, wxpay.VerifyCertificate)
			serial := f.certs[0].serial
			s.do(f)
			body := envelopeOf(paidTrade, nil)
			header := http.Header{}
			f.stamp(header, serial, body, nil)
			_, err := v.ParsePayNotification(header, body)
			if !errors.Is(err, wxpay.ErrNotifySerial) || !strings.Contains(err.Error(), s.why) {
				t.Fatalf("got %v, want %v because %s", err, wxpay.ErrNotifySerial, s.why)
			}
			if s.want != "" {
				wantKind(t, err, s.want)
			}
			wantDownloads(t, f, 1)
			wantNoSecret(t, err)
		})
	}
}

func TestAProbedListOfCertificatesIsAskedForAgain(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyCertificate)
	probed := false
	f.setBend(func(s *answerStamp) {
		if !probed && strings.Contains(string(s.body), "encrypt_certificate") {
			probed, s.mark = true, probeMark
		}
	})
	if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
		t.Errorf("got %v, want the second list believed", err)
	}
	wantDownloads(t, f, 2)
}

func TestBothKeysWhileChangingOver(t *testing.T) {
	t.Parallel()
	f, v := newCertV3(t, wxpay.VerifyBoth)
	// WeChat has not switched yet: it signs with the certificate although we asked for the public key
	for _, serial := range []string{"", f.certs[0].serial, testKeyID} {
		f.signWith = serial
		if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
			t.Errorf("got %v for an answer signed with %q, want it believed", err, serial)
		}
		if header, _ := f.last(); header.Get("Wechatpay-Serial") != testKeyID && f.hitsOf(certsCall) == 0 {
			t.Errorf("got Wechatpay-Serial %q, want the public key's", header.Get("Wechatpay-Serial"))
		}
	}
	if got := f.hitsOf(prepayCall); got != 3 {
		t.Errorf("got %d calls, want 3", got)
	}
}

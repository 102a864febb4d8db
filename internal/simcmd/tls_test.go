package simcmd

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/sim"
)

// TestTLSAndCertificates: /secapi is served over TLS, and takes the merchant's certificate and nobody else.
func TestTLSAndCertificates(t *testing.T) {
	t.Parallel()
	s, err := start(t.Context(), "127.0.0.1:0", "127.0.0.1:0", sim.WithKeyBits(2048), sim.WithClientCertificates(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	m := s.wechat.Config().Merchants[0]
	own, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(certificates ...tls.Certificate) string {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}}}
		fields := "appid=" + s.wechat.Config().Apps[0].AppID + "&mch_id=" + m.MchID + "&nonce_str=n&out_refund_no=R1&out_trade_no=NOBODY&refund_fee=1&total_fee=1"
		sum := md5.Sum([]byte(fields + "&key=" + m.APIV2Key))
		var body strings.Builder
		for pair := range strings.SplitSeq(fields+"&sign="+strings.ToUpper(hex.EncodeToString(sum[:])), "&") {
			name, value, _ := strings.Cut(pair, "=")
			body.WriteString("<" + name + ">" + value + "</" + name + ">")
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.tlsURL+"/secapi/pay/refund", strings.NewReader("<xml>"+body.String()+"</xml>"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if got := ask(); !strings.Contains(got, "证书验证失败") {
		t.Errorf("got %s without a certificate, want it missed", got)
	}
	if got := ask(own); !strings.Contains(got, "ORDERNOTEXIST") {
		t.Errorf("got %s with the merchant's, want the call itself to answer", got)
	}
}

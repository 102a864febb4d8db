package desk

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/settings"
)

// recognised is what a pasted text is. NB! nothing of a private key is in it.
type recognised struct {
	Kind    string `json:"kind"` // private_key, certificate, public_key or unknown
	Serial  string `json:"serial"`
	Subject string `json:"subject"`
	From    string `json:"from"`
	Until   string `json:"until"`
	Matches *bool  `json:"matches"` // whether it belongs to what is stored; nil when there is nothing to compare with

	key *rsa.PublicKey
}

// recognise handles POST /api/wx/admin/setup/recognise {text}.
func (p *setupPage) recognise(e *core.RequestEvent) error {
	var form struct {
		Text string `json:"text"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	found := recognisePEM(form.Text)
	m, _, err := p.chosenMerchant()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	found.compare(m)
	return e.JSON(http.StatusOK, found)
}

// recognisePEM reads the first PEM block: PKCS#8 and PKCS#1 keys, certificates and public keys.
func recognisePEM(text string) recognised {
	unknown := recognised{Kind: "unknown"}
	block, _ := pem.Decode([]byte(*tidyPEM(&text)))
	if block == nil {
		return unknown
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return recognised{Kind: "private_key", key: &key.PublicKey}
	}
	if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := parsed.(*rsa.PrivateKey); ok {
			return recognised{Kind: "private_key", key: &key.PublicKey}
		}
		return unknown
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
		return ofCertificate(cert)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if key, ok := parsed.(*rsa.PublicKey); err == nil && ok {
		return recognised{Kind: "public_key", key: key}
	}
	return unknown
}

func ofCertificate(cert *x509.Certificate) recognised {
	key, _ := cert.PublicKey.(*rsa.PublicKey)
	return recognised{
		Kind: "certificate", Serial: strings.ToUpper(cert.SerialNumber.Text(16)), Subject: cert.Subject.String(),
		From: cert.NotBefore.UTC().Format(time.RFC3339), Until: cert.NotAfter.UTC().Format(time.RFC3339), key: key,
	}
}

// compare looks whether key and certificate belong together, or whether a public key is the one that is stored.
func (r *recognised) compare(m settings.Merchant) {
	other := map[string]string{"private_key": m.Certificate, "certificate": m.PrivateKey, "public_key": m.PublicKey}[r.Kind]
	have := recognisePEM(other)
	if r.key == nil || have.key == nil {
		return
	}
	same := r.key.Equal(have.key)
	r.Matches = &same
}

// tidyPEM takes away what pasting adds: blanks around the lines, other line ends, line breaks written as \n. What is no PEM stays as it is.
func tidyPEM(text *string) *string {
	if text == nil || !strings.Contains(*text, "-----BEGIN") {
		return text
	}
	raw := strings.ReplaceAll(strings.TrimPrefix(*text, "\ufeff"), `\n`, "\n")
	var lines []string
	for _, line := range strings.FieldsFunc(raw, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	tidy := strings.Join(lines, "\n") + "\n"
	return &tidy
}

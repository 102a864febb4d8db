package v2

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"wxbase/internal/wxpay"
)

const (
	officialHost = "api.mch.weixin.qq.com"
	backupHost   = "api2.mch.weixin.qq.com"

	apiKeyBytes = 32
)

// account holds the checked fields of a wxpay.Merchant, whose own Validate demands v3's fields.
type account struct {
	signer signer
	base   *url.URL
	cert   *tls.Certificate // nil without a certificate
}

// readAccount returns everything that is missing or wrong, one sentence each. It never quotes a key.
func readAccount(m wxpay.Merchant) (a account, err error) {
	var problems [5]error
	if !isMadeOf(m.MchID, 1, 32, isDigit) {
		problems[0] = errors.New("merchant number (mch_id) must be digits")
	}
	if !isMadeOf(m.APIv2Key, apiKeyBytes, apiKeyBytes, isVisible) {
		problems[1] = fmt.Errorf("APIv2 key must be exactly %d letters and digits, this one has %d bytes", apiKeyBytes, len(m.APIv2Key))
	}
	a.signer, problems[2] = newSigner(m)
	a.base, problems[3] = readBase(m.PayBase)
	a.cert, problems[4] = readCertificate(m)
	return a, errors.Join(problems[:]...)
}

func newSigner(m wxpay.Merchant) (signer, error) {
	switch m.SignType {
	case "", SignHMACSHA256:
		return signer{SignHMACSHA256, m.APIv2Key}, nil
	case SignMD5:
		return signer{SignMD5, m.APIv2Key}, nil
	default:
		return signer{}, fmt.Errorf("sign type must be %s or %s", SignHMACSHA256, SignMD5)
	}
}

// readBase reads an origin by the rules of wxpay.Rewrite, which sends there.
func readBase(base string) (*url.URL, error) {
	if base == "" {
		base = "https://" + officialHost
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("pay base must be a URL")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("pay base must be an origin like https://%s, without a path", officialHost)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// readCertificate pairs apiclient_cert.pem with apiclient_key.pem. A key without a certificate belongs to v3 and is
// allowed.
func readCertificate(m wxpay.Merchant) (*tls.Certificate, error) {
	if strings.TrimSpace(m.Certificate) == "" {
		return nil, nil
	}
	// note: a parser's error may quote its input, so it is dropped.
	pair, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.PrivateKey))
	if err != nil {
		return nil, errors.New("merchant certificate and private key must be the PEM texts of one apiclient_cert.pem and its apiclient_key.pem")
	}
	return &pair, nil
}

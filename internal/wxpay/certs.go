package wxpay

import (
	"context"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const (
	certMaxAge   = 11 * time.Hour // WeChat asks for less than 12
	certRetry    = time.Minute    // at most one download in this time
	certsPath    = "/v3/certificates"
	certsTimeout = 4 * time.Second // WeChat waits five for the answer to a notification
	maxSerialLen = 64
)

var errNoCertificate = errors.New("no valid platform certificate has this serial")

var _ core.CertificateGetter = (*certStore)(nil)

// certStore holds the platform certificates (平台证书). They are fetched when first needed, again when an
// unknown serial shows up or they are old, and never more than once a minute: a stranger who sends
// serials of his own invention costs us one call a minute.
type certStore struct {
	fetch func(context.Context) (*core.CertificateMap, error)
	now   func() time.Time

	current  atomic.Pointer[core.CertificateMap]
	loadedAt atomic.Pointer[time.Time]

	mu      sync.Mutex // one download at a time; guards triedAt and lastErr
	triedAt time.Time
	lastErr error
}

// need makes sure that the certificate of serial is at hand, or says why it is not.
func (s *certStore) need(ctx context.Context, serial string) error {
	if len(serial) > maxSerialLen {
		return errNoCertificate
	}
	if _, ok := s.Get(ctx, serial); ok {
		s.renew(ctx)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.Get(ctx, serial); ok {
		return nil
	}
	err := s.refresh(ctx)
	if _, ok := s.Get(ctx, serial); ok {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNoCertificate, err)
	}
	return errNoCertificate
}

// renew replaces an old set, unless somebody is at it. The old set stays good when that does not work.
func (s *certStore) renew(ctx context.Context) {
	if at := s.loadedAt.Load(); at != nil && s.now().Sub(*at) < certMaxAge || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	_ = s.refresh(ctx) // kept in lastErr
}

// refresh downloads, at most once a minute, and otherwise repeats what the last download had to say. The
// caller holds mu.
func (s *certStore) refresh(ctx context.Context) error {
	now := s.now()
	if since := now.Sub(s.triedAt); !s.triedAt.IsZero() && since >= 0 && since < certRetry {
		return s.lastErr
	}
	s.triedAt = now
	// everybody waits for this download, so the caller who happened to start it cannot call it off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), certsTimeout)
	defer cancel()
	certs, err := s.fetch(ctx)
	if errors.Is(err, ErrNotifyProbe) {
		certs, err = s.fetch(ctx) // a probed call is not probed again
	}
	s.lastErr = err
	if err == nil {
		s.current.Store(certs)
		s.loadedAt.Store(&now)
	}
	return err
}

// Get implements core.CertificateGetter, for certificates that are valid now.
func (s *certStore) Get(ctx context.Context, serial string) (*x509.Certificate, bool) {
	certs := s.current.Load()
	if certs == nil {
		return nil, false
	}
	cert, ok := certs.Get(ctx, serial)
	if now := s.now(); !ok || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, false
	}
	return cert, true
}

// GetAll implements core.CertificateGetter.
func (s *certStore) GetAll(ctx context.Context) map[string]*x509.Certificate {
	if certs := s.current.Load(); certs != nil {
		return certs.GetAll(ctx)
	}
	return nil
}

// GetNewestSerial implements core.CertificateGetter; it is empty before the first download.
func (s *certStore) GetNewestSerial(ctx context.Context) string {
	if certs := s.current.Load(); certs != nil {
		return certs.GetNewestSerial(ctx)
	}
	return ""
}

// certificateFetcher returns the download. The answer is verified with the certificates that it brought:
// none is known before the first one, and that only WeChat could have encrypted these with the APIv3 key
// is what the trust rests on.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012551764 (下载平台证书).
func (v *V3) certificateFetcher(newCheck func() *verification) func(context.Context) (*core.CertificateMap, error) {
	unverified := core.NewClientWithValidator(v.sdk, &validators.NullValidator{})
	return func(ctx context.Context) (*core.CertificateMap, error) {
		result, err := unverified.Get(ctx, consts.WechatPayAPIServer+certsPath)
		if err := classify(opCerts, result, err); err != nil {
			return nil, err
		}
		body, err := io.ReadAll(result.Response.Body)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		certs, err := readCertificates(v.aead, body)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		check := newCheck()
		check.certs.fetch = func(context.Context) (*core.CertificateMap, error) { return certs, nil }
		if err := check.check(ctx, result.Response.Header, body); err != nil {
			return nil, fmt.Errorf("verify certificates: %w", err)
		}
		return certs, nil
	}
}

type encryptedCertificate struct {
	SerialNo string     `json:"serial_no"`
	Sealed   sealedText `json:"encrypt_certificate"`
}

func readCertificates(aead cipher.AEAD, body []byte) (*core.CertificateMap, error) {
	var answer struct {
		Data []encryptedCertificate `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("answer is not JSON")
	}
	certs := make(map[string]*x509.Certificate, len(answer.Data))
	for _, item := range answer.Data {
		cert, err := item.open(aead)
		if err != nil {
			return nil, err
		}
		certs[item.SerialNo] = cert
	}
	if len(certs) == 0 {
		return nil, errors.New("answer has no certificate")
	}
	return core.NewCertificateMap(certs), nil
}

func (c encryptedCertificate) open(aead cipher.AEAD) (*x509.Certificate, error) {
	text, err := c.Sealed.open(aead)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("certificate cannot be parsed")
	}
	// note: the SDK's verifier takes the key for RSA without looking and would panic.
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return nil, errors.New("certificate has no RSA key")
	}
	if serial, ok := new(big.Int).SetString(c.SerialNo, 16); !ok || serial.Cmp(cert.SerialNumber) != 0 {
		return nil, errors.New("certificate has another serial than announced")
	}
	return cert, nil
}

package wxpay

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
)

const (
	certMaxAge   = 11 * time.Hour  // WeChat asks for less than 12
	certRetry    = time.Minute     // at most one download in this time
	certsTimeout = 4 * time.Second // WeChat waits five for the answer to a notification
	maxSerialLen = 64
)

var errNoCertificate = errors.New("no valid platform certificate has this serial")

var _ core.CertificateGetter = (*certStore)(nil)

// certStore holds the platform certificates (平台证书). It fetches them when first needed, and again when a serial is
// unknown or they are old, but at most once a minute: a stranger who invents serials costs one call a minute.
type certStore struct {
	fetch func(context.Context) (*core.CertificateMap, error)
	now   func() time.Time

	current  atomic.Pointer[core.CertificateMap]
	loadedAt atomic.Pointer[time.Time]

	mu      sync.Mutex // one download at a time; guards triedAt and lastErr
	triedAt time.Time
	lastErr error
}

// need ensures that the certificate of serial is present, or returns why it is not.
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

// renew replaces an old set, unless a download already runs. The old set stays when that fails.
func (s *certStore) renew(ctx context.Context) {
	if at := s.loadedAt.Load(); at != nil && s.now().Sub(*at) < certMaxAge || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	_ = s.refresh(ctx) // kept in lastErr
}

// refresh downloads at most once a minute, and in between repeats the last download's error. The caller holds mu.
func (s *certStore) refresh(ctx context.Context) error {
	now := s.now()
	if since := now.Sub(s.triedAt); !s.triedAt.IsZero() && since >= 0 && since < certRetry {
		return s.lastErr
	}
	s.triedAt = now
	// all callers wait for this download, so the one that started it cannot cancel it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), certsTimeout)
	defer cancel()
	certs, err := s.fetch(ctx)
	if errors.Is(err, ErrNotifyProbe) {
		certs, err = s.fetch(ctx) // the probe does not probe itself
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

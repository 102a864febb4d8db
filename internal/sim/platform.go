package sim

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// platformCert is a certificate of WeChat Pay's with its key.
type platformCert struct {
	key         *payKey
	keyPEM      string
	cert        string // PEM
	serial      string
	from, until time.Time
}

// platformCerts are the one that signs, and the one before the last rotation.
type platformCerts struct {
	now    platformCert
	before *platformCert
}

// parsePlatform parses the certificates of keys.json.
func parsePlatform(f keyFile) (*platformCerts, error) {
	now, err := parsePlatformCert(f.PlatformKey, f.PlatformCert)
	if err != nil {
		return nil, err
	}
	certs := &platformCerts{now: now}
	if f.BeforeCert == "" {
		return certs, nil
	}
	before, err := parsePlatformCert(f.BeforeKey, f.BeforeCert)
	certs.before = &before
	return certs, err
}

func parsePlatformCert(keyText, certText string) (p platformCert, err error) {
	p = platformCert{keyPEM: keyText, cert: certText}
	if p.key, err = parsePayKey(keyText); err != nil {
		return p, fmt.Errorf("parse platform key: %w", err)
	}
	cert, err := parseCert(certText)
	if err != nil {
		return p, fmt.Errorf("parse platform certificate: %w", err)
	}
	p.serial, p.from, p.until = serialOf(cert), cert.NotBefore, cert.NotAfter
	return p, nil
}

// newPlatformCert makes a certificate that begins at now.
func newPlatformCert(bits int, now time.Time) (p platformCert, err error) {
	key, err := quickKey(bits)
	if err != nil {
		return p, fmt.Errorf("make platform key: %w", err)
	}
	keyText, err := privatePEM(key)
	if err != nil {
		return p, fmt.Errorf("encode platform key: %w", err)
	}
	certText, err := selfSigned(key, "Tenpay.com sign (simulated)", now)
	if err != nil {
		return p, fmt.Errorf("make platform certificate: %w", err)
	}
	return parsePlatformCert(keyText, certText)
}

// rotatePlatform is POST /_sim/platform/rotate: from now on a new platform certificate signs for a merchant (?mchid=,
// by default the first). The last one stays listed, so that its signatures can be verified; the one before it is
// dropped.
func (s *Sim) rotatePlatform(c *echo.Context) error {
	m, err := s.sellerFor(c.QueryParam("mchid"))
	if err != nil {
		return err
	}
	fresh, err := newPlatformCert(s.opts.keyBits, s.opts.now())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := m.platform.Load().now
	m.platform.Store(&platformCerts{now: fresh, before: &last})
	if err := s.keepSellers(s.allSellers()); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"serial": fresh.serial, "before": last.serial})
}

// certificates is GET /v3/certificates: the platform certificates, sealed with the APIv3 key.
// https://pay.weixin.qq.com/doc/v3/merchant/4012551764 (下载平台证书)
func (s *Sim) certificates(c *call) reply {
	if s.rule().publicKeyOnly {
		return payError{
			status: http.StatusNotFound, code: "RESOURCE_NOT_EXISTS", numeric: numOrderMissing, message: "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥",
			reason: "the merchant has the WeChat Pay public key only, see publicKeyOnly in /_sim/rules",
		}.reply(c)
	}
	certs := c.seller.platform.Load()
	list := []platformCert{certs.now}
	if certs.before != nil {
		list = append(list, *certs.before)
	}
	data := make([]any, 0, len(list))
	for _, p := range list {
		nonce := wire.Pick(wire.Alnum, 12)
		sealed, err := sealGCM(c.seller.APIV3Key, nonce, "certificate", []byte(p.cert))
		if err != nil {
			return systemError(err.Error()).reply(c)
		}
		data = append(data, map[string]any{
			"serial_no": p.serial, "effective_time": wire.Stamp(p.from), "expire_time": wire.Stamp(p.until),
			"encrypt_certificate": map[string]any{
				"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate", "ciphertext": sealed,
			},
		})
	}
	return okPay(map[string]any{"data": data})
}

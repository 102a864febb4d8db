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

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const certsPath = "/v3/certificates"

// certificateFetcher returns the download. The answer is verified with the certificates inside it, because none is
// known before the first one. The trust rests on the encryption: only WeChat can encrypt them with the APIv3 key.
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

// encryptedCertificate is one row of the answer. There are two while WeChat changes its certificate.
type encryptedCertificate struct {
	SerialNo string     `json:"serial_no"`
	Sealed   sealedText `json:"encrypt_certificate"`
}

// readCertificates opens all rows or fails: one bad row discredits the whole list.
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

// open decrypts and parses the certificate, and compares its serial with the announced one.
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
	// note: the SDK's verifier assumes an RSA key and would panic.
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return nil, errors.New("certificate has no RSA key")
	}
	if serial, ok := new(big.Int).SetString(c.SerialNo, 16); !ok || serial.Cmp(cert.SerialNumber) != 0 {
		return nil, errors.New("certificate has another serial than announced")
	}
	return cert, nil
}

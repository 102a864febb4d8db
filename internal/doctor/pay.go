package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

const apiV2 = "v2"

// checkMerchant: is there a merchant. A shop that only logs people in needs none.
func checkMerchant(_ context.Context, v *visit, _ subject) outcome {
	if len(v.Merchants) == 0 {
		return result("merchant_missing")
	}
	return result("merchant_ok", "count", strconv.Itoa(len(v.Merchants)))
}

// certificateSoon is how long before a certificate's end a finding reports it: replacing one needs a person with the
// merchant's permissions.
const certificateSoon = 30 * 24 * time.Hour

// checkKeyPair: do private key, certificate and serial belong together, as far as they are here.
func checkKeyPair(_ context.Context, v *visit, s subject) outcome {
	m := s.merchant
	if m.API == apiV2 && m.Certificate == "" && m.PrivateKey == "" {
		return result("key_v2_none") // API v2 needs them for refunds only
	}
	if m.PrivateKey == "" {
		return result("key_missing")
	}
	if block, _ := pem.Decode([]byte(m.PrivateKey)); block == nil || !strings.Contains(block.Type, "PRIVATE KEY") {
		return result("key_invalid")
	}
	if m.API != apiV2 && m.CertSerial == "" {
		return result("serial_missing")
	}
	if m.Certificate == "" {
		return result("key_pair_unseen")
	}
	return checkCertificate(m, v.Now())
}

func checkCertificate(m settings.Merchant, now time.Time) outcome {
	block, _ := pem.Decode([]byte(m.Certificate))
	if block == nil {
		return result("certificate_invalid")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return result("certificate_invalid")
	}
	if _, err := tls.X509KeyPair([]byte(m.Certificate), []byte(m.PrivateKey)); err != nil {
		return result("key_pair_apart")
	}
	serial := strings.ToUpper(cert.SerialNumber.Text(16))
	configured, ok := new(big.Int).SetString(m.CertSerial, 16)
	until := cert.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case m.CertSerial != "" && (!ok || configured.Cmp(cert.SerialNumber) != 0):
		return result("serial_other", "serial", serial)
	case now.After(cert.NotAfter):
		return result("certificate_expired", "until", until)
	case now.Add(certificateSoon).After(cert.NotAfter):
		return result("certificate_ends", "until", until)
	}
	return result("key_pair_ok", "serial", serial, "until", until)
}

// checkAPIKey: has the APIv3 key (or that of API v2) the form that WeChat Pay wants.
func checkAPIKey(_ context.Context, _ *visit, s subject) outcome {
	m := s.merchant
	key, name := m.APIv3Key, "APIv3"
	if m.API == apiV2 {
		key, name = m.APIv2Key, "APIv2"
	}
	switch {
	case key == "":
		return result("api_key_missing", "name", name)
	case len(key) != 32:
		return result("api_key_length", "name", name, "length", strconv.Itoa(len(key)))
	case m.APIv3Key != "" && m.APIv3Key == m.APIv2Key:
		return result("api_key_twice")
	}
	return result("api_key_ok", "name", name)
}

// checkPublicKey: is there what WeChat Pay's answers are verified with.
func checkPublicKey(_ context.Context, _ *visit, s subject) outcome {
	m := s.merchant
	if m.API == apiV2 || m.VerifyMode == wxpay.VerifyCertificate {
		return result("public_key_unused")
	}
	block, _ := pem.Decode([]byte(m.PublicKey))
	switch {
	case m.PublicKey == "" || m.PublicKeyID == "":
		return result("public_key_missing")
	case !strings.HasPrefix(m.PublicKeyID, "PUB_KEY_ID_"):
		return result("public_key_id_form")
	case block == nil || block.Type != "PUBLIC KEY":
		return result("public_key_invalid")
	}
	return result("public_key_ok", "id", m.PublicKeyID)
}

// checkQuery asks whether WeChat Pay accepts our signature, with a query for an order that does not exist.
func checkQuery(ctx context.Context, v *visit, s subject) outcome {
	if v.Gateway == nil {
		return result("query_unknown")
	}
	gateway, err := v.Gateway(s.merchant, v.appOf(s.merchant))
	if err != nil {
		return result("merchant_incomplete")
	}
	_, err = gateway.Query(ctx, "doctor"+strings.ToLower(rand.Text()[:20]))
	pe, ok := errors.AsType[*wxpay.Error](err)
	switch {
	case err == nil || ok && pe.Kind == wxpay.KindNotFound:
		return result("query_ok")
	case !ok:
		return result("merchant_incomplete")
	}
	return queryOutcome(pe, s.merchant)
}

func queryOutcome(pe *wxpay.Error, m settings.Merchant) outcome {
	switch pe.Kind {
	case wxpay.KindSign:
		if m.API == apiV2 {
			return result("query_v2_key")
		}
		if strings.Contains(pe.Message, "序列号") {
			return result("query_serial", "serial", m.CertSerial)
		}
		return result("query_signature")
	case wxpay.KindConfig:
		return result("query_mchid", "code", pe.Code)
	case wxpay.KindDenied:
		return result("query_denied", "code", pe.Code)
	case wxpay.KindUnverified:
		return result("query_v2_key")
	case wxpay.KindBusy, wxpay.KindNetwork:
		return result("query_busy")
	default:
		return result("query_refused", "code", pe.Code, "status", strconv.Itoa(pe.Status))
	}
}

// appOf is a mini program of a merchant; API v2 names one in every call.
func (v *visit) appOf(m settings.Merchant) string {
	for _, a := range v.Apps {
		if a.MchID == m.MchID || a.MchID == "" {
			return a.AppID
		}
	}
	return ""
}

// keyProber is a gateway that can look at its own keys.
type keyProber interface {
	ProbeKeys(ctx context.Context) error
}

// checkAnswers: do WeChat Pay's answers verify and open with the keys that are here.
func checkAnswers(ctx context.Context, v *visit, s subject) outcome {
	if v.Gateway == nil {
		return result("answers_unknown")
	}
	gateway, err := v.Gateway(s.merchant, v.appOf(s.merchant))
	prober, ok := gateway.(keyProber)
	if err != nil || !ok {
		return result("answers_unknown")
	}
	err = prober.ProbeKeys(ctx)
	pe, _ := errors.AsType[*wxpay.Error](err)
	switch {
	case err == nil:
		return result("answers_ok")
	case errors.Is(err, wxpay.ErrAPIv3Key):
		return result("api_key_other")
	case errors.Is(err, wxpay.ErrNotifySerial):
		return result("public_key_id_other", "id", s.merchant.PublicKeyID)
	case errors.Is(err, wxpay.ErrNotifySignature):
		return result("public_key_other", "id", s.merchant.PublicKeyID)
	case pe != nil && pe.Kind == wxpay.KindConfig && s.merchant.VerifyMode == wxpay.VerifyCertificate:
		return result("certificates_none")
	}
	return result("answers_unknown")
}

package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// sellersName is the file of the merchants besides the first, which is in keys.json.
const sellersName = "merchants.json"

// sellerFile is a merchant there.
type sellerFile struct {
	keyFile
	Apps []string `json:"apps,omitempty"`
}

// loadSellers reads or makes the merchants, applies the given credentials and writes changes.
func loadSellers(o options) (sellers, error) {
	first, err := loadKeys(o)
	if err != nil {
		return nil, err
	}
	files := []sellerFile{{keyFile: first}}
	raw, err := book.ReadIfThere(o.stateDir, filepath.Join(o.stateDir, sellersName))
	if err != nil {
		return nil, err
	}
	if raw != nil {
		var more []sellerFile
		if err := json.Unmarshal(raw, &more); err != nil {
			return nil, fmt.Errorf("parse %s: %w", sellersName, err)
		}
		files = append(files, more...)
	}
	if files, err = layGiven(o, files); err != nil {
		return nil, err
	}
	list := make(sellers, 0, len(files))
	for _, f := range files {
		m, err := newSeller(f.keyFile, f.Apps)
		if err != nil {
			return nil, fmt.Errorf("merchant %s: %w", f.MchID, err)
		}
		list = append(list, m)
	}
	return list, writeSellers(o.stateDir, list)
}

// layGiven applies given credentials to the existing ones, in their order; the rest stays or is invented.
func layGiven(o options, files []sellerFile) ([]sellerFile, error) {
	for i, given := range o.given.Merchants {
		if i >= len(files) {
			fresh, err := makeKeys(o)
			if err != nil {
				return nil, fmt.Errorf("make keys: %w", err)
			}
			files = append(files, sellerFile{keyFile: fresh})
		}
		if err := files[i].lay(o, given); err != nil {
			return nil, fmt.Errorf("merchant %d of the given credentials: %w", i+1, err)
		}
	}
	if len(o.given.Apps) > 0 {
		f := &files[0]
		app, err := AppConfig{AppID: f.AppID, Secret: f.Secret, PushToken: f.PushToken, PushAESKey: f.PushAESKey}.with(o.given.Apps[0])
		if err != nil {
			return nil, fmt.Errorf("mini program 1 of the given credentials: %w", err)
		}
		f.AppID, f.Secret, f.PushToken, f.PushAESKey = app.AppID, app.Secret, app.PushToken, app.PushAESKey
	}
	return files, nil
}

var (
	mchIDShape       = regexp.MustCompile(`^[0-9]{6,32}$`)
	appIDShape       = regexp.MustCompile(`^[0-9A-Za-z_-]{4,32}$`)
	publicKeyIDShape = regexp.MustCompile(`^PUB_KEY_ID_[0-9A-Za-z]{4,64}$`)
)

// lay sets the given fields of a merchant. note: WeChat Pay's own pairs are never given, because only WeChat has the
// private keys; only the id of its public key can be.
func (f *sellerFile) lay(o options, in MerchantConfig) error {
	switch {
	case in.MchID != "" && !mchIDShape.MatchString(in.MchID):
		return badInput("mchid must be 6 to 32 digits")
	case in.APIV3Key != "" && len(in.APIV3Key) != 32:
		return badInput("apiV3Key must have 32 bytes")
	case in.APIV2Key != "" && len(in.APIV2Key) != 32:
		return badInput("apiV2Key must have 32 characters")
	case in.PublicKeyID != "" && !publicKeyIDShape.MatchString(in.PublicKeyID):
		return badInput("publicKeyId must be PUB_KEY_ID_ and digits")
	}
	f.MchID, f.APIV3Key, f.APIV2Key = or(in.MchID, f.MchID), or(in.APIV3Key, f.APIV3Key), or(in.APIV2Key, f.APIV2Key)
	f.PublicKeyID = or(in.PublicKeyID, f.PublicKeyID)
	if in.Apps != nil {
		f.Apps = in.Apps
	}
	return f.layCertificate(o, in)
}

// layCertificate sets key and certificate. A certificate alone is enough to verify; a key alone gets a certificate with
// the given serial number; a serial number alone gets a new pair.
func (f *sellerFile) layCertificate(o options, in MerchantConfig) error {
	switch {
	case in.Certificate != "":
		if _, err := parseCert(in.Certificate); err != nil {
			return badInput("certificate is no PEM certificate: " + err.Error())
		}
		f.MerchantCert, f.MerchantKey = in.Certificate, in.PrivateKey
		return nil
	case in.PrivateKey == "" && in.CertSerial == "":
		return nil
	case in.PrivateKey == f.MerchantKey && (in.CertSerial == "" || strings.EqualFold(in.CertSerial, f.serial())):
		return nil
	}
	serial := new(big.Int)
	if in.CertSerial != "" {
		if _, ok := serial.SetString(in.CertSerial, 16); !ok || len(in.CertSerial) > 40 {
			return badInput("certSerial must be at most 40 hex digits")
		}
	}
	var key *rsa.PrivateKey
	var err error
	switch {
	case in.PrivateKey != "":
		key, err = parseKey(in.PrivateKey)
	case strings.EqualFold(in.CertSerial, f.serial()):
		return nil
	default:
		key, err = rsa.GenerateKey(rand.Reader, o.keyBits)
	}
	if err != nil {
		return badInput("privateKey is no RSA key in PKCS#8: " + err.Error())
	}
	if f.MerchantKey, err = privatePEM(key); err != nil {
		return err
	}
	f.MerchantCert, err = selfSignedAs(key, f.MchID, o.now(), serial)
	return err
}

// serial is the certificate's serial number.
func (f *sellerFile) serial() string {
	cert, err := parseCert(f.MerchantCert)
	if err != nil {
		return ""
	}
	return serialOf(cert)
}

// with sets the given fields of a mini program.
func (a AppConfig) with(in AppConfig) (AppConfig, error) {
	switch {
	case in.AppID != "" && !appIDShape.MatchString(in.AppID):
		return a, badInput("appid must be 4 to 32 letters and digits")
	case in.PushAESKey != "" && len(in.PushAESKey) != 43:
		return a, badInput("pushAesKey must have 43 characters")
	}
	a.AppID, a.Secret = or(in.AppID, a.AppID), or(in.Secret, a.Secret)
	a.PushToken, a.PushAESKey = or(in.PushToken, a.PushToken), or(in.PushAESKey, a.PushAESKey)
	return a, nil
}

// writeSellers writes the merchants: the first to keys.json, the others to merchants.json.
func writeSellers(dir string, list sellers) error {
	files := make([]sellerFile, len(list))
	for i, m := range list {
		f, certs := m.keyFile, m.platform.Load()
		f.PlatformKey, f.PlatformCert = certs.now.keyPEM, certs.now.cert
		if certs.before != nil {
			f.BeforeKey, f.BeforeCert = certs.before.keyPEM, certs.before.cert
		}
		files[i] = sellerFile{f, m.apps}
	}
	err := writeKeys(dir, keysName, files[0].keyFile)
	if len(files) > 1 {
		err = errors.Join(err, writeKeys(dir, sellersName, files[1:]))
	}
	if err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

// keepSellers writes and installs the list.
func (s *Sim) keepSellers(list sellers) error {
	if err := writeSellers(s.opts.stateDir, list); err != nil {
		return err
	}
	s.merchants.Store(&list)
	return nil
}

// makeSeller is POST /_sim/merchants: it adds a merchant, and invents what the body leaves out of a MerchantConfig.
func (s *Sim) makeSeller(c *echo.Context) error {
	var in MerchantConfig
	if err := readInput(c, &in); err != nil {
		return err
	}
	fresh, err := makeKeys(s.opts)
	if err != nil {
		return err
	}
	f := sellerFile{keyFile: fresh}
	if err := f.lay(s.opts, in); err != nil {
		return err
	}
	m, err := newSeller(f.keyFile, f.Apps)
	if err != nil {
		return badInput(err.Error())
	}
	if err := s.addSeller(m); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.configOf(m))
}

// addSeller puts a merchant beside the others.
func (s *Sim) addSeller(m *seller) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.allSellers()
	if list.by(m.MchID) != nil {
		return conflict("another merchant has this mchid")
	}
	for _, appid := range m.apps {
		if _, known := s.findApp(appid); !known {
			return notThere("no mini program has the appid " + clip(appid, 40))
		}
	}
	return s.keepSellers(append(slices.Clip(list), m))
}

// addGivenApps makes the given mini programs after the first. The caller is the only user of s.
func (s *Sim) addGivenApps() error {
	for i := 1; i < len(s.opts.given.Apps); i++ {
		if _, known := s.findApp(s.opts.given.Apps[i].AppID); known {
			continue
		}
		if i <= len(s.state.apps) && s.opts.given.Apps[i].AppID == "" {
			continue // an invented one exists already
		}
		if _, err := s.addApp(s.opts.given.Apps[i]); err != nil {
			return err
		}
	}
	return nil
}

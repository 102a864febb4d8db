// Package simproxy redirects requests for WeChat's hosts to the simulated WeChat, for SDKs whose hosts are constants.
// One address speaks TLS (for a hosts file) and HTTP (for HTTPS_PROXY); its certificates come from an authority that is
// made on this machine, covers only WeChat's names and is not in the sources.
package simproxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Hosts are the names that lead to the simulator.
//
// Source: https://developers.weixin.qq.com/miniprogram/dev/server/ (接口域名) and https://pay.weixin.qq.com/doc/v3/merchant/4012081606 (跨城容灾).
func Hosts() []string {
	return []string{
		"api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com",
		"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn",
	}
}

const (
	caName     = "proxy-ca.pem"
	caKeyName  = "proxy-ca.key"
	bundleName = "proxy-bundle.pem"
	caLife     = 2 * 365 * 24 * time.Hour
	leafLife   = 90 * 24 * time.Hour
)

// Authority signs certificates for Hosts.
type Authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	dir    string
	leaves sync.Map // host to *tls.Certificate
}

// Open takes up the authority of a folder (made with mode 0700), or makes one; its key is readable by its owner only.
func Open(dir string) (*Authority, error) {
	a := &Authority{dir: dir}
	err := a.load()
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(a.cert.NotAfter) < leafLife {
		err = a.make()
	}
	if err == nil {
		err = a.writeBundle()
	}
	if err != nil {
		return nil, fmt.Errorf("open the proxy's authority: %w", err)
	}
	return a, nil
}

// CertificateFile is what clients have to trust, as PEM.
func (a *Authority) CertificateFile() string { return filepath.Join(a.dir, caName) }

// BundleFile is the same together with the system's own authorities, for programs that read one file only.
func (a *Authority) BundleFile() string { return filepath.Join(a.dir, bundleName) }

func (a *Authority) load() error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, caName), filepath.Join(a.dir, caKeyName))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("its key is of another kind")
	}
	a.key = key
	a.cert, err = x509.ParseCertificate(pair.Certificate[0])
	return err
}

// make invents an authority. NB! its name constraints are critical: a thief of its key can only pretend to be WeChat,
// and only towards this machine.
func (a *Authority) make() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Simulated WeChat on this machine", Organization: []string{"wxbase"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(caLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, PermittedDNSDomainsCritical: true, PermittedDNSDomains: Hosts(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.dir, caKeyName), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(a.CertificateFile(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil { //nolint:gosec // it is public
		return err
	}
	return a.load()
}

// writeBundle puts the authority beside the system's, where the system has a file of them.
func (a *Authority) writeBundle() error {
	bundle, err := os.ReadFile(a.CertificateFile())
	if err != nil {
		return err
	}
	for _, name := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if system, err := os.ReadFile(name); err == nil { //nolint:gosec // fixed names
			bundle = append(append(bundle, '\n'), system...)
			break
		}
	}
	return os.WriteFile(a.BundleFile(), bundle, 0o644) //nolint:gosec // it is public
}

// certificate is that of a host, made when it is asked for first.
func (a *Authority) certificate(host string) (*tls.Certificate, error) {
	if known, ok := a.leaves.Load(host); ok {
		if leaf, ok := known.(*tls.Certificate); ok && time.Until(leaf.Leaf.NotAfter) > time.Hour {
			return leaf, nil
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	made := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}
	a.leaves.Store(host, made)
	return made, nil
}

// serial is a random number of 120 bits.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return big.NewInt(time.Now().UnixNano())
	}
	return n
}

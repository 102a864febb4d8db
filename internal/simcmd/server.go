package simcmd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"wxbase/internal/sim"
)

// server is a simulator on its own listener, where WeChat's own paths begin at the root.
type server struct {
	wechat *sim.Sim
	plain  *http.Server
	url    string
	tlsURL string
}

// start listens; an empty tlsAddr means plain HTTP only.
func start(ctx context.Context, addr, tlsAddr string, opts ...sim.Option) (*server, error) {
	wechat, err := sim.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("start the simulated WeChat: %w", err)
	}
	s := &server{wechat: wechat, plain: &http.Server{Handler: wechat.Handler(), ReadHeaderTimeout: 10 * time.Second}}
	if err := s.listen(ctx, addr, tlsAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("start the simulated WeChat: %w", err), s.close())
	}
	wechat.SetPublicBase(s.url)
	wechat.Start(context.WithoutCancel(ctx))
	return s, nil
}

func (s *server) listen(ctx context.Context, addr, tlsAddr string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String()
	go func() { _ = s.plain.Serve(listener) }()
	if tlsAddr == "" {
		return nil
	}
	secure, err := (&net.ListenConfig{}).Listen(ctx, "tcp", tlsAddr)
	if err != nil {
		return err
	}
	config := s.wechat.TLSConfig()
	if config.Certificates, err = ownCertificate(); err != nil {
		return errors.Join(err, secure.Close())
	}
	s.tlsURL = "https://" + secure.Addr().String()
	go func() { _ = s.plain.Serve(tls.NewListener(secure, config)) }()
	return nil
}

// close stops the listeners and then the deliveries.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.plain.Shutdown(ctx)
	return errors.Join(s.plain.Close(), s.wechat.Close())
}

// ownCertificate is made anew at each start and self-signed: clients on the laptop must skip its verification.
func ownCertificate() ([]tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make TLS key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "simulated WeChat"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{"localhost", "api.weixin.qq.com", "api.mch.weixin.qq.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make TLS certificate: %w", err)
	}
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

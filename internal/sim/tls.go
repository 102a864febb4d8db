package sim

import "crypto/tls"

// TLSConfig is for a TLS server in front of Handler: it asks every caller for a client certificate and accepts any,
// since only /secapi/ checks it (see WithClientCertificates). The caller adds the server's own certificate.
func (s *Sim) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
}

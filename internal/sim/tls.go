package sim

import "crypto/tls"

// TLSConfig is for a server that speaks TLS in front of Handler: it asks every caller for a client certificate and takes
// any, since only /secapi/ minds (see WithClientCertificates). The server's own certificate is for the caller to add.
func (s *Sim) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
}

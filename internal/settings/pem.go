package settings

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
)

// isPrivateKey tells whether text is an RSA private key in PEM, PKCS#8 (as WeChat Pay hands out) or PKCS#1.
func isPrivateKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		_, ok := key.(*rsa.PrivateKey)
		return ok
	}
	_, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil
}

// isPublicKey tells whether text is an RSA public key in PEM, as WeChat Pay hands it out (pub_key.pem).
func isPublicKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	_, ok := key.(*rsa.PublicKey)
	return err == nil && ok
}

// isCertificate tells whether text is a certificate in PEM, such as apiclient_cert.pem.
func isCertificate(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}

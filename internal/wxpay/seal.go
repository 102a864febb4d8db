package wxpay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

const sealAlgorithm = "AEAD_AES_256_GCM"

var errSeal = errors.New("ciphertext does not open with our APIv3 key")

// sealedText is what WeChat encrypts with the APIv3 key: certificates and notifications.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791861 (支付成功回调通知) says how it is opened.
type sealedText struct {
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"` // base64, tag at the end
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
	OriginalType   string `json:"original_type"`
}

// newAEAD accepts any AES key; the merchant's check demands 32 bytes.
func newAEAD(key string) (cipher.AEAD, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, errors.New("key has a wrong length")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("build cipher: %w", err)
	}
	return aead, nil
}

// open decrypts. It checks every length first, so that foreign input cannot panic.
func (s sealedText) open(aead cipher.AEAD) ([]byte, error) {
	if s.Algorithm != sealAlgorithm {
		return nil, fmt.Errorf("algorithm is not %s", sealAlgorithm)
	}
	// note: GCM panics on a nonce of another length.
	if len(s.Nonce) != aead.NonceSize() {
		return nil, fmt.Errorf("nonce is not %d bytes long", aead.NonceSize())
	}
	sealed, err := base64.StdEncoding.DecodeString(s.Ciphertext)
	if err != nil {
		return nil, errors.New("ciphertext is not base64")
	}
	plain, err := aead.Open(sealed[:0], []byte(s.Nonce), sealed, []byte(s.AssociatedData))
	if err != nil {
		return nil, errSeal
	}
	return plain, nil
}

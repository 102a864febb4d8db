package settings

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// sealedPrefix marks ciphertext and its format version.
const sealedPrefix = "enc:v1:"

// maskPrefix begins every mask. No secret begins like that, so a mask is never mistaken for one.
const maskPrefix = "••••••••#"

// ErrSealed means that a stored secret cannot be opened: another key, another row, or damage.
var ErrSealed = errors.New("stored secret cannot be opened with this key")

// Vault encrypts small secrets for storage with AES-256-GCM. The place of a secret (collection, row, field) is authenticated with it, so
// that ciphertext moved to another place does not open. Safe for concurrent use.
type Vault struct {
	aead        cipher.AEAD
	fingerprint []byte
	mark        string        // tells this key from others, and nothing about it
	older       []cipher.AEAD // keys of before: they open what Reseal has not reached yet, and seal nothing
}

// NewVault makes a vault from key material of at least 32 bytes.
func NewVault(material []byte) (*Vault, error) {
	aead, err := newCipher(material)
	if err != nil {
		return nil, err
	}
	return &Vault{
		aead: aead, fingerprint: derive(material, "wxbase fingerprints"), mark: hex.EncodeToString(derive(material, "wxbase key mark")[:8]),
	}, nil
}

func newCipher(material []byte) (cipher.AEAD, error) {
	if len(material) < 32 {
		return nil, fmt.Errorf("secret key has %d bytes, want at least 32", len(material))
	}
	block, err := aes.NewCipher(derive(material, "wxbase secrets"))
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return aead, nil
}

// alsoOpens adds keys of before.
func (v *Vault) alsoOpens(materials ...[]byte) error {
	for _, material := range materials {
		aead, err := newCipher(material)
		if err != nil {
			return err
		}
		v.older = append(v.older, aead)
	}
	return nil
}

// derive makes one key per purpose. The material is random or long, so a single HMAC is enough.
func derive(material []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, material)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// String names the vault and shows no key.
func (v *Vault) String() string { return "vault" }

// GoString redacts like String, so that %#v gives nothing away.
func (v *Vault) GoString() string { return v.String() }

// Mark tells the vault's key from others, and nothing about it.
func (v *Vault) Mark() string { return v.mark }

// Seal encrypts plain for one place, for example "wx_apps/<id>/secret". The empty string stays empty.
func (v *Vault) Seal(place, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	nonce := make([]byte, v.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("read random: %w", err)
	}
	sealed := v.aead.Seal(nonce, nonce, []byte(plain), []byte(place))
	return sealedPrefix + base64.RawStdEncoding.EncodeToString(sealed), nil
}

// Open is the reverse of Seal, also for what an older key has sealed. It fails with ErrSealed.
func (v *Vault) Open(place, sealed string) (string, error) {
	plain, _, err := v.open(place, sealed)
	return plain, err
}

// open tells also whether the key of now has sealed it.
func (v *Vault) open(place, sealed string) (plain string, current bool, err error) {
	if sealed == "" {
		return "", true, nil
	}
	rest, ok := strings.CutPrefix(sealed, sealedPrefix)
	if !ok {
		return "", false, ErrSealed
	}
	raw, err := base64.RawStdEncoding.DecodeString(rest)
	n := v.aead.NonceSize()
	if err != nil || len(raw) < n {
		return "", false, ErrSealed
	}
	for i, aead := range append([]cipher.AEAD{v.aead}, v.older...) {
		if text, err := aead.Open(nil, raw[:n], raw[n:], []byte(place)); err == nil {
			return string(text), i == 0, nil
		}
	}
	return "", false, ErrSealed
}

// Mask is what a set secret reads back as: dots and a keyed fingerprint of 8 hex digits, which tells two values apart but cannot be
// guessed from outside.
func (v *Vault) Mask(plain string) string {
	if plain == "" {
		return ""
	}
	mac := hmac.New(sha256.New, v.fingerprint)
	mac.Write([]byte(plain))
	return maskPrefix + hex.EncodeToString(mac.Sum(nil)[:4])
}

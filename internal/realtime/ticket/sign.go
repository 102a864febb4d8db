package ticket

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims are the payload of the token.
type claims struct {
	jwt.RegisteredClaims
	Verified bool             `json:"verified,omitempty"`
	Rooms    map[string]Room  `json:"rooms"`
	Until    *jwt.NumericDate `json:"until,omitempty"`
}

// Signer makes tickets. Safe for concurrent use.
type Signer struct {
	key ed25519.PrivateKey
	id  string
	set []byte // the public key, encoded
}

// NewSeed makes a new private key: 32 random bytes, to be kept secret and given to NewSigner again.
func NewSeed() ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return seed, nil
}

// NewSigner makes a signer from the seed of NewSeed.
func NewSigner(seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("read signing key: wrong length")
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // ed25519 guarantees the type
	set, err := json.Marshal(keySet{Keys: []publicKey{{
		Type: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: jwt.SigningMethodEdDSA.Alg(), ID: thumbprint(public),
		X: base64.RawURLEncoding.EncodeToString(public),
	}}})
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return &Signer{key: key, id: thumbprint(public), set: set}, nil
}

// thumbprint names a key by RFC 7638.
func thumbprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(key) + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PublicKeys is the JWK set (RFC 7517) that edges fetch.
func (s *Signer) PublicKeys() []byte { return s.set }

// String names the signer and shows no key.
func (s *Signer) String() string { return "ticket signer " + s.id }

// GoString equals String, so that %#v shows no key either.
func (s *Signer) GoString() string { return s.String() }

// Sign makes a ticket that is valid from now for Life, or until the login ends if that is sooner. expiresIn is that
// duration.
func (s *Signer) Sign(t Ticket, now time.Time) (token string, expiresIn time.Duration, err error) {
	if err := t.check(); err != nil {
		return "", 0, fmt.Errorf("sign ticket: %w", err)
	}
	now = now.Truncate(time.Second) // like the claims
	end := now.Add(Life)
	c := claims{Verified: t.Verified, Rooms: t.Rooms}
	if !t.Until.IsZero() {
		if t.Until.Before(end) {
			end = t.Until.Truncate(time.Second)
		}
		c.Until = jwt.NewNumericDate(t.Until)
	}
	if !end.After(now) {
		return "", 0, fmt.Errorf("sign ticket: %w", ErrExpired)
	}
	id := make([]byte, 12)
	if _, err := rand.Read(id); err != nil {
		return "", 0, fmt.Errorf("sign ticket: %w", err)
	}
	c.RegisteredClaims = jwt.RegisteredClaims{
		Subject: t.User, Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(end),
		ID: hex.EncodeToString(id),
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	unsigned.Header["kid"] = s.id
	token, err = unsigned.SignedString(s.key)
	if err != nil {
		return "", 0, errors.New("sign ticket: the key is damaged")
	}
	if len(token) > MaxBytes {
		return "", 0, fmt.Errorf("sign ticket: %d bytes are too much", len(token))
	}
	return token, end.Sub(now), nil
}

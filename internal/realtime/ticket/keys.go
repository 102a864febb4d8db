package ticket

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Limits of the public keys.
const (
	fetchEvery = 10 * time.Second // at most, whatever key tickets name
	maxKeys    = 8
	maxKeyID   = 64
)

// publicKey is a JSON Web Key of RFC 8037.
type publicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

type keySet struct {
	Keys []publicKey `json:"keys"`
}

// parseKeys reads a JWK set. It skips keys of other kinds; a name that does not match its key is an error.
func parseKeys(raw []byte) (map[string]ed25519.PublicKey, error) {
	var set keySet
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, errors.New("the answer holds no keys")
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		if k.Type != "OKP" || k.Curve != "Ed25519" || len(keys) == maxKeys {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize || thumbprint(x) != k.ID {
			return nil, errors.New("a key is damaged")
		}
		keys[k.ID] = x
	}
	if len(keys) == 0 {
		return nil, errors.New("the answer holds no keys")
	}
	return keys, nil
}

// Keyring holds the primary's public keys. It fetches them again when a ticket names an unknown one, at most every ten
// seconds. It is safe for concurrent use.
type Keyring struct {
	fetch func(context.Context) ([]byte, error)
	now   func() time.Time

	mu       sync.Mutex
	keys     map[string]ed25519.PublicKey
	tried    time.Time     // when the last fetch began
	fetching chan struct{} // closed when the current fetch has ended; nil without one
	problem  error         // of the last fetch
}

// NewKeyring makes an empty one; fetch returns the primary's JWK set.
func NewKeyring(fetch func(context.Context) ([]byte, error), now func() time.Time) *Keyring {
	return &Keyring{fetch: fetch, now: now}
}

// Ready tells whether there is any key.
func (k *Keyring) Ready() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.keys) > 0
}

// Refresh fetches the keys, unless the last try was less than ten seconds ago: then it returns that result. Concurrent
// calls share one fetch.
func (k *Keyring) Refresh(ctx context.Context) error {
	k.mu.Lock()
	if k.fetching == nil && !k.tried.IsZero() && k.now().Sub(k.tried) < fetchEvery {
		defer k.mu.Unlock()
		return k.problem
	}
	if k.fetching == nil {
		k.tried, k.fetching = k.now(), make(chan struct{})
		go k.run(context.WithoutCancel(ctx), k.fetching) // the fetch belongs to all callers, so this one cannot cancel it
	}
	done := k.fetching
	k.mu.Unlock()
	select {
	case <-done:
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.problem
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keyring) run(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fetchEvery)
	defer cancel()
	raw, err := k.fetch(ctx)
	var keys map[string]ed25519.PublicKey
	if err == nil {
		keys, err = parseKeys(raw)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.problem = fmt.Errorf("fetch keys: %w", err)
	} else {
		k.keys, k.problem = keys, nil // note: a key that the primary no longer names is dropped
	}
	k.fetching = nil
	close(done)
}

// find returns the key of a name.
func (k *Keyring) find(ctx context.Context, id string) (ed25519.PublicKey, error) {
	if id == "" || len(id) > maxKeyID {
		return nil, ErrInvalid
	}
	if key := k.get(id); key != nil {
		return key, nil
	}
	if err := k.Refresh(ctx); err != nil {
		return nil, err
	}
	if key := k.get(id); key != nil {
		return key, nil
	}
	return nil, ErrInvalid
}

func (k *Keyring) get(id string) ed25519.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[id]
}

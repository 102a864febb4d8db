package ticket_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/realtime/ticket"
)

// noon is the time of the tests.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func seed(n byte) []byte { return bytes.Repeat([]byte{n}, ed25519.SeedSize) }

func signer(tb testing.TB, n byte) *ticket.Signer {
	tb.Helper()
	s, err := ticket.NewSigner(seed(n))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// primary serves the keys of a signer, counts the requests, and can be away.
type primary struct {
	signer atomic.Pointer[ticket.Signer]
	asked  atomic.Int64
	away   atomic.Bool
}

func (p *primary) keys(context.Context) ([]byte, error) {
	p.asked.Add(1)
	if p.away.Load() {
		return nil, errors.New("away")
	}
	return p.signer.Load().PublicKeys(), nil
}

// ring is a keyring of a primary, with a clock that the test moves.
func ring(p *primary) (k *ticket.Keyring, clock *atomic.Int64) {
	clock = &atomic.Int64{}
	return ticket.NewKeyring(p.keys, func() time.Time { return noon().Add(time.Duration(clock.Load())) }), clock
}

func newPrimary(tb testing.TB) *primary {
	tb.Helper()
	p := &primary{}
	p.signer.Store(signer(tb, 1))
	return p
}

func sample() ticket.Ticket {
	return ticket.Ticket{
		User: "u1", Verified: true, Until: noon().Add(time.Hour),
		Rooms: map[string]ticket.Room{"notice": {History: 50, Presence: true, Publish: true}, "shop-1": {}},
	}
}

// forge signs any header and claims by hand.
func forge(tb testing.TB, key byte, header, claims map[string]any) string {
	tb.Helper()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(header) + "." + part(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed(key)), []byte(text)))
}

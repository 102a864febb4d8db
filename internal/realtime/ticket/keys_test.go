package ticket_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/realtime/ticket"
)

// TestKeyring: keys are fetched when needed, and not again within ten seconds, whatever tickets strangers present.
func TestKeyring(t *testing.T) {
	t.Parallel()
	p := newPrimary(t)
	k, clock := ring(p)
	first, _, _ := p.signer.Load().Sign(sample(), noon())
	if k.Ready() {
		t.Error("got ready before any fetch")
	}
	for range 3 {
		if _, err := k.Verify(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	wantAsked(t, p, 1)
	p.signer.Store(signer(t, 2)) // a new key at the primary
	second, _, _ := p.signer.Load().Sign(sample(), noon())
	for range 5 {
		if _, err := k.Verify(t.Context(), second); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("too soon: got %v, want ErrInvalid", err)
		}
	}
	wantAsked(t, p, 1)
	clock.Store(int64(10 * time.Second))
	if _, err := k.Verify(t.Context(), second); err != nil {
		t.Errorf("ten seconds later: %v", err)
	}
	wantAsked(t, p, 2)
	if _, err := k.Verify(t.Context(), first); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("the old key: got %v, want ErrInvalid", err)
	}
	wantAsked(t, p, 2)
}

func wantAsked(t *testing.T, p *primary, want int64) {
	t.Helper()
	if got := p.asked.Load(); got != want {
		t.Errorf("asked the primary %d times, want %d", got, want)
	}
}

// TestKeyringPrimaryAway: without the primary an unknown key's ticket is undecided, and known keys keep working.
func TestKeyringPrimaryAway(t *testing.T) {
	t.Parallel()
	p := newPrimary(t)
	p.away.Store(true)
	k, clock := ring(p)
	token, _, _ := p.signer.Load().Sign(sample(), noon())
	for range 3 {
		if _, err := k.Verify(t.Context(), token); err == nil || errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("got %v, want what is wrong with the primary", err)
		}
	}
	wantAsked(t, p, 1)
	p.away.Store(false)
	clock.Store(int64(10 * time.Second))
	if _, err := k.Verify(t.Context(), token); err != nil || !k.Ready() {
		t.Errorf("it is back: got %v", err)
	}
	p.away.Store(true)
	clock.Store(int64(20 * time.Second))
	if err := k.Refresh(t.Context()); err == nil {
		t.Error("Refresh while away: got no error")
	}
	if _, err := k.Verify(t.Context(), token); err != nil {
		t.Errorf("away again: got %v, want that the key is still good", err)
	}
}

// TestKeyringShares: concurrent callers share one fetch, and a caller that gives up does not end it.
func TestKeyringShares(t *testing.T) {
	t.Parallel()
	p := newPrimary(t)
	begun, release := make(chan struct{}), make(chan struct{})
	k := ticket.NewKeyring(func(ctx context.Context) ([]byte, error) {
		close(begun)
		<-release
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return p.keys(ctx)
	}, noon)
	token, _, _ := p.signer.Load().Sign(sample(), noon())
	hasty, giveUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := k.Verify(hasty, token); gone <- err }()
	<-begun
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("gave up: got %v, want context.Canceled", err)
	}
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if _, err := k.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	crowd.Wait()
	wantAsked(t, p, 1)
}

// TestKeySet tests the primary's possible answers.
func TestKeySet(t *testing.T) {
	t.Parallel()
	good := string(signer(t, 1).PublicKeys())
	scenarios := []struct {
		name, answer string
		good         bool
	}{
		{"one key", good, true},
		{"a key of another kind beside it", strings.Replace(good, `[`, `[{"kty":"RSA","kid":"r","n":"AQAB"},`, 1), true},
		{"nothing", "", false},
		{"a page", "<html>", false},
		{"no keys", `{"keys":[]}`, false},
		{"a key that is too short", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAA"}]}`, false},
		{"a key under another's name", strings.Replace(good, `"kid":"`, `"kid":"A`, 1), false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := ticket.NewKeyring(func(context.Context) ([]byte, error) { return []byte(s.answer), nil }, noon)
			if err := k.Refresh(t.Context()); (err == nil) != s.good || k.Ready() != s.good {
				t.Errorf("got %v, ready %t, want good %t", err, k.Ready(), s.good)
			}
		})
	}
}

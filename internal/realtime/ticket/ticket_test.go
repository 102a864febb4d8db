package ticket_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxbase/internal/realtime/ticket"
)

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	p := newPrimary(t)
	k, _ := ring(p)
	token, life, err := p.signer.Load().Sign(sample(), noon())
	if err != nil || life != ticket.Life {
		t.Fatalf("got %s, %v, want 60 s", life, err)
	}
	got, err := k.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Until.Equal(sample().Until) || !got.IssuedAt.Equal(noon()) {
		t.Errorf("got %s until %s, want %s until %s", got.IssuedAt, got.Until, noon(), sample().Until)
	}
	got.Until, got.IssuedAt = sample().Until, time.Time{}
	if !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %+v, want %+v", got, sample())
	}
	if _, err := k.Verify(t.Context(), token); err != nil {
		t.Errorf("shown again: %v", err)
	}
	other, _, _ := p.signer.Load().Sign(sample(), noon())
	if other == token {
		t.Error("two tickets are the same, want a number of its own in each")
	}
}

// TestSignEnds: a ticket does not outlive its login.
func TestSignEnds(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	scenarios := []struct {
		name  string
		until time.Time
		want  time.Duration // 0: refused
	}{
		{"a guest", time.Time{}, time.Minute},
		{"a long login", noon().Add(time.Hour), time.Minute},
		{"a login that ends soon", noon().Add(20 * time.Second), 20 * time.Second},
		{"a login that has ended", noon(), 0},
		{"a login that ends at once", noon().Add(time.Millisecond), 0},
	}
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			it := sample()
			it.Until = c.until
			_, got, err := s.Sign(it, noon())
			if got != c.want || (err != nil) != (c.want == 0) {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	s := signer(t, 1)
	many := map[string]ticket.Room{}
	for i := range ticket.MaxRooms + 1 {
		many[fmt.Sprint("room", i)] = ticket.Room{}
	}
	scenarios := []struct {
		name   string
		change func(*ticket.Ticket)
	}{
		{"nobody", func(t *ticket.Ticket) { t.User = "" }},
		{"a user's name that is too long", func(t *ticket.Ticket) { t.User = strings.Repeat("x", 129) }},
		{"a user's name that is no text", func(t *ticket.Ticket) { t.User = "\xff" }},
		{"no room", func(t *ticket.Ticket) { t.Rooms = nil }},
		{"too many rooms", func(t *ticket.Ticket) { t.Rooms = many }},
		{"a room of the system", func(t *ticket.Ticket) { t.Rooms = map[string]ticket.Room{"user:u2": {}} }},
		{"a history below zero", func(t *ticket.Ticket) { t.Rooms = map[string]ticket.Room{"a": {History: -1}} }},
	}
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			it := sample()
			c.change(&it)
			if token, _, err := s.Sign(it, noon()); err == nil || token != "" {
				t.Errorf("got %q, %v, want an error", token, err)
			}
		})
	}
	if _, err := ticket.NewSigner([]byte("short")); err == nil {
		t.Error("a short key: got no error")
	}
}

// TestVerifyRefuses: everything that a stranger, a former user or a wrong clock may present.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	p := newPrimary(t)
	id := keyID(t, p.signer.Load())
	header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": id}
	at := noon().Unix()
	claims := map[string]any{
		"sub": "u1", "aud": []string{"wxbase-edge"}, "iat": at, "exp": at + 60, "jti": "1", "rooms": map[string]any{"notice": map[string]any{}},
	}
	with := func(m map[string]any, key string, value any) map[string]any {
		m = maps.Clone(m)
		if value == nil {
			delete(m, key)
		} else {
			m[key] = value
		}
		return m
	}
	good := forge(t, 1, header, claims)
	parts := strings.Split(good, ".")
	mac := hmac.New(sha256.New, p.signer.Load().PublicKeys())
	hs := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"`+id+`"}`)) + "." + parts[1]
	mac.Write([]byte(hs))
	scenarios := []struct {
		name, token string
		want        error
	}{
		{"a good one is taken", good, nil},
		{"a clock five seconds behind", forge(t, 1, header, with(with(claims, "iat", at+4), "exp", at+64)), nil},
		{"a clock five seconds ahead", forge(t, 1, header, with(with(claims, "iat", at-63), "exp", at-4)), nil},
		{"another audience beside ours", forge(t, 1, header, with(claims, "aud", []string{"wxbase-edge", "b"})), ticket.ErrInvalid},
		{"empty", "", ticket.ErrInvalid},
		{"junk", "a.b.c", ticket.ErrInvalid},
		{"too long", good + strings.Repeat("A", ticket.MaxBytes), ticket.ErrInvalid},
		{"another's key", forge(t, 2, header, claims), ticket.ErrInvalid},
		{"a key that is not known", forge(t, 2, with(header, "kid", "x"), claims), ticket.ErrInvalid},
		{"a key without a name", forge(t, 1, with(header, "kid", nil), claims), ticket.ErrInvalid},
		{"a key's name of another type", forge(t, 1, with(header, "kid", 7), claims), ticket.ErrInvalid},
		{"a key's name that is too long", forge(t, 1, with(header, "kid", strings.Repeat("k", 65)), claims), ticket.ErrInvalid},
		{"an extension", forge(t, 1, with(header, "crit", []string{"b64"}), claims), ticket.ErrInvalid},
		{"no algorithm", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"`+id+`"}`)) + "." + parts[1] + ".", ticket.ErrInvalid},
		{"the public key as a password", hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), ticket.ErrInvalid},
		{"other claims under the signature", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"u2"}`)) + "." + parts[2], ticket.ErrInvalid},
		{"a signature that is cut", good[:len(good)-4], ticket.ErrInvalid},
		{"expired", forge(t, 1, header, with(with(claims, "iat", at-66), "exp", at-6)), ticket.ErrExpired},
		{"for somebody else", forge(t, 1, header, with(claims, "aud", "wxbase")), ticket.ErrInvalid},
		{"for nobody", forge(t, 1, header, with(claims, "aud", nil)), ticket.ErrInvalid},
		{"without an end", forge(t, 1, header, with(claims, "exp", nil)), ticket.ErrInvalid},
		{"without a beginning", forge(t, 1, header, with(claims, "iat", nil)), ticket.ErrInvalid},
		{"without a number", forge(t, 1, header, with(claims, "jti", nil)), ticket.ErrInvalid},
		{"longer than a minute", forge(t, 1, header, with(claims, "exp", at+61)), ticket.ErrInvalid},
		{"from the future", forge(t, 1, header, with(with(claims, "iat", at+6), "exp", at+66)), ticket.ErrInvalid},
		{"not yet", forge(t, 1, header, with(claims, "nbf", at+30)), ticket.ErrInvalid},
		{"nobody's", forge(t, 1, header, with(claims, "sub", nil)), ticket.ErrInvalid},
		{"no room", forge(t, 1, header, with(claims, "rooms", nil)), ticket.ErrInvalid},
		{"a room of the system", forge(t, 1, header, with(claims, "rooms", map[string]any{"*/": map[string]any{}})), ticket.ErrInvalid},
		{"a time that is none", forge(t, 1, header, with(claims, "exp", "soon")), ticket.ErrInvalid},
	}
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k, _ := ring(p)
			if _, err := k.Verify(t.Context(), c.token); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func keyID(tb testing.TB, s *ticket.Signer) string {
	tb.Helper()
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(s.PublicKeys(), &set); err != nil || len(set.Keys) != 1 {
		tb.Fatalf("got %s, %v", s.PublicKeys(), err)
	}
	return set.Keys[0].ID
}

// TestThumbprint: the key of RFC 8037, appendix A.3, gets the name that it has there.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	private, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A") // RFC 8037, A.1: published
	if err != nil {
		t.Fatal(err)
	}
	s, err := ticket.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := keyID(t, s), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(string(s.PublicKeys()), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") {
		t.Errorf("got %s, want the RFC's public key", s.PublicKeys())
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "157") || strings.Contains(text, "nWGx") {
		t.Errorf("got %s, want no key", text)
	}
}

// FuzzVerify: only the signed ticket is accepted, and nothing panics.
func FuzzVerify(f *testing.F) {
	p := newPrimary(f)
	header, at := map[string]any{"alg": "EdDSA", "kid": keyID(f, p.signer.Load())}, noon().Unix()
	token := forge(f, 1, header, map[string]any{ // note: the same in all processes of the fuzzer
		"sub": "u1", "aud": "wxbase-edge", "iat": at, "exp": at + 60, "jti": "1", "rooms": map[string]any{"notice": map[string]any{}},
	})
	f.Add(token)
	f.Add(token[:len(token)-2])
	f.Add("e30.e30.")
	f.Add(forge(f, 1, header, map[string]any{"exp": 1e300, "iat": -1e300}))
	k, _ := ring(p)
	if _, err := k.Verify(f.Context(), token); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, given string) {
		if _, err := k.Verify(t.Context(), given); err == nil && given != token {
			t.Errorf("took %q", given)
		}
	})
}

package settings_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"wxbase/internal/settings"
)

func newVault(tb testing.TB, fill byte) *settings.Vault {
	tb.Helper()
	v, err := settings.NewVault(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestVaultRoundTrip(t *testing.T) {
	t.Parallel()
	v := newVault(t, 1)
	for _, plain := range []string{"", "a", appSecret, "密钥 ☃", strings.Repeat("x", 10_000)} {
		sealed, err := v.Seal("wx_apps/1/secret", plain)
		if err != nil {
			t.Fatalf("seal: %v", err)
		}
		if len(plain) > 3 && strings.Contains(sealed, plain) {
			t.Errorf("sealed %q shows the plaintext", sealed)
		}
		got, err := v.Open("wx_apps/1/secret", sealed)
		if err != nil || got != plain {
			t.Errorf("open: got %q, %v, want %q", got, err, plain)
		}
	}
	one, _ := v.Seal("p", "same")
	two, _ := v.Seal("p", "same")
	if one == two {
		t.Error("sealing twice gave the same ciphertext, want a fresh nonce each time")
	}
}

func TestVaultRefuses(t *testing.T) {
	t.Parallel()
	v := newVault(t, 1)
	sealed, err := v.Seal("wx_apps/1/secret", appSecret)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		name, place, sealed string
		vault               *settings.Vault
	}{
		{"another row", "wx_apps/2/secret", sealed, v},
		{"another field", "wx_apps/1/pushToken", sealed, v},
		{"another key", "wx_apps/1/secret", sealed, newVault(t, 2)},
		{"plaintext", "wx_apps/1/secret", appSecret, v},
		{"another version", "wx_apps/1/secret", strings.Replace(sealed, "v1", "v2", 1), v},
		{"a flipped character", "wx_apps/1/secret", flip(sealed, len(sealed)/2), v},
		{"shorter than a nonce", "wx_apps/1/secret", "enc:v1:AAAA", v},
		{"nothing after the prefix", "wx_apps/1/secret", "enc:v1:", v},
		{"not base64", "wx_apps/1/secret", "enc:v1:!!!!", v},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := s.vault.Open(s.place, s.sealed)
			if !errors.Is(err, settings.ErrSealed) || got != "" {
				t.Errorf("got %q, %v, want ErrSealed", got, err)
			}
		})
	}
}

func flip(s string, at int) string {
	c := byte('A')
	if s[at] == c {
		c = 'B'
	}
	return s[:at] + string(c) + s[at+1:]
}

func TestVaultMask(t *testing.T) {
	t.Parallel()
	v := newVault(t, 1)
	a, again, b := v.Mask(appSecret), v.Mask(appSecret), v.Mask(v3Key)
	if a != again || a == b || a == newVault(t, 2).Mask(appSecret) {
		t.Errorf("masks %q %q %q: want the same for a value, others for another value and another key", a, again, b)
	}
	if strings.Contains(a, appSecret[:4]) {
		t.Errorf("mask %q shows a piece of the secret", a)
	}
	if got := v.Mask(""); got != "" {
		t.Errorf("mask of nothing: got %q, want empty", got)
	}
}

func TestVaultKeyTooShort(t *testing.T) {
	t.Parallel()
	if _, err := settings.NewVault(make([]byte, 31)); err == nil {
		t.Error("31 bytes: got no error")
	}
}

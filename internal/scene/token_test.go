package scene_test

import (
	"strings"
	"testing"

	"wxbase/internal/scene"
)

func TestNew(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		token := scene.New()
		if len(token) != 23 || scene.Valid(token) != nil || scene.KindOf(token) != scene.KindToken {
			t.Fatalf("got %q, want a token of 23 characters", token)
		}
		if seen[token] {
			t.Fatalf("got %q twice, want it once", token)
		}
		seen[token] = true
	}
}

// TestNewUsesAllItsDigits finds a generator that has lost its randomness in a place.
func TestNewUsesAllItsDigits(t *testing.T) {
	t.Parallel()
	var digits [23]map[byte]bool
	for range 2000 {
		for i, c := range []byte(scene.New()) {
			if digits[i] == nil {
				digits[i] = map[byte]bool{}
			}
			digits[i][c] = true
		}
	}
	// note: 62^22 is more than 2^128, so that the first digit stays below 8.
	for i, seen := range digits[2:] {
		if len(seen) != 62 {
			t.Errorf("place %d: got %d digits, want 62", i+2, len(seen))
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, in string
		want     scene.Kind
	}{
		{"token", "t" + strings.Repeat("0", 22), scene.KindToken},
		{"one digit short", "t" + strings.Repeat("0", 21), scene.KindPlain},
		{"one digit more", "t" + strings.Repeat("0", 23), scene.KindPlain},
		{"other prefix", "u" + strings.Repeat("0", 22), scene.KindPlain},
		{"other character", "t" + strings.Repeat("0", 21) + "-", scene.KindPlain},
		{"packed", "~id:7", scene.KindPacked},
		{"nothing packed", "~", scene.KindPacked},
		{"later version", "~~id:7", scene.KindPlain},
		{"plain", "id=7", scene.KindPlain},
		{"empty", "", scene.KindPlain},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := scene.KindOf(s.in); got != s.want {
				t.Errorf("got %s, want %s", got, s.want)
			}
		})
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	// the hash of no bytes at all, as every table of SHA-256 vectors has it
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := scene.Key(); got != empty {
		t.Errorf("got %s, want %s", got, empty)
	}
	seen := map[string][]string{}
	for _, parts := range [][]string{{""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"a", "b", "c"}, {"c", "ab"}} {
		key := scene.Key(parts...)
		if len(key) != 64 || key != scene.Key(parts...) {
			t.Errorf("%q: got %q, want 64 digits, always the same", parts, key)
		}
		if other, twice := seen[key]; twice {
			t.Errorf("%q: got the key of %q", parts, other)
		}
		seen[key] = parts
	}
}

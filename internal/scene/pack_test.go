package scene_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"wxbase/internal/scene"
)

func TestPack(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, payload, want string }{
		{"text and number", `{"id":7,"from":"ad"}`, "~from=ad&id:7"},
		{"number as text", `{"id":"7"}`, "~id=7"},
		{"keys of one beginning", `{"a1":1,"a":2,"a_":3}`, "~a:2&a1:1&a_:3"},
		{"words", `{"a":true,"b":false,"c":null}`, "~a!t&b!f&c!n"},
		{"words as text", `{"a":"true","b":"t"}`, "~a=true&b=t"},
		{"numbers digit for digit", `{"a":1.0,"b":-0,"c":1E+3}`, "~a:1.0&b:-0&c:1E+3"},
		{"empty text", `{"a":"","b":1}`, "~a=&b:1"},
		{"marks in a text", `{"a":"=:!~t?"}`, "~a==:!~t?"},
		{"empty object", `{}`, "~"},
		{"32 characters", `{"a":"` + strings.Repeat("x", 29) + `"}`, "~a=" + strings.Repeat("x", 29)},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, ok := scene.Pack(json.RawMessage(s.payload))
			if !ok || got != s.want {
				t.Fatalf("got %q, %t, want %q", got, ok, s.want)
			}
			checkUnpack(t, got, s.payload)
		})
	}
}

// checkUnpack reads a packed scene and compares it with what went in.
func checkUnpack(t *testing.T, packed, payload string) {
	t.Helper()
	want, err := scene.CanonicalJSON([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := scene.Unpack(packed); !ok || string(got) != want {
		t.Errorf("unpack %q: got %s, %t, want %s", packed, got, ok, want)
	}
	if kind := scene.KindOf(packed); kind != scene.KindPacked {
		t.Errorf("kind of %q: got %s, want packed", packed, kind)
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, payload string }{
		{"33 characters", `{"a":"` + strings.Repeat("x", 30) + `"}`},
		{"Chinese", `{"a":"面"}`},
		{"Chinese key", `{"面":1}`},
		{"ampersand", `{"a":"b&c"}`},
		{"space", `{"a":"b c"}`},
		{"percent sign", `{"a":"%41"}`},
		{"quote", `{"a":"\""}`},
		{"backslash", `{"a":"\\"}`},
		{"empty key", `{"":1}`},
		{"mark in a key", `{"a=b":1}`},
		{"object inside", `{"a":{}}`},
		{"array inside", `{"a":[]}`},
		{"array", `[1]`},
		{"text", `"a"`},
		{"null", `null`},
		{"repeated key", `{"a":1,"a":2}`},
		{"no JSON", `{a:1}`},
		{"empty", ``},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got, ok := scene.Pack(json.RawMessage(s.payload)); ok {
				t.Errorf("got %q, want a refusal", got)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", "a=1", "~~a=1", "~a", "~=1", "~a:", "~a:01", "~a:1.", "~a:+1", "~a:true", "~a:t", "~a!", "~a!x", "~a!true",
		"~a=1&", "~&a=1", "~a=1&&b=2", "~b=1&a=2", "~a=1&a=2", "~a-b=1", "~a=\"", "~a=b c", "~a=%41",
		"~a=" + strings.Repeat("x", 30), scene.New(),
	} {
		if got, ok := scene.Unpack(in); ok {
			t.Errorf("%q: got %s, want a refusal", in, got)
		}
	}
}

// TestPackRandom packs 10,000 payloads that fit and reads them back.
func TestPackRandom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for packed := 0; packed < 10_000; {
		payload := randomPayload(random)
		got, ok := scene.Pack(json.RawMessage(payload))
		if !ok {
			continue
		}
		packed++
		checkUnpack(t, got, payload)
		canonical, err := scene.CanonicalJSON([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[got]; twice && other != canonical {
			t.Fatalf("%q: got it for %s and %s, want one payload", got, other, canonical)
		}
		seen[got] = canonical
	}
	if len(seen) < 5000 {
		t.Errorf("got %d different payloads, want at least 5000", len(seen))
	}
}

// randomPayload writes a small object, not always one that fits.
func randomPayload(random *rand.Rand) string {
	var fields []string
	for i := range random.IntN(4) {
		fields = append(fields, fmt.Sprintf(`"%c%d":%s`, 'a'+rune(random.IntN(26)), i, randomValue(random)))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func randomValue(random *rand.Rand) string {
	switch random.IntN(5) {
	case 0:
		return []string{"true", "false", "null"}[random.IntN(3)]
	case 1:
		return fmt.Sprint(random.IntN(2_000_000) - 1_000_000)
	case 2:
		return []string{"1.50", "-0", "1e9", "0.1E-2"}[random.IntN(4)]
	}
	text := make([]byte, random.IntN(12))
	for i := range text {
		text[i] = allowed[random.IntN(len(allowed))]
	}
	return `"` + string(text) + `"`
}

func FuzzPack(f *testing.F) {
	for _, seed := range []string{`{"id":7,"from":"ad"}`, `{"a":true,"b":null}`, `{}`, `{"a":"="}`, `{"a":1.0}`, `[]`, `{"a":"\ud83d"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		packed, ok := scene.Pack(json.RawMessage(payload))
		if !ok {
			return
		}
		if err := scene.Valid(packed); err != nil {
			t.Errorf("got %q, want a valid scene: %v", packed, err)
		}
		checkUnpack(t, packed, payload)
	})
}

func FuzzUnpack(f *testing.F) {
	for _, seed := range []string{"~id:7&to=a", "~", "~a!t", "~a==", "~a:1e3", "~b=1&a=2", "t0000000000000000000000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		payload, ok := scene.Unpack(text)
		if !ok {
			return
		}
		// what unpacks was packed: each object has one spelling
		if packed, ok := scene.Pack(payload); !ok || packed != text {
			t.Errorf("pack %s: got %q, %t, want %q", payload, packed, ok, text)
		}
	})
}

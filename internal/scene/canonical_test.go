package scene_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"wxbase/internal/scene"
)

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	quoted := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	scenarios := []struct {
		name, raw, want string
		err             error
	}{
		{"keys are sorted", `{"b":1,"a":{"d":2,"c":3}}`, `{"a":{"c":3,"d":2},"b":1}`, nil},
		{"white space goes", " { \"a\" : [ 1 , 2 ] } \n", `{"a":[1,2]}`, nil},
		{"numbers stay as they are", `[1,1.0,1e3,1E+3,-0,12345678901234567890123]`, `[1,1.0,1e3,1E+3,-0,12345678901234567890123]`, nil},
		{"escapes are evened out", `"\u0041\/<&>\u9762"`, `"A/<&>面"`, nil},
		{"pair of surrogates", `"\ud83d\ude00"`, `"😀"`, nil},
		{"escaped backslash is no surrogate", `"\\ud83d"`, `"\\ud83d"`, nil},
		{"scalars", `[true,false,null,""]`, `[true,false,null,""]`, nil},
		{"empty object", `{}`, `{}`, nil},
		{"depth 8", nested(8), nested(8), nil},
		{"depth 9", nested(9), "", scene.ErrPayloadDepth},
		{"very deep", nested(2000), "", scene.ErrPayloadDepth},
		{"4096 bytes", quoted(4096), quoted(4096), nil},
		{"4097 bytes", quoted(4097), "", scene.ErrPayloadSize},
		{"4096 bytes that grow", `"` + strings.Repeat("\u2028", 1364) + `"`, "", scene.ErrPayloadSize},
		{"repeated key", `{"a":1,"a":1}`, "", scene.ErrPayloadKey},
		{"repeated key, spelled otherwise", `{"a":1,"\u0061":2}`, "", scene.ErrPayloadKey},
		{"repeated key inside", `[{"a":{"b":1,"b":2}}]`, "", scene.ErrPayloadKey},
		{"half a surrogate", `"\ud83d"`, "", scene.ErrPayloadJSON},
		{"other half", `"\ude00"`, "", scene.ErrPayloadJSON},
		{"two first halves", `"\ud83d\ud83d"`, "", scene.ErrPayloadJSON},
		{"broken text", "\"\xff\"", "", scene.ErrPayloadJSON},
		{"two values", `{} {}`, "", scene.ErrPayloadJSON},
		{"empty", ``, "", scene.ErrPayloadJSON},
		{"leading zero", `[01]`, "", scene.ErrPayloadJSON},
		{"not closed", `{"a":1`, "", scene.ErrPayloadJSON},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := scene.CanonicalJSON([]byte(s.raw))
			if got != s.want || !errors.Is(err, s.err) {
				t.Errorf("got %.80q, %v, want %.80q, %v", got, err, s.want, s.err)
			}
		})
	}
}

func FuzzCanonicalJSON(f *testing.F) {
	for _, seed := range []string{`{"b":1,"a":[1.0,"\ud83d\ude00"]}`, `"\ud83d"`, `"\`, `{"a":1,"a":2}`, nested(9), "\"\u2028\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := scene.CanonicalJSON(raw)
		if err != nil {
			return
		}
		if !json.Valid([]byte(got)) || len(got) > scene.MaxPayload {
			t.Errorf("got %q, want at most 4096 bytes of JSON", got)
		}
		if again, err := scene.CanonicalJSON([]byte(got)); err != nil || again != got {
			t.Errorf("got %q, %v the second time, want %q", again, err, got)
		}
	})
}

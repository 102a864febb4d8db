package scene_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"wxbase/internal/scene"
)

// allowed is WeChat's list, as its document writes it.
const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$&'()*+,/:;=?@-._~"

func TestValidCharacters(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		text := "a" + string([]byte{byte(c)})
		want := strings.Contains(allowed, text[1:])
		if err := scene.Valid(text); (err == nil) != want {
			t.Errorf("character %q: got %v, want allowed %t", text[1:], err, want)
		} else if !want && !errors.Is(err, scene.ErrChar) {
			t.Errorf("character %q: got %v, want ErrChar", text[1:], err)
		}
	}
}

func TestValidLength(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]error{0: scene.ErrEmpty, 1: nil, 32: nil, 33: scene.ErrTooLong} {
		if err := scene.Valid(strings.Repeat("a", length)); !errors.Is(err, want) {
			t.Errorf("length %d: got %v, want %v", length, err, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, raw, want string
		err             error
	}{
		{"plain", "id=7&a=b", "id=7&a=b", nil},
		{"encoded", "id%3D7%26a%3Db", "id=7&a=b", nil},
		{"small hex digits", "id%3d7", "id=7", nil},
		{"encoded twice", "id%253D7", "id=7", nil},
		{"encoded three times", "id%25253D7", "", scene.ErrChar},
		{"plus is plus", "a+b", "a+b", nil},
		{"encoded plus", "a%2Bb", "a+b", nil},
		{"nothing is trimmed", "%20a", "", scene.ErrChar},
		{"cut escape", "a%2", "", scene.ErrChar},
		{"no hex", "a%zz", "", scene.ErrChar},
		{"Chinese", "%E9%9D%A2", "", scene.ErrChar},
		{"empty", "", "", scene.ErrEmpty},
		{"32 characters, all encoded twice", strings.Repeat("%257E", 32), strings.Repeat("~", 32), nil},
		{"33 characters", strings.Repeat("~", 33), "", scene.ErrTooLong},
		{"very long", strings.Repeat("%257E", 33), "", scene.ErrTooLong},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := scene.Normalize(s.raw)
			if got != s.want || !errors.Is(err, s.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, s.want, s.err)
			}
		})
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"~id:7", "id%3D7", "id%253D7", "a+b", "%", "%25", "%25%", "%E9%9D%A2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := scene.Normalize(raw)
		if err == nil && scene.Valid(got) != nil {
			t.Errorf("got %q, want a valid scene or an error", got)
		}
		if scene.Valid(raw) != nil {
			return
		}
		once := url.QueryEscape(raw)
		for _, spelling := range []string{raw, once, url.QueryEscape(once)} {
			if got, err := scene.Normalize(spelling); err != nil || got != raw {
				t.Errorf("%q: got %q, %v, want %q", spelling, got, err, raw)
			}
		}
	})
}

package engineio_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/realtime/socketio/engineio"
)

func TestDecodePayload(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name     string
		protocol int
		body     string
		want     []string // nil: refused; "!" at the end: binary
	}{
		{"one packet", 4, "4hello", []string{"4hello"}},
		{"several packets", 4, "4a\x1e2\x1e4好", []string{"4a", "2", "4好"}},
		{"nothing", 4, "", nil},
		{"an empty packet between", 4, "4a\x1e\x1e4b", nil},
		{"an empty packet at the end", 4, "4a\x1e", nil},
		{"binary, behind a packet", 4, "4a\x1ebAQIDBA==\x1e4b", []string{"4a", "!"}},
		{"binary alone", 4, "bAQIDBA==", []string{"!"}},
		{"not UTF-8", 4, "4\xff", nil},
		{"version 3", 3, "6:4hello", []string{"4hello"}},
		{"version 3, several", 3, "1:25:4test", []string{"2", "4test"}},
		{"version 3 counts UTF-16 units, and not bytes", 3, "2:4好1:2", []string{"4好", "2"}},
		{"version 3, a surrogate pair is two", 3, "4:4🎉x1:2", []string{"4🎉x", "2"}},
		{"version 3, a character cut in two", 3, "2:4🎉", nil},
		{"version 3, nothing", 3, "", nil},
		{"version 3, length zero", 3, "0:", nil},
		{"version 3, no length", 3, ":4a", nil},
		{"version 3, no colon", 3, "24a", nil},
		{"version 3, negative", 3, "-1:4", nil},
		{"version 3, signed", 3, "+1:2", nil},
		{"version 3, longer than the body", 3, "9:4hello", nil},
		{"version 3, absurd length", 3, "99999999999999999999:4", nil},
		{"version 3, base64 behind a packet", 3, "2:4a10:b4AQIDBA==", []string{"4a", "!"}},
		{"version 3, not UTF-8", 3, "2:4\xff", nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			packets, err := engineio.DecodePayload(s.protocol, []byte(s.body))
			var got []string
			for _, p := range packets {
				got = append(got, string(p))
			}
			if engineio.IsBinary(err) {
				got, err = append(got, "!"), nil
			}
			if (err != nil) != (s.want == nil) || !slices.Equal(got, s.want) {
				t.Errorf("got %q, %v, want %q", got, err, s.want)
			}
		})
	}
}

func TestFrameSizes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 124, 125, 126, 65533, 65534, 65535, 65536, 70000} {
		text := strings.Repeat("x", size)
		f := engineio.NewMessage([]byte(text))
		if got := f.Text(); got != "4"+text {
			t.Errorf("size %d: got %d bytes back, want %d", size, len(got), size+1)
		}
	}
}

// FuzzPayload4 checks that decoding and encoding return the input.
func FuzzPayload4(f *testing.F) {
	for _, seed := range []string{"4hello", "4a\x1e2\x1e4好", "", "\x1e", "bAQID", "4\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { roundTrip(t, 4, body) })
}

// FuzzPayload3 does so for the other version, whose lengths have several spellings.
func FuzzPayload3(f *testing.F) {
	for _, seed := range []string{"6:4hello", "2:4好1:2", "4:4🎉x1:2", "01:2", "-1:4", "99999999999:4", ":"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { roundTrip(t, 3, body) })
}

func roundTrip(t *testing.T, protocol int, body []byte) {
	packets, err := engineio.DecodePayload(protocol, body)
	if err != nil {
		return
	}
	for _, p := range packets {
		if len(p) == 0 || p[0] == 'b' || !utf8.Valid(p) {
			t.Fatalf("got packet %q", p)
		}
	}
	again, err := engineio.DecodePayload(protocol, engineio.EncodePayload(protocol, packets))
	if err != nil || !slices.EqualFunc(packets, again, bytes.Equal) {
		t.Fatalf("got %q, %v, want %q", again, err, packets)
	}
}

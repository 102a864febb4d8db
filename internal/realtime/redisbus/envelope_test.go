package redisbus

import (
	"bytes"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 'M', 0})
	f.Add(envelope{kind: message, node: "n", data: []byte("data")}.encode())
	f.Add(envelope{kind: question, node: "node.0123456789abcdef", id: 7}.encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decode(raw)
		if err != nil {
			return
		}
		if again := e.encode(); !bytes.Equal(again, raw) {
			t.Errorf("got %x, want %x", again, raw)
		}
	})
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{message, question, busy, answer, nothing} {
		want := envelope{kind: k, node: "node.0123456789abcdef", id: 1<<63 + 5, data: []byte("{}")}
		got, err := decode(want.encode())
		if err != nil || got.kind != want.kind || got.node != want.node || got.id != want.id || !bytes.Equal(got.data, want.data) {
			t.Errorf("kind %c: got %+v, %v, want %+v", k, got, err, want)
		}
	}
}

package wechat_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

// packed writes a body as WeChat does when the client accepts gzip.
func packed(t *testing.T, body io.Reader) http.HandlerFunc {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "gzip" {
			t.Errorf("got Accept-Encoding %q, want gzip", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b.Bytes())
	}
}

func TestGzipAnswerIsUnpacked(t *testing.T) {
	t.Parallel()
	_, c := serve(t, packed(t, strings.NewReader(`{"openid":"o","session_key":"k"}`)))
	if s, err := c.Code2Session(t.Context(), "abc"); err != nil || s.OpenID != "o" {
		t.Errorf("got %v, %v, want the session", s, err)
	}
	p := pngOf(t, 300, 300)
	_, c = serve(t, packed(t, bytes.NewReader(p)))
	if img, err := c.UnlimitedCode(t.Context(), wechat.CodeRequest{Scene: "a"}); err != nil || !bytes.Equal(img.Bytes, p) {
		t.Errorf("got %d bytes, %v, want the picture", len(img.Bytes), err)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// the limit counts unpacked bytes: 16 MiB fit into 16 KiB.
func TestGzipBombIsRefused(t *testing.T) {
	// note: not parallel, since it measures memory.
	bomb := packed(t, io.LimitReader(zeros{}, 16<<20))
	_, c := serve(t, bomb)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Code2Session(t.Context(), "abc")
	runtime.ReadMemStats(&after)
	wantKind(t, err, wechat.KindBadAnswer)
	if !errors.Is(err, wechat.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("got %d MiB allocated, want a few", got>>20)
	}
	_, err = c.UnlimitedCode(t.Context(), wechat.CodeRequest{Scene: "a"})
	if !errors.Is(err, wechat.ErrTooLarge) {
		t.Errorf("got %v for a picture, want ErrTooLarge", err)
	}
}

func TestGzipThatIsBrokenIsALostAnswer(t *testing.T) {
	t.Parallel()
	scenarios := map[string]string{"not gzip": `{"openid":"o","session_key":"k"}`, "cut off": "\x1f\x8b\x08\x00\x00", "empty": ""}
	for name, body := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				answer(body)(w, r)
			})
			_, err := c.Code2Session(t.Context(), "abc")
			e, ok := errors.AsType[*wechat.Error](err)
			if !ok || e.Kind != wechat.KindNetwork && e.Kind != wechat.KindBadAnswer || !e.MaybeDone || a.calls.Load() != 1 {
				t.Errorf("got %#v after %d calls, want a lost answer after one", err, a.calls.Load())
			}
		})
	}
}

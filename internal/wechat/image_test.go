package wechat_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"wxbase/internal/wechat"
)

func pngOf(tb testing.TB, w, h int) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(tb testing.TB, w, h int) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestParseImage(t *testing.T) {
	t.Parallel()
	p, j := pngOf(t, 30, 20), jpegOf(t, 30, 20)
	noHeader := append(append([]byte{}, p[:8]...), p[len(p)-12:]...)
	scenarios := []struct {
		name   string
		bytes  []byte
		format string
		err    error
	}{
		{"png", p, "png", nil},
		{"jpeg", j, "jpeg", nil},
		{"jpeg with a line end after it", append(append([]byte{}, j...), '\n'), "jpeg", nil},
		{"empty", nil, "", wechat.ErrEmpty},
		{"white space", []byte("\n "), "", wechat.ErrEmpty},
		{"JSON", []byte(`{"errcode":0}`), "", wechat.ErrImageJSON},
		{"JSON after a byte order mark", []byte("\ufeff {"), "", wechat.ErrImageJSON},
		{"web page", []byte("\r\n<!DOCTYPE html>"), "", wechat.ErrImageHTML},
		{"text", []byte("sorry"), "", wechat.ErrImageFormat},
		{"gif", []byte("GIF89a"), "", wechat.ErrImageFormat},
		{"png cut off", p[:len(p)-1], "", wechat.ErrImageTruncated},
		{"png of its magic only", p[:8], "", wechat.ErrImageTruncated},
		{"png of half its magic", p[:4], "", wechat.ErrImageTruncated},
		{"jpeg cut off", j[:len(j)-2], "", wechat.ErrImageTruncated},
		{"jpeg of its magic only", j[:3], "", wechat.ErrImageTruncated},
		{"png without a header", noHeader, "", wechat.ErrImageFormat},
		{"jpeg of two marks", []byte("\xff\xd8\xff\xd9"), "", wechat.ErrImageFormat},
		{"png too wide", pngOf(t, 4097, 1), "", wechat.ErrTooLarge},
		{"too many bytes", append(make([]byte, 2<<20), p...), "", wechat.ErrTooLarge},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := wechat.ParseImage(s.bytes)
			if !errors.Is(err, s.err) || got.Format != s.format {
				t.Errorf("got %q, %v, want %q, %v", got.Format, err, s.format, s.err)
			}
			if err == nil && (!bytes.Equal(got.Bytes, s.bytes) || got.Width != 30 || got.Height != 20) {
				t.Errorf("got %d x %d, want 30 x 20 and the same bytes", got.Width, got.Height)
			}
		})
	}
}

func FuzzImage(f *testing.F) {
	f.Add(pngOf(f, 3, 2))
	f.Add(jpegOf(f, 3, 2))
	f.Add([]byte(`{"errcode":40001}`))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := wechat.ParseImage(b)
		if err != nil {
			return
		}
		_, format, err := image.DecodeConfig(bytes.NewReader(b))
		if err != nil || format != img.Format || img.Width < 1 || img.Height < 1 || img.Width > 4096 || img.Height > 4096 {
			t.Errorf("got %s %d x %d, want what image says: %s, %v", img.Format, img.Width, img.Height, format, err)
		}
	})
}

package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"wxbase/internal/picture"
)

func little(values ...uint16) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func big(values ...uint32) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// gifOf is 35 bytes that say how large they are.
func gifOf(w, h uint16) []byte {
	return join([]byte("GIF89a"), little(w, h), []byte{0x80, 0, 0, 0, 0, 0, 255, 255, 255},
		[]byte{','}, little(0, 0, w, h), []byte{0, 2, 2, 0x4c, 1, 0, ';'})
}

func pngOf(w, h uint32) []byte {
	head := join([]byte("IHDR"), big(w, h), []byte{8, 2, 0, 0, 0})
	return join([]byte("\x89PNG\r\n\x1a\n"), big(13), head, big(crc32.ChecksumIEEE(head)))
}

func jpegOf(w, h uint16) []byte {
	return []byte{
		0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), 3,
		1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
		0xFF, 0xDA, 0, 2,
	}
}

func webpOf(w, h uint32) []byte {
	w, h = w-1, h-1
	body := []byte{0x10, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)}
	return join([]byte("RIFF"), []byte{22, 0, 0, 0}, []byte("WEBPVP8X"), []byte{10, 0, 0, 0}, body)
}

func bmpOf(w, h uint32) []byte {
	b := make([]byte, 54)
	copy(b, "BM")
	b[10], b[14], b[26], b[28] = 54, 40, 1, 24
	binary.LittleEndian.PutUint32(b[18:], w)
	binary.LittleEndian.PutUint32(b[22:], h)
	return b
}

// film is a true animation.
func film(tb testing.TB, frames int) []byte {
	tb.Helper()
	g := gif.GIF{Config: image.Config{Width: 9, Height: 9}}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 9, 9), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 5)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestInspect(t *testing.T) {
	t.Parallel()
	limits := picture.Limits{Pixels: 1_000_000, Frames: 20, FramePixels: 81 * 15}
	scenarios := []struct {
		name string
		file []byte
		want error
		size picture.Size
	}{
		{"gif", gifOf(30, 40), nil, picture.Size{Format: "gif", Width: 30, Height: 40, Frames: 1}},
		{"gif bomb", gifOf(65535, 65535), picture.ErrTooLarge, picture.Size{Format: "gif", Width: 65535, Height: 65535, Frames: 1}},
		{"png", pngOf(1000, 1000), nil, picture.Size{Format: "png", Width: 1000, Height: 1000, Frames: 1}},
		{"png of one more", pngOf(1000, 1001), picture.ErrTooLarge, picture.Size{Format: "png", Width: 1000, Height: 1001, Frames: 1}},
		{"jpeg", jpegOf(900, 700), nil, picture.Size{Format: "jpeg", Width: 900, Height: 700, Frames: 1}},
		{"jpeg bomb", jpegOf(65500, 65500), picture.ErrTooLarge, picture.Size{Format: "jpeg", Width: 65500, Height: 65500, Frames: 1}},
		{"jpeg of 100 scans", join(jpegOf(900, 700), bytes.Repeat([]byte{0xFF, 0xDA, 7}, 99)), nil, picture.Size{Format: "jpeg", Width: 900, Height: 700, Frames: 1}},
		{"jpeg of 101 scans", join(jpegOf(900, 700), bytes.Repeat([]byte{0xFF, 0xDA, 7}, 100)), picture.ErrFrames, picture.Size{Format: "jpeg", Width: 900, Height: 700, Frames: 1}},
		{"webp", webpOf(16, 1), nil, picture.Size{Format: "webp", Width: 16, Height: 1, Frames: 1}},
		{"webp bomb", webpOf(1<<14, 1<<14), picture.ErrTooLarge, picture.Size{Format: "webp", Width: 1 << 14, Height: 1 << 14, Frames: 1}},
		{"bmp", bmpOf(10, 20), nil, picture.Size{Format: "bmp", Width: 10, Height: 20, Frames: 1}},
		{"bmp bomb", bmpOf(1<<30, 1<<20), picture.ErrTooLarge, picture.Size{Format: "bmp", Width: 1 << 30, Height: 1 << 20, Frames: 1}},
		{"a film", film(t, 15), nil, picture.Size{Format: "gif", Width: 9, Height: 9, Frames: 15}},
		{"a film with too many pixels", film(t, 16), picture.ErrFrames, picture.Size{Format: "gif", Width: 9, Height: 9, Frames: 16}},
		{"text", []byte("price list"), picture.ErrUnknown, picture.Size{}},
		{"nothing", nil, picture.ErrUnknown, picture.Size{}},
		{"a png that breaks off", pngOf(9, 9)[:20], picture.ErrUnknown, picture.Size{}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := picture.Inspect(bytes.NewReader(s.file), limits)
			if !errors.Is(err, s.want) || got != s.size {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, s.size, s.want)
			}
		})
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	file := film(t, 30)
	if size, err := picture.Inspect(bytes.NewReader(file), picture.Limits{}); err != nil || size.Frames != 30 {
		t.Errorf("got %d frames, %v, want 30", size.Frames, err)
	}
	if _, err := picture.Inspect(bytes.NewReader(file), picture.Limits{Frames: 29}); !errors.Is(err, picture.ErrFrames) {
		t.Errorf("got %v, want too many frames", err)
	}
	if size, err := picture.Inspect(bytes.NewReader(file[:len(file)/2]), picture.Limits{}); err != nil || size.Frames < 10 || size.Frames > 20 {
		t.Errorf("half of it: got %d frames, %v, want about 15", size.Frames, err)
	}
}

// TestThumb: a strip of few pixels is scaled up before it is cropped.
func TestThumb(t *testing.T) {
	t.Parallel()
	const most = 1_000_000
	scenarios := []struct {
		width, height int
		spec          string
		fits          bool
	}{
		{800, 600, "100x100", true},
		{1, 65535, "100x100", false},
		{65535, 1, "100x100", false},
		{1, 65535, "100x100f", false},
		{1, 65535, "300x0", false},
		{1, 65535, "0x300", true},
		{65535, 1, "0x300", false},
		{65535, 1, "300x0", true},
		{1, 100, "100x100", true},
		{1, 101, "100x100", false},
		{1, 1, "9000x9000", false},
		{800, 600, "100", true},
	}
	for _, s := range scenarios {
		size := picture.Size{Width: s.width, Height: s.height}
		if err := size.Thumb(s.spec, most); (err == nil) != s.fits {
			t.Errorf("%d x %d to %s: got %v, want to fit: %v", s.width, s.height, s.spec, err, s.fits)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, seed := range [][]byte{gifOf(9, 9), pngOf(9, 9), jpegOf(9, 9), webpOf(9, 9), bmpOf(9, 9), film(f, 3)} {
		f.Add(seed)
	}
	limits := picture.Limits{Pixels: 1 << 20, Frames: 10, FramePixels: 1 << 20}
	f.Fuzz(func(t *testing.T, file []byte) {
		size, err := picture.Inspect(bytes.NewReader(file), limits)
		if err == nil && (size.Pixels() > limits.Pixels || size.Frames > limits.Frames) {
			t.Errorf("got %+v let through", size)
		}
	})
}

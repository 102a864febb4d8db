// Package picture reads a picture's size before a decoder runs.
//
// A decoder allocates memory for the size that a file claims, so 35 bytes can cost gigabytes. This package reads only
// the header of PNG, JPEG, GIF, WebP, BMP and TIFF, the formats of this program's decoders. It also counts the frames
// of a GIF, by skipping their data, and the scans of a JPEG. A header that it cannot read, our decoders cannot read
// either.
package picture

import (
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // decoder
	_ "image/jpeg" // decoder
	_ "image/png"  // decoder
	"io"

	_ "golang.org/x/image/bmp"  // decoder
	_ "golang.org/x/image/tiff" // decoder; the thumbs of PocketBase know it
	_ "golang.org/x/image/webp" // decoder
)

// Errors that Inspect and Size.Thumb are refused with.
var (
	ErrTooLarge  = errors.New("picture has too many pixels")
	ErrFrames    = errors.New("picture has too many frames")
	ErrTooNarrow = errors.New("picture is so narrow that its thumb would have too many pixels")
	// ErrUnknown says that the header is unknown to all decoders: the file is not a picture, or a broken one.
	ErrUnknown = errors.New("not a picture that can be decoded here")
)

// Limits limits a picture. Zero is unlimited.
type Limits struct {
	Pixels      int64 // width times height
	Frames      int   // of an animation
	FramePixels int64 // of all frames of an animation together
}

// Size is what a header says.
type Size struct {
	Format        string // png, jpeg, gif, webp, bmp, tiff
	Width, Height int
	Frames        int // 1 of a format without animations, or whose frames are not counted
}

// Pixels is the area.
func (s Size) Pixels() int64 { return int64(s.Width) * int64(s.Height) }

// Inspect reads the size of a picture and holds it against the limits. It fails with ErrUnknown, ErrTooLarge or ErrFrames.
func Inspect(r io.ReadSeeker, limits Limits) (Size, error) {
	header, format, err := image.DecodeConfig(r)
	if err != nil {
		return Size{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	size := Size{Format: format, Width: header.Width, Height: header.Height, Frames: 1}
	if limits.Pixels > 0 && size.Pixels() > limits.Pixels {
		return size, fmt.Errorf("%w: %d x %d", ErrTooLarge, size.Width, size.Height)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return size, fmt.Errorf("rewind picture: %w", err)
	}
	switch format {
	case "gif":
		size.Frames, err = countFrames(r, limits)
	case "jpeg":
		err = boundScans(r)
	}
	return size, err
}

// Thumb tells whether a thumb can be made within a number of pixels. spec is PocketBase's: WxH, WxHt, WxHb, WxHf, 0xH or Wx0.
//
// note: the whole picture is scaled before it is cropped, so that a strip of 1 x 65535 becomes 100 x 6553500 on its way to 100 x 100.
func (s Size) Thumb(spec string, pixels int64) error {
	var width, height int64
	if _, err := fmt.Sscanf(spec, "%dx%d", &width, &height); err != nil || pixels <= 0 || s.Width <= 0 || s.Height <= 0 {
		return nil //nolint:nilerr // PocketBase refuses such a spec itself
	}
	w, h := int64(s.Width), int64(s.Height)
	// by width or by height, whichever gives the larger picture on the way
	if byWidth := width * (width * h / w); byWidth > pixels {
		return fmt.Errorf("%w: %d x %d to %s", ErrTooNarrow, s.Width, s.Height, spec)
	}
	if byHeight := height * (height * w / h); byHeight > pixels {
		return fmt.Errorf("%w: %d x %d to %s", ErrTooNarrow, s.Width, s.Height, spec)
	}
	return nil
}

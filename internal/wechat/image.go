package wechat

import (
	"bytes"
	"errors"
	"image/jpeg"
	"image/png"
)

const (
	imageLimit = 2 << 20
	// imageSide limits the sides in pixels; WeChat's own limit is 1280.
	imageSide = 4096
	// imageTail is how many bytes after the end mark are tolerated.
	imageTail = 64
)

// Why bytes are not accepted as an image.
var (
	// ErrImageJSON means: JSON instead of an image, without an errcode.
	ErrImageJSON = errors.New("answer is JSON, not an image")
	// ErrImageHTML means: a web page instead of an image.
	ErrImageHTML = errors.New("answer is a web page, not an image")
	// ErrImageFormat means: neither PNG nor JPEG, or an unreadable header.
	ErrImageFormat = errors.New("answer is neither a PNG nor a JPEG image")
	// ErrImageTruncated means: the image ends too early.
	ErrImageTruncated = errors.New("image is cut off")
)

var (
	pngMagic  = []byte("\x89PNG\r\n\x1a\n")
	pngEnd    = []byte("\x00\x00\x00\x00IEND\xaeB`\x82")
	jpegMagic = []byte("\xff\xd8\xff")
	jpegEnd   = []byte("\xff\xd9")
)

// Image is a picture from WeChat.
type Image struct {
	// Bytes is the file, at most 2 MiB.
	Bytes []byte
	// Format is "png" or "jpeg".
	Format string
	// Width and Height are in pixels.
	Width, Height int
}

// ParseImage checks bytes by their content: magic, readable header, end mark. Errors: ErrEmpty, ErrTooLarge (over 2 MiB
// or 4096 pixels), ErrImageJSON, ErrImageHTML, ErrImageFormat, ErrImageTruncated.
func ParseImage(b []byte) (Image, error) {
	switch {
	case len(b) == 0:
		return Image{}, ErrEmpty
	case len(b) > imageLimit:
		return Image{}, ErrTooLarge
	case bytes.HasPrefix(b, pngMagic):
		config, err := png.DecodeConfig(bytes.NewReader(b))
		return whole(Image{Bytes: b, Format: "png", Width: config.Width, Height: config.Height}, pngEnd, err)
	case bytes.HasPrefix(b, jpegMagic):
		config, err := jpeg.DecodeConfig(bytes.NewReader(b))
		return whole(Image{Bytes: b, Format: "jpeg", Width: config.Width, Height: config.Height}, jpegEnd, err)
	}
	return Image{}, notImage(b)
}

// whole checks the rest of an image; err is the result of reading its header.
func whole(img Image, end []byte, err error) (Image, error) {
	tail := img.Bytes[max(0, len(img.Bytes)-len(end)-imageTail):]
	switch {
	case !bytes.Contains(tail, end):
		return Image{}, ErrImageTruncated
	case err != nil || img.Width < 1 || img.Height < 1:
		return Image{}, ErrImageFormat
	case img.Width > imageSide || img.Height > imageSide:
		return Image{}, ErrTooLarge
	}
	return img, nil
}

// notImage names what came instead of an image.
func notImage(b []byte) error {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	switch {
	case len(trimmed) == 0:
		return ErrEmpty
	case trimmed[0] == '{' || trimmed[0] == '[':
		return ErrImageJSON
	case trimmed[0] == '<':
		return ErrImageHTML
	case bytes.HasPrefix(pngMagic, b) || bytes.HasPrefix(jpegMagic, b):
		return ErrImageTruncated
	}
	return ErrImageFormat
}

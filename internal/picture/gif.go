package picture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The blocks of a GIF.
const (
	gifExtension = 0x21
	gifFrame     = 0x2C
	gifEnd       = 0x3B
)

// countFrames steps over the blocks of a GIF and decompresses nothing. A file that breaks off counts as far as it goes: decoders stop there
// too.
func countFrames(r io.Reader, limits Limits) (frames int, err error) {
	in := bufio.NewReader(r)
	screen := make([]byte, 13) // signature, size, flags, background, aspect
	if _, err := io.ReadFull(in, screen); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	err = skipColours(in, screen[10])
	var pixels int64
	for err == nil {
		var kind byte
		if kind, err = in.ReadByte(); err != nil || kind == gifEnd {
			break
		}
		switch kind {
		case gifExtension:
			_, err = in.ReadByte() // its label
		case gifFrame:
			frames++
			var area int64
			area, err = frameArea(in)
			pixels += area
		}
		if err == nil && kind != 0 {
			err = skipBlocks(in)
		}
		if limits.Frames > 0 && frames > limits.Frames || limits.FramePixels > 0 && pixels > limits.FramePixels {
			return frames, fmt.Errorf("%w: %d with %d pixels", ErrFrames, frames, pixels)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return frames, fmt.Errorf("read frames: %w", err)
	}
	return frames, nil
}

// frameArea reads the head of a frame, up to its data.
func frameArea(in *bufio.Reader) (int64, error) {
	head := make([]byte, 9) // left, top, width, height, flags
	if _, err := io.ReadFull(in, head); err != nil {
		return 0, err
	}
	if err := skipColours(in, head[8]); err != nil {
		return 0, err
	}
	_, err := in.ReadByte() // the size of its codes
	return int64(binary.LittleEndian.Uint16(head[4:])) * int64(binary.LittleEndian.Uint16(head[6:])), err
}

// skipColours steps over a table of colours, if the flags say that there is one.
func skipColours(in *bufio.Reader, flags byte) error {
	if flags&0x80 == 0 {
		return nil
	}
	_, err := in.Discard(3 << (flags&7 + 1))
	return err
}

// skipBlocks steps over blocks of data up to the empty one.
func skipBlocks(in *bufio.Reader) error {
	for {
		length, err := in.ReadByte()
		if err != nil || length == 0 {
			return err
		}
		if _, err := in.Discard(int(length)); err != nil {
			return err
		}
	}
}

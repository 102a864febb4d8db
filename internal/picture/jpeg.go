package picture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// mostScans bounds a progressive JPEG. Cameras and programs make about ten; each of them costs a walk over all pixels, and takes ten bytes.
const mostScans = 100

// boundScans counts the markers that begin a scan. In a picture's data a byte 0xFF is followed by 0, so that it is not mistaken for one.
func boundScans(r io.Reader) error {
	in := bufio.NewReader(r)
	scans, last := 0, byte(0)
	for {
		b, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read scans: %w", err)
		}
		if last == 0xFF && b == 0xDA {
			scans++
		}
		if scans > mostScans {
			return fmt.Errorf("%w: a JPEG of more than %d scans", ErrFrames, mostScans)
		}
		last = b
	}
}

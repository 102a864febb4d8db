package scene

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a payload.
const (
	MaxPayload = 4096 // bytes of JSON, before and after CanonicalJSON
	MaxDepth   = 8    // objects and arrays inside one another
)

// Why a payload cannot be; test with errors.Is.
var (
	ErrPayloadSize  = errors.New("payload is longer than 4096 bytes")
	ErrPayloadDepth = errors.New("payload is nested deeper than 8")
	ErrPayloadKey   = errors.New("payload repeats a key")
	ErrPayloadJSON  = errors.New("payload is not one JSON value in UTF-8")
)

// CanonicalJSON spells a JSON value in the one way that equal values share: keys
// sorted by their bytes, no white space, numbers digit for digit as they came (1
// and 1.0 stay different). Repeated keys, half surrogates and anything after the
// value are refused.
func CanonicalJSON(raw []byte) (string, error) {
	switch {
	case len(raw) > MaxPayload:
		return "", ErrPayloadSize
	case !utf8.Valid(raw) || !json.Valid(raw) || hasLoneSurrogate(raw):
		// note: encoding/json would replace both kinds of bad text by U+FFFD, so
		// that different payloads would look alike.
		return "", ErrPayloadJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var out strings.Builder
	if err := writeValue(&out, decoder, 0); err != nil {
		return "", err
	}
	if out.Len() > MaxPayload {
		return "", ErrPayloadSize
	}
	return out.String(), nil
}

// writeValue copies the next value of the decoder.
func writeValue(out *strings.Builder, decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return badJSON(err)
	}
	if depth >= MaxDepth && (token == json.Delim('{') || token == json.Delim('[')) {
		return ErrPayloadDepth
	}
	switch token {
	case json.Delim('{'):
		return writeObject(out, decoder, depth+1)
	case json.Delim('['):
		return writeArray(out, decoder, depth+1)
	}
	return writeScalar(out, token)
}

// writeObject copies an object whose brace has been read, with its keys sorted.
func writeObject(out *strings.Builder, decoder *json.Decoder, depth int) error {
	fields := map[string]string{}
	var keys []string
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return badJSON(err)
		}
		key, _ := token.(string)
		if _, twice := fields[key]; twice {
			return fmt.Errorf("sort payload: %w", ErrPayloadKey)
		}
		var value strings.Builder
		if err := writeValue(&value, decoder, depth); err != nil {
			return err
		}
		fields[key] = value.String()
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeScalar(out, key); err != nil {
			return err
		}
		out.WriteString(":" + fields[key])
	}
	out.WriteByte('}')
	return skipEnd(decoder)
}

// writeArray copies an array whose bracket has been read.
func writeArray(out *strings.Builder, decoder *json.Decoder, depth int) error {
	out.WriteByte('[')
	for i := 0; decoder.More(); i++ {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeValue(out, decoder, depth); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return skipEnd(decoder)
}

// skipEnd reads the closing brace or bracket.
func skipEnd(decoder *json.Decoder) error {
	if _, err := decoder.Token(); err != nil {
		return badJSON(err)
	}
	return nil
}

// writeScalar spells a string, number, true, false or null.
func writeScalar(out io.Writer, value any) error {
	encoder := json.NewEncoder(&trimNewline{out})
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return badJSON(err)
	}
	return nil
}

// trimNewline drops the line end that an Encoder puts after its value.
type trimNewline struct{ io.Writer }

// Write implements io.Writer.
func (w *trimNewline) Write(p []byte) (int, error) {
	if _, err := w.Writer.Write(bytes.TrimSuffix(p, []byte("\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func badJSON(err error) error { return fmt.Errorf("read payload: %w: %w", ErrPayloadJSON, err) }

package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The errors of a posted body.
var (
	errPayload = errors.New("malformed payload")
	errBinary  = errors.New("binary is not supported")
	errUTF8    = errors.New("not UTF-8")
)

// separator stands between the packets of a payload, version 4. JSON cannot contain it unescaped.
const separator = '\x1e'

// decodePayload cuts a posted body into packets, which are not empty and share the body's memory. With errBinary it
// returns those before the binary one.
func decodePayload(protocol int, body []byte) ([][]byte, error) {
	if !utf8.Valid(body) {
		return nil, errUTF8
	}
	if protocol == 3 {
		return decodePayload3(body)
	}
	return decodePayload4(body)
}

func decodePayload4(body []byte) ([][]byte, error) {
	packets := bytes.Split(body, []byte{separator})
	for i, p := range packets {
		if len(p) == 0 {
			return nil, errPayload
		}
		if p[0] == 'b' {
			return packets[:i], errBinary
		}
	}
	return packets, nil
}

// decodePayload3 reads repeated `<length>:<packet>`. The length counts JavaScript's characters: UTF-16 code units.
func decodePayload3(body []byte) ([][]byte, error) {
	var packets [][]byte
	for len(body) > 0 {
		digits, rest, found := bytes.Cut(body, []byte{':'})
		units, err := strconv.ParseUint(string(digits), 10, 31)
		if !found || err != nil || units == 0 || digits[0] == '+' {
			return nil, fmt.Errorf("%w: length", errPayload)
		}
		size, ok := bytesOfUnits(rest, int(units))
		if !ok {
			return nil, fmt.Errorf("%w: shorter than it says", errPayload)
		}
		if rest[0] == 'b' {
			return packets, errBinary
		}
		packets = append(packets, rest[:size:size])
		body = rest[size:]
	}
	if packets == nil {
		return nil, errPayload
	}
	return packets, nil
}

// bytesOfUnits returns how many bytes of valid UTF-8 make that many UTF-16 code units; false if there are fewer, or a
// character is cut.
func bytesOfUnits(text []byte, units int) (int, bool) {
	at := 0
	for units > 0 {
		if at == len(text) {
			return 0, false
		}
		r, size := utf8.DecodeRune(text[at:])
		at += size
		units -= unitsOf(r)
	}
	return at, units == 0
}

func unitsOf(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// encodePayload joins packets into the answer of a poll.
func encodePayload(protocol int, packets [][]byte) []byte {
	if protocol == 3 {
		return encodePayload3(packets)
	}
	return bytes.Join(packets, []byte{separator})
}

func encodePayload3(packets [][]byte) []byte {
	var out []byte
	for _, p := range packets {
		units := 0
		for _, r := range string(p) {
			units += unitsOf(r)
		}
		out = append(strconv.AppendInt(out, int64(units), 10), ':')
		out = append(out, p...)
	}
	return out
}

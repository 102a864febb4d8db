package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxXML limits a message of API v2, in bytes.
const MaxXML = 64 << 10

// ByteOrderMark may precede a text.
const ByteOrderMark = "\ufeff"

// XMLField is one element of a flat document.
type XMLField struct{ Name, Value string }

// What can be wrong with a body.
var (
	ErrXMLEmpty   = errors.New("the body is empty")
	ErrXMLCoding  = errors.New("the body is not UTF-8")
	ErrXMLTooLong = errors.New("the body is larger than 64 KiB")
	ErrXMLForm    = errors.New("the body is not one root with one level of elements")
	ErrXMLTwice   = errors.New("an element is there twice")
	ErrXMLDTD     = errors.New("the body has a DTD, an instruction, or a comment inside a value")
)

// ParseXML reads a flat document. It refuses a DTD, attributes, nesting and repeated names: a second total_fee is an
// attack. As at WeChat Pay, it accepts any root (SDKs send <request>, <queryRequest> and <closeRequest>), a byte order
// mark, and comments outside of a value.
func ParseXML(body []byte) (map[string]string, error) {
	body = bytes.TrimPrefix(body, []byte(ByteOrderMark))
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return nil, ErrXMLEmpty
	case len(body) > MaxXML:
		return nil, ErrXMLTooLong
	case !utf8.Valid(body):
		return nil, ErrXMLCoding
	}
	r := xmlReader{fields: map[string]string{}}
	dec := xml.NewDecoder(bytes.NewReader(body)) // read token by token; a DTD is refused
	for first := true; ; first = false {
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return r.fields, r.end()
		}
		if err != nil {
			return nil, ErrXMLForm
		}
		if err := r.take(token, first); err != nil {
			return nil, err
		}
	}
}

// xmlReader is the reader's position: before, in and after the root, or in an element.
type xmlReader struct {
	fields map[string]string
	open   []string
	value  strings.Builder
	closed bool
}

// take handles one token.
func (r *xmlReader) take(token xml.Token, first bool) error {
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(t)
	case xml.EndElement:
		return r.finish(t)
	case xml.CharData:
		if len(r.open) == 2 {
			r.value.Write(t)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return ErrXMLForm
		}
		return nil
	case xml.Comment:
		if len(r.open) < 2 {
			return nil
		}
	case xml.ProcInst:
		if first && t.Target == "xml" {
			return nil
		}
	}
	return ErrXMLDTD
}

// start opens the root or an element in it.
func (r *xmlReader) start(t xml.StartElement) error {
	switch {
	case len(t.Attr) > 0, t.Name.Space != "", len(r.open) > 1, len(r.open) == 0 && r.closed:
		return ErrXMLForm
	}
	if _, twice := r.fields[t.Name.Local]; twice && len(r.open) == 1 {
		return ErrXMLTwice
	}
	r.open = append(r.open, t.Name.Local)
	r.value.Reset()
	return nil
}

// finish closes what start opened.
func (r *xmlReader) finish(t xml.EndElement) error {
	last := len(r.open) - 1
	if last < 0 || t.Name.Space != "" || r.open[last] != t.Name.Local {
		return ErrXMLForm
	}
	if last == 1 {
		r.fields[t.Name.Local] = r.value.String()
	}
	r.open = r.open[:last]
	r.closed = last == 0
	return nil
}

// end demands exactly one root, closed.
func (r *xmlReader) end() error {
	if !r.closed || len(r.open) > 0 {
		return ErrXMLForm
	}
	return nil
}

// EncodeXML writes a document without empty fields. Amounts and counts are bare, everything else is in CDATA.
func EncodeXML(root string, list []XMLField) []byte {
	var out bytes.Buffer
	out.WriteString("<" + root + ">")
	for _, f := range list {
		switch {
		case f.Value == "":
		case isAmount(f.Name) && strings.Trim(f.Value, Digits) == "":
			out.WriteString("<" + f.Name + ">" + f.Value + "</" + f.Name + ">\n")
		default:
			out.WriteString("<" + f.Name + "><![CDATA[" + CDATA(f.Value) + "]]></" + f.Name + ">\n")
		}
	}
	out.WriteString("</" + root + ">")
	return out.Bytes()
}

// isAmount accepts names such as total_fee, coupon_fee_0 and coupon_count.
func isAmount(name string) bool {
	return strings.Contains(name+"_", "_fee_") && !strings.HasSuffix(name, "_type") || strings.HasSuffix(name, "_count")
}

// CDATA prepares text for a CDATA section: its end mark is split, and characters that XML cannot hold are replaced.
func CDATA(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return utf8.RuneError
		}
		return r
	}, text)
	return strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>")
}

// FieldMap is the document as a map without empty fields.
func FieldMap(list []XMLField) map[string]string {
	m := make(map[string]string, len(list))
	for _, f := range list {
		if f.Value != "" {
			m[f.Name] = f.Value
		}
	}
	return m
}

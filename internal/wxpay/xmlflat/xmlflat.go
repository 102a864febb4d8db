// Package xmlflat reads and writes the flat XML of WeChat Pay API v2: one root, one level of elements below it, and
// only text in them.
//
// It is stricter than XML. It refuses everything that can be read in two ways, or that makes a parser fetch, expand or
// recurse: WeChat never sends it, and with it attackers read files and forged notifications at notify URLs.
//
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=23_5 (XML解析存在的安全问题指引).
package xmlflat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes limits a document.
	MaxBytes = 64 << 10

	maxNameLen = 64
)

// byteOrderMark may precede a document; it has no meaning in UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// IsXML tells whether a body begins like XML, after blanks and a byte order mark.
func IsXML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark)), []byte("<"))
}

// ErrMalformed is wrapped by every refusal to read.
var ErrMalformed = errors.New("XML is not the flat kind")

// Decode reads a document whose root is xml, or root as inside req_info. It resolves CDATA and entities and keeps
// blanks: signatures cover the values in this form.
//
// It refuses more than MaxBytes, a document type or any other directive, processing instructions after the beginning,
// comments, attributes, name spaces, nested elements, a repeated element, text between elements, entities that XML does
// not define, bytes that are not UTF-8, and a document without elements.
func Decode(doc []byte) (map[string]string, error) {
	doc = bytes.TrimPrefix(doc, byteOrderMark)
	if len(doc) > MaxBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxBytes)
	}
	// note: strict is the default; it resolves the five entities of XML only.
	tokens, r := xml.NewDecoder(bytes.NewReader(doc)), reader{fields: map[string]string{}}
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: it does not parse", ErrMalformed)
		}
		if err := r.take(token); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	if !r.closed || len(r.fields) == 0 {
		return nil, fmt.Errorf("%w: it has no elements", ErrMalformed)
	}
	return r.fields, nil
}

// reader is the state of reading a document.
type reader struct {
	fields map[string]string
	begun  bool // a token has been read
	depth  int  // 0 outside, 1 in the root, 2 in an element
	closed bool // the root is complete
	value  strings.Builder
}

func (r *reader) take(token xml.Token) error {
	first := !r.begun
	r.begun = true
	switch t := token.(type) {
	case xml.StartElement:
		return r.open(t)
	case xml.EndElement:
		return r.end(t.Name.Local)
	case xml.CharData:
		return r.text(t)
	case xml.ProcInst:
		if !first || t.Target != "xml" {
			return errors.New("a processing instruction")
		}
		return nil
	default:
		// NB! a document type declares entities: local files, other hosts, billions of laughs.
		return errors.New("a directive or a comment")
	}
}

func (r *reader) open(e xml.StartElement) error {
	name := e.Name.Local
	switch {
	case e.Name.Space != "" || len(e.Attr) > 0 || checkName(name) != nil:
		return errors.New("an element that is not a plain name")
	case r.depth == 0 && (r.closed || name != "xml" && name != "root"):
		return errors.New("a root that is another or a second one")
	case r.depth == 2:
		return errors.New("an element inside an element")
	}
	if _, have := r.fields[name]; r.depth == 1 && have {
		// NB! of two total_fee, one program reads the first and another the last.
		return errors.New("an element twice")
	}
	r.depth++
	r.value.Reset()
	return nil
}

func (r *reader) end(name string) error {
	if r.depth == 2 {
		r.fields[name] = r.value.String()
	}
	r.depth--
	r.closed = r.depth == 0
	return nil
}

func (r *reader) text(chars []byte) error {
	if r.depth == 2 {
		r.value.Write(chars)
		return nil
	}
	if len(bytes.Trim(chars, " \t\r\n")) > 0 {
		return errors.New("text between elements")
	}
	return nil
}

// Encode writes fields under the root xml, sorted by name, without white space. It omits empty values, as signatures
// do. It refuses names other than letters, digits and underscores, and values that XML cannot express.
func Encode(fields map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("<xml>")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		if value == "" {
			continue
		}
		if err := errors.Join(checkName(name), checkValue(value)); err != nil {
			return nil, fmt.Errorf("write element: %w", err)
		}
		b.WriteString("<" + name + "><![CDATA[" + escape(value) + "]]></" + name + ">")
	}
	b.WriteString("</xml>")
	return b.Bytes(), nil
}

// escape writes what CDATA cannot contain outside of it. A parser turns a bare \r into \n, and the signature would
// fail.
func escape(value string) string {
	return strings.NewReplacer("]]>", "]]]]><![CDATA[>", "\r", "]]>&#13;<![CDATA[").Replace(value)
}

func checkName(name string) error {
	if name == "" || len(name) > maxNameLen || name[0] >= '0' && name[0] <= '9' {
		return errors.New("name is not one of an element")
	}
	for _, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' {
			return errors.New("name must consist of letters, digits and underscores")
		}
	}
	return nil
}

// checkValue refuses what an XML document cannot contain, even escaped.
func checkValue(value string) error {
	if !utf8.ValidString(value) {
		return errors.New("value is not UTF-8")
	}
	for _, c := range value {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff' {
			return errors.New("value has a control character")
		}
	}
	return nil
}

package wechat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

var errNotOurXML = errors.New("it is XML of another kind")

// parsePushXML reads a document whose root is xml: elements with text or elements in them. A repeated element makes a
// list. Values are strings, with CDATA and the five entities resolved.
//
// It is stricter than XML: it refuses document types and other directives, comments, processing instructions after the
// beginning, attributes, name spaces, text beside elements, and more than pushDepth levels. Pushes never have these,
// and with them attackers make parsers fetch, expand and recurse.
func parsePushXML(body []byte) (map[string]any, error) {
	r := xmlReader{tokens: xml.NewDecoder(bytes.NewReader(body))} //nolint:gosec // only tokens, and only few kinds
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	v, err := r.element(1)
	if err != nil {
		return nil, err
	}
	fields, ok := v.(map[string]any)
	if !ok || root != "xml" {
		return nil, errNotOurXML
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		return nil, errNotOurXML
	}
	return fields, nil
}

type xmlReader struct{ tokens *xml.Decoder }

// next returns the next token, and skips blanks outside the root.
func (r xmlReader) next() (xml.Token, error) {
	for {
		token, err := r.tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, errNotOurXML // the cause may quote the content
		}
		if text, is := token.(xml.CharData); is && blank(text) {
			continue
		}
		return token, nil
	}
}

// root reads an optional declaration and the first element, and returns its name.
func (r xmlReader) root() (string, error) {
	token, err := r.next()
	if declaration, is := token.(xml.ProcInst); is && err == nil && declaration.Target == "xml" {
		token, err = r.next()
	}
	if err != nil {
		return "", errNotOurXML
	}
	start, is := token.(xml.StartElement)
	if !is || !plainElement(start) {
		return "", errNotOurXML
	}
	return start.Name.Local, nil
}

// element reads the content of an element whose start was read: a string, or a map if it has elements.
func (r xmlReader) element(depth int) (any, error) {
	var text strings.Builder
	var children map[string]any
	for {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, errNotOurXML
		}
		switch t := token.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			if !plainElement(t) || depth >= pushDepth {
				return nil, errNotOurXML
			}
			child, err := r.element(depth + 1)
			if err != nil {
				return nil, err
			}
			if children == nil {
				children = map[string]any{}
			}
			add(children, t.Name.Local, child)
		case xml.EndElement:
			if children == nil {
				return text.String(), nil
			}
			if !blank([]byte(text.String())) {
				return nil, errNotOurXML
			}
			return children, nil
		default:
			// NB! a document type declares entities: local files, other hosts, billions of laughs.
			return nil, errNotOurXML
		}
	}
}

// add makes a list of a repeated element. A child is a string or a map, so only add makes lists.
func add(to map[string]any, name string, child any) {
	switch have := to[name].(type) {
	case nil:
		to[name] = child
	case []any:
		to[name] = append(have, child)
	default:
		to[name] = []any{have, child}
	}
}

// plainElement accepts only a short name of letters, digits, "_" and "-" in the tag.
func plainElement(e xml.StartElement) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	name := e.Name.Local
	return e.Name.Space == "" && len(e.Attr) == 0 && len(name) <= 64 && strings.Trim(name, letters+"0123456789_-") == ""
}

func blank(text []byte) bool { return len(bytes.Trim(text, " \t\r\n")) == 0 }

package xmlflat_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"wxbase/internal/wxpay/xmlflat"
)

func TestDecodeReads(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, doc string
		want      map[string]string
	}{
		{"CDATA and bare numbers", "<xml><attach><![CDATA[支付测试]]></attach><total_fee>1</total_fee></xml>", map[string]string{"attach": "支付测试", "total_fee": "1"}},
		{"lines and blanks between elements", "<xml>\r\n  <a>1</a>\n\t<b>2</b>\n</xml>\n", map[string]string{"a": "1", "b": "2"}},
		{"blanks inside elements", "<xml><a> 1 </a></xml>", map[string]string{"a": " 1 "}},
		{"an empty element, both ways", "<xml><a></a><b/></xml>", map[string]string{"a": "", "b": ""}},
		{"the declaration", `<?xml version="1.0" encoding="UTF-8"?><xml><a>1</a></xml>`, map[string]string{"a": "1"}},
		{"a byte order mark", "\ufeff<xml><a>1</a></xml>", map[string]string{"a": "1"}},
		{"the root of req_info", "<root><a>1</a></root>", map[string]string{"a": "1"}},
		{"the entities of XML", "<xml><a>&lt;&amp;&#20803;&#x5143;&gt;</a></xml>", map[string]string{"a": "<&元元>"}},
		{"tags inside CDATA are text", "<xml><a><![CDATA[<b>1</b>&amp;]]></a></xml>", map[string]string{"a": "<b>1</b>&amp;"}},
		{"CDATA in pieces", "<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>", map[string]string{"a": "x]]>y"}},
		{"an element called like the root", "<xml><xml>1</xml></xml>", map[string]string{"xml": "1"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := xmlflat.Decode([]byte(s.doc))
			if err != nil || !maps.Equal(got, s.want) {
				t.Errorf("got %q, %v, want %q", got, err, s.want)
			}
		})
	}
}

// hostile is XML that an attacker posts to a notify URL.
func hostile() map[string]string {
	return map[string]string{
		"an external entity":           `<?xml version="1.0"?><!DOCTYPE foo [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>`,
		"a document type by itself":    `<!DOCTYPE xml><xml><a>1</a></xml>`,
		"a remote document type":       `<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml><a>1</a></xml>`,
		"a billion laughs":             `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]><xml><a>&c;</a></xml>`,
		"a directive inside":           `<xml><!ELEMENT a ANY><a>1</a></xml>`,
		"an entity nobody knows":       `<xml><a>&nbsp;</a></xml>`,
		"an element twice":             `<xml><total_fee>1</total_fee><total_fee>100</total_fee></xml>`,
		"an element twice, once empty": `<xml><sign/><sign>A</sign></xml>`,
		"an element in an element":     `<xml><a><b>1</b></a></xml>`,
		"an element in a text":         `<xml><a>1<b/></a></xml>`,
		"another root":                 `<html><a>1</a></html>`,
		"a second root":                `<xml><a>1</a></xml><xml><b>2</b></xml>`,
		"text after the root":          `<xml><a>1</a></xml>x`,
		"text before the root":         `x<xml><a>1</a></xml>`,
		"two byte order marks":         "\ufeff\ufeff<xml><a>1</a></xml>",
		"a byte order mark inside":     "<xml>\ufeff<a>1</a></xml>",
		"text between elements":        `<xml>1<a>1</a></xml>`,
		"CDATA between elements":       `<xml><![CDATA[1]]><a>1</a></xml>`,
		"an attribute":                 `<xml><a b="1">1</a></xml>`,
		"an attribute of the root":     `<xml version="1"><a>1</a></xml>`,
		"a name space":                 `<xml xmlns="urn:x"><a>1</a></xml>`,
		"a prefix":                     `<xml><x:a>1</x:a></xml>`,
		"a name with a dot":            `<xml><a.b>1</a.b></xml>`,
		"a name of another script":     `<xml><金额>1</金额></xml>`,
		"a name that is too long":      `<xml><` + strings.Repeat("a", 65) + `>1</` + strings.Repeat("a", 65) + `></xml>`,
		"a comment":                    `<xml><total_fee>1<!-- -->00</total_fee></xml>`,
		"a processing instruction":     `<?php echo 1 ?><xml><a>1</a></xml>`,
		"a late declaration":           `<xml><?xml version="1.0"?><a>1</a></xml>`,
		"another encoding":             `<?xml version="1.0" encoding="GBK"?><xml><a>1</a></xml>`,
		"bytes that are not UTF-8":     "<xml><a>\xff\xfe</a></xml>",
		"a zero byte":                  "<xml><a>\x00</a></xml>",
		"a zero byte as an entity":     "<xml><a>&#0;</a></xml>",
		"an end without a beginning":   `<xml><a>1</b></xml>`,
		"no end":                       `<xml><a>1</a>`,
		"no end of CDATA":              `<xml><a><![CDATA[1</a></xml>`,
		"no elements":                  `<xml></xml>`,
		"blanks":                       " \n ",
		"nothing":                      ``,
		"JSON":                         `{"a":1}`,
		"a long document":              `<xml><a>` + strings.Repeat("x", xmlflat.MaxBytes) + `</a></xml>`,
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, doc := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := xmlflat.Decode([]byte(doc))
			if !errors.Is(err, xmlflat.ErrMalformed) || got != nil {
				t.Errorf("got %q, %v, want it refused", got, err)
			}
		})
	}
}

func TestDecodeTakesTheLongestDocument(t *testing.T) {
	t.Parallel()
	doc := "<xml><a>" + strings.Repeat("x", xmlflat.MaxBytes-len("<xml><a></a></xml>")) + "</a></xml>"
	if _, err := xmlflat.Decode([]byte(doc)); err != nil {
		t.Errorf("got %v for %d bytes, want it read", err, len(doc))
	}
	if _, err := xmlflat.Decode([]byte(doc + " ")); err == nil {
		t.Errorf("got no error for %d bytes, want it refused", len(doc)+1)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	doc, err := xmlflat.Encode(map[string]string{"return_msg": "OK", "return_code": "SUCCESS", "attach": ""})
	const want = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"
	if err != nil || string(doc) != want {
		t.Errorf("got %s, %v, want %s", doc, err, want)
	}
	scenarios := map[string]map[string]string{
		"no name":                   {"": "1"},
		"a tag for a name":          {"a><b": "1"},
		"a digit first":             {"1a": "1"},
		"a value that is not UTF-8": {"a": "\xff"},
		"a control character":       {"a": "\x0b"},
		"a zero byte":               {"a": "1\x00"},
		"no character":              {"a": "\uffff"},
	}
	for name, fields := range scenarios {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			if doc, err := xmlflat.Encode(fields); err == nil {
				t.Errorf("got %s, want it refused", doc)
			}
		})
	}
}

// FuzzDecode tries any document: what Decode reads must survive Encode and Decode unchanged.
func FuzzDecode(f *testing.F) {
	for _, doc := range hostile() {
		if len(doc) < 1000 {
			f.Add([]byte(doc))
		}
	}
	f.Add([]byte("<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a><b>2&#13;\r\n</b></xml>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := xmlflat.Decode(doc)
		if err != nil {
			if got != nil || !errors.Is(err, xmlflat.ErrMalformed) {
				t.Errorf("got %q, %v, want a refusal", got, err)
			}
			return
		}
		maps.DeleteFunc(got, func(_, value string) bool { return value == "" })
		if len(got) > 0 {
			wantRoundTrip(t, got)
		}
	})
}

// FuzzEncode tries any value: what Encode writes must decode unchanged.
func FuzzEncode(f *testing.F) {
	f.Add("attach", "三鲜面 & <b>2</b> ]]> 份\r\n\t")
	f.Add("a]]>", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		fields := map[string]string{name: value}
		if doc, err := xmlflat.Encode(fields); err == nil && value != "" && len(doc) <= xmlflat.MaxBytes {
			wantRoundTrip(t, fields)
		}
	})
}

func wantRoundTrip(t *testing.T, fields map[string]string) {
	t.Helper()
	doc, err := xmlflat.Encode(fields)
	if err != nil {
		t.Fatalf("got %v for %q, want it written", err, fields)
	}
	if len(doc) > xmlflat.MaxBytes {
		return // CDATA and escapes make it longer than the input
	}
	again, err := xmlflat.Decode(doc)
	if err != nil || !maps.Equal(again, fields) {
		t.Errorf("got %q, %v, want %q", again, err, fields)
	}
}

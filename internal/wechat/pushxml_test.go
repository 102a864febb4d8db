package wechat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

// openXML opens a plain document and returns its fields as JSON.
func openXML(tb testing.TB, doc string) (string, error) {
	tb.Helper()
	config := pushConfig()
	config.AESKey = ""
	m, err := codec(tb, config).Open(plainQuery(), []byte(doc), pushTime)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(m.Fields)
	return string(text), err
}

func TestPushXMLReads(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, doc, want string }{
		{"CDATA, bare text, and nothing", "<a><![CDATA[<b>&amp;]]></a><c>1</c><d/><e></e>", `"a":"\u003cb\u003e\u0026amp;","c":"1","d":"","e":""`},
		{"the entities of XML", "<a>&lt;&amp;&#20803;</a>", `"a":"\u003c\u0026元"`},
		{"lines between elements", "\r\n<a>\n<b>1</b>\n</a>", `"a":{"b":"1"}`},
		{"a list of two", "<a>1</a><a>2</a>", `"a":["1","2"]`},
		{"a list of three, apart", "<a>1</a><b>x</b><a>2</a><a><c>3</c></a>", `"a":["1","2",{"c":"3"}],"b":"x"`},
		{"a list within", "<r><l><a>1</a></l><l><a>2</a></l></r>", `"r":{"l":[{"a":"1"},{"a":"2"}]}`},
		{"a subscribe event of one", "<SubscribeMsgPopupEvent><List><TemplateId>T</TemplateId></List></SubscribeMsgPopupEvent>", `"List":[{"TemplateId":"T"}]`},
		{"a subscribe event of two", "<SubscribeMsgSentEvent><List><a>1</a></List><List><a>2</a></List></SubscribeMsgSentEvent>", `"List":[{"a":"1"},{"a":"2"}]`},
		{"an empty wrapper", "<SubscribeMsgChangeEvent></SubscribeMsgChangeEvent>", `"SubscribeMsgChangeEvent":""`},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := openXML(t, "<xml><MsgType>zzz</MsgType>"+s.doc+"</xml>")
			inner := strings.Replace(strings.Replace(got, `"MsgType":"zzz",`, "", 1), `,"MsgType":"zzz"`, "", 1)
			if err != nil || inner != "{"+s.want+"}" {
				t.Errorf("got %s, %v, want %s", inner, err, s.want)
			}
		})
	}
}

// hostileXML is XML that an attacker posts. Each would be a valid message without its hostile part.
func hostileXML() map[string]string {
	nested := strings.Repeat("<a>", 16) + "1" + strings.Repeat("</a>", 16)
	return map[string]string{
		"an external entity":       `<?xml version="1.0"?><!DOCTYPE foo [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><MsgType>&e;</MsgType></xml>`,
		"a document type":          `<!DOCTYPE xml><xml><MsgType>text</MsgType></xml>`,
		"a remote document type":   `<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml><MsgType>text</MsgType></xml>`,
		"a billion laughs":         `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><MsgType>&b;</MsgType></xml>`,
		"a directive inside":       `<xml><!ELEMENT a ANY><MsgType>text</MsgType></xml>`,
		"an entity nobody knows":   `<xml><MsgType>&nbsp;</MsgType></xml>`,
		"another root":             `<html><MsgType>text</MsgType></html>`,
		"a second root":            `<xml><MsgType>text</MsgType></xml><xml><MsgType>text</MsgType></xml>`,
		"text after the root":      `<xml><MsgType>text</MsgType></xml>x`,
		"text between elements":    `<xml>1<MsgType>text</MsgType></xml>`,
		"text beside an element":   `<xml><MsgType>text</MsgType><a>1<b>2</b></a></xml>`,
		"an attribute":             `<xml><MsgType a="1">text</MsgType></xml>`,
		"an attribute of the root": `<xml version="1"><MsgType>text</MsgType></xml>`,
		"a name space":             `<xml xmlns="urn:x"><MsgType>text</MsgType></xml>`,
		"a prefix":                 `<xml><x:MsgType>text</x:MsgType></xml>`,
		"a name of another script": `<xml><MsgType>text</MsgType><金额>1</金额></xml>`,
		"a name that is too long":  `<xml><MsgType>text</MsgType><` + strings.Repeat("a", 65) + `/></xml>`,
		"a comment":                `<xml><MsgType>te<!-- -->xt</MsgType></xml>`,
		"an instruction":           `<?php echo 1 ?><xml><MsgType>text</MsgType></xml>`,
		"a late declaration":       `<xml><?xml version="1.0"?><MsgType>text</MsgType></xml>`,
		"two declarations":         `<?xml version="1.0"?><?xml version="1.0"?><xml><MsgType>text</MsgType></xml>`,
		"another encoding":         `<?xml version="1.0" encoding="GBK"?><xml><MsgType>text</MsgType></xml>`,
		"a zero byte as an entity": `<xml><MsgType>text</MsgType><a>&#0;</a></xml>`,
		"an end of another":        `<xml><MsgType>text</Event></xml>`,
		"no end":                   `<xml><MsgType>text</MsgType>`,
		"no end of CDATA":          `<xml><MsgType><![CDATA[text</MsgType></xml>`,
		"no elements":              `<xml>text</xml>`,
		"only a declaration":       `<?xml version="1.0"?>`,
		"17 levels":                `<xml><MsgType>text</MsgType>` + nested + `</xml>`,
		"10 000 levels":            strings.Repeat("<xml>", 10_000),
	}
}

func TestPushXMLRefuses(t *testing.T) {
	t.Parallel()
	for name, doc := range hostileXML() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := openXML(t, doc)
			if !errors.Is(err, wechat.ErrPushMalformed) || strings.Contains(err.Error(), "passwd") {
				t.Errorf("got %s, %v, want it refused", got, err)
			}
		})
	}
}

func TestPushXMLDepth(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("<a>", 15) + "1" + strings.Repeat("</a>", 15)
	if got, err := openXML(t, "<xml><MsgType>text</MsgType>"+nested+"</xml>"); err != nil {
		t.Errorf("got %s, %v for 16 levels, want it read", got, err)
	}
}

// FuzzPushXML tries any document. An accepted one must survive the conversion to JSON.
func FuzzPushXML(f *testing.F) {
	for _, doc := range hostileXML() {
		if len(doc) < 1000 {
			f.Add(doc)
		}
	}
	f.Add(textXML)
	f.Add("<xml><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><a>1</a></List></SubscribeMsgPopupEvent></xml>")
	config := pushConfig()
	config.AESKey = ""
	f.Fuzz(func(t *testing.T, doc string) {
		c := codec(t, config)
		m, err := c.Open(plainQuery(), []byte(doc), pushTime)
		if err != nil {
			return
		}
		views(t, m)
		again, err := c.Open(plainQuery(), m.Raw, pushTime)
		if len(m.Raw) <= wechat.PushLimit && (err != nil || again.DedupeKey() != m.DedupeKey()) {
			t.Errorf("got %v and key %s out of %s, want %s", err, again.DedupeKey(), m.Raw, m.DedupeKey())
		}
	})
}

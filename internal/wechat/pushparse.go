package wechat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// pushDepth limits the nesting of a push; real ones have four levels.
const pushDepth = 16

// parsePush reads JSON or XML. It ignores Content-Type, which is often wrong.
func parsePush(body []byte) (map[string]any, PushFormat, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if !utf8.Valid(body) {
		return nil, "", fmt.Errorf("%w: it is not UTF-8", ErrPushMalformed) // encoding/json would repair it silently
	}
	var fields map[string]any
	var format PushFormat
	var err error
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		fields, err = parsePushJSON(body)
		format = PushJSON
	case bytes.HasPrefix(body, []byte("<")):
		fields, err = parsePushXML(body)
		format = PushXML
	default:
		err = errors.New("it is neither JSON nor XML")
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrPushMalformed, err)
	}
	flatten(fields)
	return fields, format, nil
}

func parsePushJSON(body []byte) (map[string]any, error) {
	var fields map[string]any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // message ids have more digits than a float64
	if err := dec.Decode(&fields); err != nil {
		return nil, errors.New("it is not JSON") // the cause may quote the content
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it goes on after its end")
	}
	if deeper(fields, pushDepth) {
		return nil, errors.New("it is nested too deep")
	}
	return fields, nil
}

// deeper reports that a value has more levels than allowed.
func deeper(v any, levels int) bool {
	if levels == 0 {
		return true
	}
	switch t := v.(type) {
	case map[string]any:
		for _, child := range t {
			if deeper(child, levels-1) {
				return true
			}
		}
	case []any:
		for _, child := range t {
			if deeper(child, levels-1) {
				return true
			}
		}
	}
	return false
}

// flatten gives XML the shape of JSON, where the list of the subscribe events is at the top, and turns a single entry,
// which both formats collapse, into a list.
func flatten(fields map[string]any) {
	for _, wrapper := range []string{"SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent"} {
		inner, _ := fields[wrapper].(map[string]any)
		if list, has := inner["List"]; has && fields["List"] == nil {
			fields["List"] = list
			delete(fields, wrapper)
		}
	}
	if list, isMap := fields["List"].(map[string]any); isMap {
		fields["List"] = []any{list}
	}
}

// fill sets the common fields of a message. plain is its decrypted text.
func (m PushMessage) fill(query url.Values, plain []byte) (PushMessage, error) {
	texts := map[string]*string{
		"ToUserName": &m.ToUserName, "FromUserName": &m.FromUserName, "MsgType": &m.MsgType, "Event": &m.Event, "MsgId": &m.MsgID,
	}
	for name, to := range texts {
		text, ok := scalar(m.Fields[name])
		if !ok {
			return PushMessage{}, fmt.Errorf("%w: %s is not text", ErrPushMalformed, name)
		}
		*to = text
	}
	if m.MsgType == "" || m.MsgType == "event" && m.Event == "" {
		return PushMessage{}, fmt.Errorf("%w: it does not say what it is", ErrPushMalformed)
	}
	created, ok := scalar(m.Fields["CreateTime"])
	seconds, err := strconv.ParseInt(strings.TrimSpace(created), 10, 64)
	if !ok || err != nil && created != "" {
		return PushMessage{}, fmt.Errorf("%w: CreateTime is not a time", ErrPushMalformed)
	}
	if created != "" {
		m.CreateTime = time.Unix(seconds, 0).UTC()
	}
	m.nonce = query.Get("nonce")
	m.Raw, err = rawOf(plain, m.Fields)
	return m, err
}

// scalar reads text, or a number as text; absent is empty. It refuses lists and objects, so a field that is repeated in
// XML is refused.
func scalar(v any) (text string, ok bool) {
	switch t := v.(type) {
	case nil:
		return "", true
	case string:
		return t, true
	case json.Number:
		return t.String(), true
	}
	return "", false
}

// rawOf is the message as JSON.
func rawOf(plain []byte, fields map[string]any) (json.RawMessage, error) {
	plain = bytes.TrimSpace(bytes.TrimPrefix(plain, []byte("\ufeff")))
	if bytes.HasPrefix(plain, []byte("{")) {
		return bytes.Clone(plain), nil
	}
	return encode(fields)
}

func (m PushMessage) dedupeKey() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", m.AppID)
	if m.MsgID != "" && m.MsgType != "event" {
		fmt.Fprintf(h, "id%qfrom%q", m.MsgID, m.FromUserName) // messages of two people have been seen with one number
		return "push:" + hex.EncodeToString(h.Sum(nil)[:20])
	}
	// note: encoding/json sorts the keys, so the order in a repetition does not matter.
	if text, err := encode(m.Fields); err == nil {
		h.Write(text)
	}
	return "push:" + hex.EncodeToString(h.Sum(nil)[:20])
}

// into reads the fields into a struct with lenient types. It skips empty texts, which XML writes for absent ones.
func (m PushMessage) into(out any) error {
	fields := maps.Clone(m.Fields)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == "" })
	text, err := encode(fields)
	if err != nil {
		return err
	}
	return decode(text, out)
}

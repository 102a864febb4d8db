package sim

import (
	"bytes"
	"encoding/json"
	"fmt"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

const (
	formatPush = "push"  // of a notification
	msgEvent   = "event" // the MsgType of everything that is not typed by a person

	eventPopup      = "subscribe_msg_popup_event"
	eventChange     = "subscribe_msg_change_event"
	eventSent       = "subscribe_msg_sent_event"
	eventMediaCheck = "wxa_media_check"
	eventSettlement = "trade_manage_order_settlement"
)

// pushMessage is one message or event for a mini program's backend, before encoding.
type pushMessage struct {
	AppID      string     `json:"appid"`
	To         string     `json:"to"`   // the mini program's gh_...
	From       string     `json:"from"` // an openid
	CreateTime int64      `json:"createTime"`
	MsgType    string     `json:"msgType"`
	Event      string     `json:"event,omitempty"`
	Fields     pushFields `json:"fields"`
}

// pushFields are the other fields, as JSON.
type pushFields map[string]any

// UnmarshalJSON keeps numbers as written: a MsgId has more digits than a float64 holds.
func (p *pushFields) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode((*map[string]any)(p))
}

// name is the message's name in the books.
func (m *pushMessage) name() string { return or(m.Event, m.MsgType) }

// pushField is one element in its place.
type pushField struct {
	name  string
	value any
}

// list returns the message's elements: the common ones first, then the rest by name. A field with a common name
// replaces it.
func (m *pushMessage) list() []pushField {
	common := []pushField{
		{"ToUserName", m.To}, {"FromUserName", m.From}, {"CreateTime", m.CreateTime}, {"MsgType", m.MsgType}, {"Event", m.Event},
	}
	out := make([]pushField, 0, len(common)+len(m.Fields))
	for _, f := range common {
		if _, own := m.Fields[f.name]; !own && f.value != "" {
			out = append(out, f)
		}
	}
	for _, name := range sortedKeys(m.Fields) {
		out = append(out, pushField{name, m.Fields[name]})
	}
	return out
}

// encode writes the message as JSON or XML.
func (m *pushMessage) encode(format string) []byte {
	if format == PushXML {
		return m.xml()
	}
	return m.json()
}

// json writes the elements in order. note: in the subscribe events every value is text, and a list of one becomes its
// element.
func (m *pushMessage) json() []byte {
	list := m.list()
	if wrapperOf(m.Event) != "" {
		for i := range list {
			list[i].value = asText(list[i].value)
		}
	}
	return jsonObject(list)
}

// jsonObject writes fields in their order.
func jsonObject(list []pushField) []byte {
	out := bytes.NewBufferString("{")
	for i, f := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(encode(f.name))
		out.WriteByte(':')
		out.Write(encode(f.value))
	}
	out.WriteByte('}')
	return out.Bytes()
}

// asText turns numbers into text at any depth, and a list of one into its element.
func asText(value any) any {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = asText(inner)
		}
		return out
	case []any:
		if len(v) == 1 {
			return asText(v[0])
		}
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = asText(inner)
		}
		return out
	}
	return fmt.Sprint(value)
}

// wrapperOf is the XML element around the list of a subscribe event, empty for other events.
func wrapperOf(event string) string {
	switch event {
	case eventPopup:
		return "SubscribeMsgPopupEvent"
	case eventChange:
		return "SubscribeMsgChangeEvent"
	case eventSent:
		return "SubscribeMsgSentEvent"
	}
	return ""
}

// xml writes text in CDATA and numbers bare. Lists are repeated elements.
func (m *pushMessage) xml() []byte {
	out := bytes.NewBufferString("<xml>")
	wrapper := wrapperOf(m.Event)
	for _, f := range m.list() {
		if f.name == "List" && wrapper != "" {
			f = pushField{wrapper, map[string]any{"List": f.value}}
		}
		writeElement(out, f.name, f.value)
	}
	out.WriteString("</xml>")
	return out.Bytes()
}

// writeElement writes one element, or one for each entry of a list.
func writeElement(out *bytes.Buffer, name string, value any) {
	if list, many := value.([]any); many {
		for _, inner := range list {
			writeElement(out, name, inner)
		}
		return
	}
	out.WriteString("<" + name + ">")
	switch v := value.(type) {
	case string:
		out.WriteString("<![CDATA[" + wire.CDATA(v) + "]]>")
	case map[string]any:
		for _, inner := range sortedKeys(v) {
			writeElement(out, inner, v[inner])
		}
	case nil:
	default:
		fmt.Fprint(out, v)
	}
	out.WriteString("</" + name + ">")
}

// newPush is a notification of a message to the mini program's backend, due at once; nil without a push. WeChat itself
// is the sender of an event without a person. The caller holds s.mu.
func (s *Sim) newPush(m pushMessage) *notification {
	app, _ := s.findApp(m.AppID)
	set := s.pushOf(app)
	if set.PushURL == "" {
		return nil
	}
	now := s.Now()
	m.To, m.From = originalID(m.AppID), or(m.From, systemOpenID(m.AppID))
	if m.CreateTime == 0 {
		m.CreateTime = now.Unix()
	}
	n := newNotification(m.name(), formatPush, set.PushURL, now)
	n.AppID, n.Push = m.AppID, &m
	return n
}

// newEvent is newPush of an event.
func (s *Sim) newEvent(appid, from, event string, fields pushFields) *notification {
	return s.newPush(pushMessage{AppID: appid, From: from, MsgType: msgEvent, Event: event, Fields: fields})
}

// saveWith stores rows and the notifications that are not nil, in one write, and sends them. The caller holds s.mu.
func (s *Sim) saveWith(rows []book.Row, notes ...*notification) error {
	for _, n := range notes {
		if n != nil {
			rows = append(rows, n)
		}
	}
	if err := s.save(rows...); err != nil {
		return err
	}
	for _, n := range notes {
		if n != nil {
			s.state.addNotification(n)
		}
	}
	s.wakeWorker()
	return nil
}

// newMsgID is a number of 19 digits.
func newMsgID() json.Number { return json.Number("18" + wire.Pick(wire.Digits, 17)) }

// systemOpenID is the sender of WeChat's own events: 28 characters, derived from the appid.
func systemOpenID(appid string) string { return "oSYSTEM" + originalID(appid)[3:] + "_WeChat00" }

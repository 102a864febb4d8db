package sim

import (
	"net/http"
	"regexp"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// handPush is the body of POST /_sim/push.
type handPush struct {
	AppID      string     `json:"appid"`
	Person     string     `json:"person"` // the sender; by default WeChat itself
	MsgType    string     `json:"msgType"`
	Event      string     `json:"event"`
	CreateTime int64      `json:"createTime"` // Unix seconds, now by default
	Fields     pushFields `json:"fields"`
}

// fieldName is the name of an XML element.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// deepestField limits the nesting of a message's fields.
const deepestField = 6

// pushByHand is POST /_sim/push: any message or event, such as {"person": "p1", "msgType": "text", "fields":
// {"Content": "在吗"}} or {"event": "trade_manage_remind_shipping", "fields": {...}}. It is delivered like all others:
// see GET /_sim/notifications. Without a pushUrl it is 409.
func (s *Sim) pushByHand(c *echo.Context) error {
	var in handPush
	if err := readInput(c, &in); err != nil {
		return err
	}
	return s.sendByHand(c, in)
}

// sendByHand checks, stores and sends a message.
func (s *Sim) sendByHand(c *echo.Context, in handPush) error {
	in.MsgType = or(in.MsgType, msgEvent)
	switch {
	case in.MsgType == msgEvent && in.Event == "":
		return badInput("give event, or a msgType such as text")
	case !fieldName.MatchString(in.MsgType) || in.Event != "" && !fieldName.MatchString(in.Event):
		return badInput("msgType and event must be words")
	case !goodFields(in.Fields, deepestField):
		return badInput("fields must have names of letters, digits and _, nested at most 6 deep, and no list in a list")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.handMade(in)
	if err != nil {
		return err
	}
	var rows []book.Row
	keep := func() {}
	if in.Person != "" && (in.MsgType != msgEvent || in.Event == eventEnter) {
		var line book.Row
		line, keep = s.heard(*n.Push, in.Person, s.Now())
		rows = append(rows, line)
	}
	if err := s.saveWith(rows, n); err != nil {
		return err
	}
	keep()
	return c.JSONBlob(http.StatusOK, encode(n))
}

// handMade makes the notification. The caller holds s.mu.
func (s *Sim) handMade(in handPush) (*notification, error) {
	appid, err := s.ownAppID(in.AppID)
	if err != nil {
		return nil, err
	}
	m := pushMessage{AppID: appid, MsgType: in.MsgType, Event: in.Event, CreateTime: in.CreateTime, Fields: in.Fields}
	if in.Person != "" {
		if s.state.people[in.Person] == nil {
			return nil, notThere("no person has this id")
		}
		id, err := s.use(appid, in.Person, s.Now())
		if err != nil {
			return nil, err
		}
		m.From = id.OpenID
		m.Fields = privacyFields(m)
	}
	if _, given := m.Fields["MsgId"]; !given && m.MsgType != msgEvent {
		m.Fields = withField(m.Fields, "MsgId", newMsgID())
	}
	n := s.newPush(m)
	if n == nil {
		return nil, conflict("the mini program has no pushUrl: see POST /_sim/apps/{appid}/push")
	}
	return n, nil
}

// goodFields tells whether a value can be written as XML too.
func goodFields(value any, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v := value.(type) {
	case pushFields:
		return goodFields(map[string]any(v), depth)
	case map[string]any:
		for name, inner := range v {
			if !fieldName.MatchString(name) || !goodFields(inner, depth-1) {
				return false
			}
		}
	case []any:
		for _, inner := range v {
			if _, nested := inner.([]any); nested || !goodFields(inner, depth-1) {
				return false
			}
		}
	}
	return true
}

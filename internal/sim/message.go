package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// serviceMessage is a subscribe message in a person's WeChat, under 服务通知.
type serviceMessage struct {
	ID       string        `json:"id"` // msgid
	AppID    string        `json:"appid"`
	Person   string        `json:"person"`
	OpenID   string        `json:"openid"`
	Template string        `json:"templateId"`
	Title    string        `json:"title"`
	Lines    []messageLine `json:"lines"`
	Page     string        `json:"page"` // with its query; a card without a page opens nothing
	State    string        `json:"state"`
	Lang     string        `json:"lang"`
	SentAt   time.Time     `json:"sentAt"`
}

func (m serviceMessage) Entity() (kind, id string) { return "message", m.ID }

// messageTable holds the delivered subscribe messages, and the openids to which one is being sent.
type messageTable struct {
	messages     map[string]*serviceMessage
	messageShelf book.Shelf[serviceMessage]
	sending      map[string]bool // by appid/openid
}

func (t *messageTable) register(r *registry) {
	t.sending = map[string]bool{}
	remember(r, "message", &t.messages, nil)
	r.indexes = append(r.indexes, func(restart) {
		t.messageShelf.Restock(t.messages, func(m *serviceMessage) time.Time { return m.SentAt })
	})
	r.surplus = append(r.surplus, t.surplus)
}

// surplus finds the oldest messages beyond most.
func (t *messageTable) surplus(most int) func() {
	n := t.messageShelf.Excess(most)
	if n == 0 {
		return nil
	}
	return func() {
		for _, m := range t.messageShelf.Rows[:n] {
			delete(t.messages, m.ID)
		}
		t.messageShelf.Drop(func(m *serviceMessage) bool { return t.messages[m.ID] == nil })
	}
}

// sendRequest is the body of subscribe/send.
type sendRequest struct {
	ToUser     string       `json:"touser"`
	TemplateID string       `json:"template_id"`
	Page       string       `json:"page"`
	Data       templateData `json:"data"`
	State      string       `json:"miniprogram_state"` // formal by default
	Lang       string       `json:"lang"`              // zh_CN by default
}

// sendMessage is POST /cgi-bin/message/subscribe/send: one message to a person who allowed it.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage.html (发送订阅消息)
func (s *Sim) sendMessage(c *call) reply {
	var in sendRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	in.State, in.Lang = or(in.State, "formal"), or(in.Lang, "zh_CN") // note: SDKs send empty texts for unset fields
	done, free := s.occupy(c, in.ToUser)
	if !free {
		return c.refuse(43108, "another message to this openid is under way")
	}
	defer done()
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.whoIs(c.appid, in.ToUser)
	if id == nil {
		return c.refuse(40003, "no openid of this mini program")
	}
	t, known := s.template(c.appid, in.TemplateID)
	if !known {
		return c.refuse(40037, "no template of this mini program has this id")
	}
	if code, reason := in.check(s); code != 0 {
		return c.refuse(code, reason)
	}
	lines, wrong := t.fill(in.Data)
	if wrong != "" {
		return c.refuseSaying(47003, "argument invalid! "+wrong, "a value of the template "+t.Title+" is missing or breaks the limits of its type")
	}
	for _, line := range lines {
		if judgeText(line.Value).Suggest == suggestRisky {
			return c.refuse(45168, line.Code+" holds a sensitive word")
		}
	}
	return s.deliverMessage(c, in, t, id, lines)
}

// occupy marks an openid while a message to it is being sent, and takes that time.
func (s *Sim) occupy(c *call, openid string) (done func(), free bool) {
	key := c.appid + "/" + openid
	s.mu.Lock()
	free = !s.state.sending[key]
	s.state.sending[key] = true
	s.mu.Unlock()
	if !free {
		return nil, false
	}
	(&fault{Delay: s.opts.sendTime}).wait(c.r.Context())
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.state.sending, key)
	}, true
}

// check returns the errcode for the rest of a request, 0 when it is valid.
func (in *sendRequest) check(s *Sim) (errcode int, reason string) {
	page, query, _ := strings.Cut(strings.TrimPrefix(in.Page, "/"), "?")
	switch {
	case !slices.Contains([]string{"developer", "trial", "formal"}, in.State):
		return 40097, "miniprogram_state must be developer, trial or formal"
	case !slices.Contains([]string{"zh_CN", "en_US", "zh_HK", "zh_TW"}, in.Lang):
		return 40097, "lang must be zh_CN, en_US, zh_HK or zh_TW"
	case in.Page != "" && !pageShape.MatchString(page), badText(query):
		return 41030, "page must be a path, with or without a query"
	case in.Page != "" && in.State == "formal" && !s.published(page):
		return 41030, "page is not in the published version"
	}
	return 0, ""
}

// deliverMessage uses a credit, puts the message into the person's WeChat and notifies the backend, in one write. The
// caller holds s.mu.
func (s *Sim) deliverMessage(c *call, in sendRequest, t template, id *identity, lines []messageLine) reply {
	x := s.creditOf(c.appid, id.Person, t.ID)
	if x.Left < 1 {
		return c.refuse(43101, "the person did not allow this template, or every allowed message was sent")
	}
	if t.Type == oneOff {
		x.Left--
	}
	number := newMsgID()
	m := &serviceMessage{
		ID: number.String(), AppID: c.appid, Person: id.Person, OpenID: id.OpenID, Template: t.ID, Title: t.Title, Lines: lines, Page: in.Page,
		State: in.State, Lang: in.Lang, SentAt: c.now,
	}
	note := s.newEvent(c.appid, id.OpenID, eventSent, pushFields{"List": []any{map[string]any{
		"TemplateId": t.ID, "MsgID": number, "ErrorCode": json.Number("0"), "ErrorStatus": "success",
	}}})
	if err := s.saveWith([]book.Row{x, m}, note); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.keepCredits([]credit{x})
	s.state.messages[m.ID] = m
	s.state.messageShelf.Put(m.ID, m)
	return c.ok(struct {
		plainOK
		MsgID json.Number `json:"msgid"`
	}{plainOK{ErrMsg: "ok"}, number})
}

// listMessages is GET /_sim/messages: all people's messages, the latest first; ?limit= and ?after={id} page through
// them.
func (s *Sim) listMessages(c *echo.Context) error {
	return answerPage(s, c, func(st *state) *book.Shelf[serviceMessage] { return &st.messageShelf }, "", func(*serviceMessage) error { return nil })
}

// openMessage is POST /_sim/messages/{id}/open: a tap on the card.
func (s *Sim) openMessage(c *echo.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.state.messages[c.Param("id")]
	switch {
	case m == nil:
		return notThere("no message has this id")
	case m.Page == "":
		return conflict("the message has no page, so the card opens nothing")
	}
	if _, err := s.use(m.AppID, m.Person, s.Now()); err != nil {
		return err
	}
	env := map[string]string{"formal": "release", "trial": "trial", "developer": "develop"}[m.State]
	return c.JSONBlob(http.StatusOK, encode(wxaCode{AppID: m.AppID, Path: m.Page, Env: env}.opened()))
}

package sim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// The rules of a customer service chat: what a person does gives the mini program so many answers for so long. They do not add up: the larger
// number and the later end count.
const (
	chatLife     = 48 * time.Hour // after a message
	chatAnswers  = 5
	enterLife    = time.Minute // after the chat was opened
	enterAnswers = 2

	typingLife  = 15 * time.Second // how long a phone shows that somebody types
	typingAfter = 30 * time.Second // how fresh the talk must be for it
	mediaLife   = 3 * 24 * time.Hour
	longestChat = 2048 // bytes of a text
)

// eventEnter tells that a person has opened the chat.
const eventEnter = "user_enter_tempsession"

// mayAnswer returns the errcode and reason against a message to this person now. The caller holds s.mu.
func (s *Sim) mayAnswer(id *identity, now time.Time) (errcode int, reason string) {
	left, until, wrote := s.answersLeft(id.AppID, id.Person)
	switch {
	case !wrote:
		return 45015, "the person never wrote to the mini program and did not open its chat"
	case !now.Before(until):
		return 45015, "the person last wrote 48 hours ago or more, or opened the chat a minute ago or more"
	case left <= 0:
		return 45047, "all answers were sent since the person last wrote (five) or opened the chat (two)"
	}
	return 0, ""
}

// answersLeft walks through a chat and counts. The caller holds s.mu.
func (s *Sim) answersLeft(appid, person string) (left int, until time.Time, wrote bool) {
	for _, l := range s.state.chats {
		if l.AppID != appid || l.Person != person {
			continue
		}
		if l.FromUs {
			left--
			continue
		}
		answers, life := chatAnswers, chatLife
		if l.MsgType == eventEnter {
			answers, life = enterAnswers, enterLife
		}
		if !l.At.Before(until) {
			left = 0
		}
		left, wrote = max(left, answers), true
		if end := l.At.Add(life); end.After(until) {
			until = end
		}
	}
	return left, until, wrote
}

// heard stores what a person wrote, or that they opened the chat. The caller holds s.mu.
func (s *Sim) heard(m pushMessage, person string, now time.Time) (book.Row, func()) {
	l := &chatLine{ID: newMsgID().String(), AppID: m.AppID, Person: person, MsgType: or(m.Event, m.MsgType), Content: m.Fields, At: now}
	return l, func() { s.state.chats = append(s.state.chats, l) }
}

// chatPicture finds a picture of a mini program's chats that is not too old. The caller holds s.mu.
func (s *Sim) chatPicture(appid, mediaID string, now time.Time) *complaintPicture {
	p := s.state.complaintPictures[mediaID]
	if p == nil || p.MchID != appid || now.Sub(p.At) >= mediaLife {
		return nil
	}
	return p
}

// tempMedia is GET /cgi-bin/media/get: the bytes of a picture, or an error as JSON.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_gettempmedia.html (获取客服消息内的临时素材)
func (s *Sim) tempMedia(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.chatPicture(c.appid, c.query.Get("media_id"), c.now)
	if p == nil {
		return c.refuse(40007, "no picture of this mini program has this media_id, or it is older than three days")
	}
	return reply{status: http.StatusOK, contentType: http.DetectContentType(p.Bytes), body: p.Bytes}
}

// showTyping is POST /cgi-bin/message/custom/typing.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_typing.html (下发客服当前输入状态)
func (s *Sim) showTyping(c *call) reply {
	var in struct {
		ToUser  string `json:"touser"`
		Command string `json:"command"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.whoIs(c.appid, in.ToUser)
	switch {
	case id == nil:
		return c.refuse(40003, "no openid of this mini program")
	case in.Command != "Typing" && in.Command != "CancelTyping":
		return c.refuse(45072, "command must be Typing or CancelTyping")
	}
	if code, reason := s.mayAnswer(id, c.now); code != 0 {
		return c.refuse(code, reason)
	}
	key := id.AppID + "/" + id.Person
	if in.Command == "CancelTyping" {
		delete(s.state.typing, key)
		return c.ok(plainOK{ErrMsg: "ok"})
	}
	switch last := s.lastLine(id.AppID, id.Person); {
	case last == nil || c.now.Sub(last.At) >= typingAfter:
		return c.refuse(45080, "nothing was said in this chat in the last 30 seconds")
	case c.now.Sub(s.state.typing[key]) < typingLife:
		return c.refuse(45081, "it is shown already, for 15 seconds")
	}
	s.state.typing[key] = c.now
	return c.ok(plainOK{ErrMsg: "ok"})
}

// lastLine is what was said last in a chat. The caller holds s.mu.
func (s *Sim) lastLine(appid, person string) *chatLine {
	for _, l := range slices.Backward(s.state.chats) {
		if l.AppID == appid && l.Person == person {
			return l
		}
	}
	return nil
}

// noteTransfer marks what the backend has handed over to the staff in WeChat's own tools, by its answer to the push (转发客服消息).
func (s *Sim) noteTransfer(m *pushMessage, set pushRow, answer []byte) error {
	reply, err := set.openAnswer(answer)
	if err != nil || reply["MsgType"] != "transfer_customer_service" {
		return nil // note: what is no reply at all was judged before
	}
	switch {
	case m.MsgType == msgEvent:
		return errors.New("transfer_customer_service answers what a person wrote, never an event")
	case reply["ToUserName"] != m.From || reply["FromUserName"] != m.To:
		return errors.New("transfer_customer_service must go to the sender's openid, from the mini program's original id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number := asText(m.Fields["MsgId"])
	for _, l := range slices.Backward(s.state.chats) {
		if l.AppID != m.AppID || l.FromUs || l.Passed || asText(l.Content["MsgId"]) != number {
			continue
		}
		next := *l
		next.Passed = true
		if err := s.save(&next); err != nil {
			return err
		}
		*l = next
		return nil
	}
	return nil
}

// openAnswer reads the fields of a reply to a push, in the clear or sealed.
func (p pushRow) openAnswer(answer []byte) (map[string]string, error) {
	fields, err := answerFields(answer)
	if err != nil || fields["Encrypt"] == "" {
		return fields, err
	}
	plain, err := wire.OpenPush(p.PushAESKey, p.AppID, fields["Encrypt"])
	if err != nil {
		return nil, err
	}
	return answerFields(plain)
}

func answerFields(text []byte) (map[string]string, error) {
	if strings.HasPrefix(strings.TrimSpace(string(text)), "<xml>") {
		return wire.ParseXML(text)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for name, value := range all {
		if word, ok := value.(string); ok {
			fields[name] = word
		}
	}
	return fields, nil
}

// bindChats binds the customer service chat: the phone's window, and all that was said.
func (s *Sim) bindChats(g *echo.Group) {
	g.GET("/people/:id/chat", s.showChat)
	g.POST("/people/:id/chat", s.deviceChat)
	g.GET("/pictures/:id", s.picture)
	g.GET("/chats", s.listChats)
}

// chatRequest is the body of POST /_sim/people/{id}/chat: exactly one of its words.
type chatRequest struct {
	AppID   string    `json:"appid"`
	Enter   *string   `json:"enter"` // the session-from of the button that opens the chat; may be empty
	Text    string    `json:"text"`
	Picture string    `json:"picture"` // base64
	Card    *chatCard `json:"card"`
}

// chatCard is a page of the mini program that a person sends.
type chatCard struct {
	Title    string `json:"title"`
	PagePath string `json:"pagePath"`
}

// deviceChat is the owner of a phone opening the customer service chat, or writing in it.
func (s *Sim) deviceChat(c *echo.Context) error {
	var in chatRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	appid, err := s.ownAppID(in.AppID)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	in.AppID = appid
	said, picture, err := in.message()
	if err != nil {
		return err
	}
	if picture != nil {
		if said.Fields, err = s.sendPicture(appid, picture); err != nil {
			return err
		}
	}
	said.Person = c.Param("id")
	return s.sendByHand(c, said)
}

// message makes the push; picture is what is to be stored before.
func (in chatRequest) message() (m handPush, picture []byte, err error) {
	m = handPush{AppID: in.AppID, MsgType: "text"}
	given := 0
	if in.Enter != nil {
		given, m.MsgType, m.Event, m.Fields = given+1, msgEvent, eventEnter, pushFields{"SessionFrom": *in.Enter}
	}
	if in.Text != "" {
		given, m.Fields = given+1, pushFields{"Content": in.Text}
	}
	if in.Card != nil {
		given, m.MsgType = given+1, "miniprogrampage"
		m.Fields = pushFields{"Title": in.Card.Title, "AppId": in.AppID, "PagePath": in.Card.PagePath, "ThumbUrl": "", "ThumbMediaId": ""}
	}
	if in.Picture != "" {
		given, m.MsgType = given+1, "image"
		picture, err = base64.StdEncoding.DecodeString(in.Picture[strings.Index(in.Picture, ",")+1:])
		if err != nil || !goodPicture(picture) {
			return m, nil, badInput("picture must be base64 of a JPEG, PNG or BMP")
		}
	}
	if given != 1 {
		return m, nil, badInput("give exactly one of enter, text, picture and card")
	}
	return m, picture, nil
}

// sendPicture keeps a picture that a person sends, and gives the fields of the push.
func (s *Sim) sendPicture(appid string, bytes []byte) (pushFields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &complaintPicture{ID: wire.Pick(wire.URLAlnum, 64), MchID: appid, Bytes: bytes, At: s.Now()}
	if err := s.save(p); err != nil {
		return nil, err
	}
	s.state.complaintPictures[p.ID] = p
	return pushFields{"MediaId": p.ID, "PicUrl": *s.base.Load() + "/_sim/pictures/" + p.ID}, nil
}

// showChat is GET /_sim/people/{id}/chat: the chat as the phone shows it, the oldest line first.
func (s *Sim) showChat(c *echo.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	appid, err := s.ownAppID(c.QueryParam("appid"))
	if err != nil {
		return err
	}
	person := c.Param("id")
	lines := []*chatLine{}
	for _, l := range s.state.chats {
		if l.AppID == appid && l.Person == person {
			lines = append(lines, l)
		}
	}
	left, until, _ := s.answersLeft(appid, person)
	if !s.Now().Before(until) {
		left = 0
	}
	typing := s.Now().Sub(s.state.typing[appid+"/"+person]) < typingLife
	return c.JSONBlob(http.StatusOK, encode(map[string]any{"lines": lines, "typing": typing, "left": left, "until": until}))
}

// picture is GET /_sim/pictures/{id}: a picture of a chat, for the phone.
func (s *Sim) picture(c *echo.Context) error {
	s.mu.Lock()
	p := s.state.complaintPictures[c.Param("id")]
	s.mu.Unlock()
	if p == nil {
		return notThere("no such picture")
	}
	return c.Blob(http.StatusOK, http.DetectContentType(p.Bytes), p.Bytes)
}

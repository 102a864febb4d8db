package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// mostTemplates limits the templates in one dialog.
const mostTemplates = 3

// The answers of wx.requestSubscribeMessage; off means that the person turned off all of it.
const (
	answerAccept = "accept"
	answerReject = "reject"
	answerBan    = "ban"    // by WeChat
	answerFilter = "filter" // another template has the same title
	answerOff    = "off"
)

// credit is a person's permission for a mini program to send messages with one template.
type credit struct {
	AppID    string `json:"appid"`
	Person   string `json:"person"`
	Template string `json:"templateId"`
	Left     int    `json:"left"`             // sends; of a long-term template 0 or 1, which sending does not use up
	Always   string `json:"always,omitempty"` // accept or reject: the dialog is not shown again
}

func (x credit) Entity() (kind, id string) {
	return "credit", x.AppID + "/" + x.Person + "/" + x.Template
}

// creditTable holds people's permissions.
type creditTable struct{ credits map[string]*credit }

func (t *creditTable) register(r *registry) { remember(r, "credit", &t.credits, nil) }

// creditOf returns a copy of a person's credit. The caller holds s.mu.
func (s *Sim) creditOf(appid, person, template string) credit {
	fresh := credit{AppID: appid, Person: person, Template: template}
	if _, id := fresh.Entity(); s.state.credits[id] != nil {
		return *s.state.credits[id]
	}
	return fresh
}

// keepCredits puts changed copies into the books, after the journal has them. The caller holds s.mu.
func (t *creditTable) keepCredits(list []credit) {
	for _, x := range list {
		_, id := x.Entity()
		t.credits[id] = &x
	}
}

// subscribeRequest is the body of subscribe and unsubscribe. Answer is one word for all templates, or an object of them.
type subscribeRequest struct {
	AppID       string          `json:"appid"`
	TemplateIDs []string        `json:"templateIds"`
	Answer      json.RawMessage `json:"answer"`
	Always      bool            `json:"always"` // 总是保持以上选择，不再询问
}

// answers reads Answer into one word per template, accept by default.
func (in subscribeRequest) answers() (map[string]string, error) {
	out := map[string]string{}
	word := answerAccept
	if len(in.Answer) > 0 && json.Unmarshal(in.Answer, &word) != nil && json.Unmarshal(in.Answer, &out) != nil {
		return nil, badInput("answer must be a word, or an object of template ids and words")
	}
	for _, id := range in.TemplateIDs {
		out[id] = or(out[id], word)
		if !slices.Contains([]string{answerAccept, answerReject, answerBan, answerFilter, answerOff}, out[id]) {
			return nil, badInput("answer must be accept, reject, ban, filter or off")
		}
	}
	return out, nil
}

// deviceSubscribe is wx.requestSubscribeMessage with the owner's answer. The phone's refusals are in errMsg, at HTTP
// 200.
// https://developers.weixin.qq.com/miniprogram/dev/api/open-api/subscribe-message/wx.requestSubscribeMessage.html (调起客户端小程序订阅消息界面)
func (s *Sim) deviceSubscribe(c *echo.Context) error {
	var in subscribeRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	answers, err := in.answers()
	if err != nil {
		return err
	}
	result, refusal, err := s.requestSubscribe(c, in, answers)
	if err != nil {
		return err
	}
	s.recordPhone("requestSubscribeMessage", "tmplIds="+clip(strings.Join(in.TemplateIDs, ","), 200), string(encode(result)), refusal, nil)
	return c.JSONBlob(http.StatusOK, encode(result))
}

// requestSubscribe checks, asks and adds credits.
func (s *Sim) requestSubscribe(c *echo.Context, in subscribeRequest, answers map[string]string) (result map[string]any, refusal string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return nil, "", err
	}
	if code, text := s.checkSubscribe(id.AppID, in.TemplateIDs, answers); code != 0 {
		return map[string]any{"errMsg": "requestSubscribeMessage:fail " + text, "errCode": code}, text, nil
	}
	result = map[string]any{"errMsg": "requestSubscribeMessage:ok"}
	var rows []book.Row
	var changed []credit
	var shown []any
	for _, templateID := range slices.Compact(slices.Sorted(slices.Values(in.TemplateIDs))) {
		x, answer := s.creditOf(id.AppID, p.ID, templateID), answers[templateID]
		asked := x.Always == ""
		answer = or(x.Always, answer)
		x.take(answer, s.typeOf(id.AppID, templateID))
		if in.Always && (answer == answerAccept || answer == answerReject) {
			x.Always = answer
		}
		if asked && (answer == answerAccept || answer == answerReject) {
			shown = append(shown, map[string]any{"TemplateId": templateID, "SubscribeStatusString": answer, "PopupScene": json.Number("0")})
		}
		result[templateID] = answer
		rows, changed = append(rows, x), append(changed, x)
	}
	var note *notification
	if len(shown) > 0 { // note: without a dialog there is no event; only the mini program knows of the credit
		note = s.newEvent(id.AppID, id.OpenID, eventPopup, pushFields{"List": shown})
	}
	if err := s.saveWith(rows, note); err != nil {
		return nil, "", err
	}
	s.state.keepCredits(changed)
	return result, "", nil
}

// take applies an answer.
func (x *credit) take(answer string, templateType int) {
	switch {
	case answer == answerAccept && templateType == longTerm:
		x.Left = 1
	case answer == answerAccept:
		x.Left++
	case answer == answerReject && templateType == longTerm:
		x.Left = 0
	}
}

// typeOf is the type of an existing template. The caller holds s.mu.
func (s *Sim) typeOf(appid, templateID string) int {
	t, _ := s.template(appid, templateID)
	return t.Type
}

// checkSubscribe does the phone's checks before the dialog, with its own errCode and text. The caller holds s.mu.
func (s *Sim) checkSubscribe(appid string, ids []string, answers map[string]string) (code int, text string) {
	types := map[int]bool{}
	for _, id := range ids {
		t, known := s.template(appid, id)
		if !known {
			return 20001, "No template data return, verify the template id exist"
		}
		types[t.Type] = true
	}
	switch {
	case len(ids) == 0:
		return 10001, "TmplIds can't be empty"
	case len(ids) > mostTemplates:
		return 20003, "Templates count out of max bounds"
	case len(types) > 1:
		return 20002, "Templates type must be same"
	}
	for _, answer := range answers {
		if answer == answerOff {
			return 20004, "The main switch is switched off"
		}
	}
	return 0, ""
}

// deviceUnsubscribe is the owner turning templates off in the chat of service messages: the remaining credits end.
func (s *Sim) deviceUnsubscribe(c *echo.Context) error {
	var in subscribeRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return err
	}
	var rows []book.Row
	var changed []credit
	var told []any
	for _, templateID := range in.TemplateIDs {
		if _, known := s.template(id.AppID, templateID); !known {
			return notThere("no template has the id " + clip(templateID, 64))
		}
		x := s.creditOf(id.AppID, p.ID, templateID)
		x.Left, x.Always = 0, ""
		rows, changed = append(rows, x), append(changed, x)
		told = append(told, map[string]any{"TemplateId": templateID, "SubscribeStatusString": answerReject})
	}
	if len(told) == 0 {
		return badInput("give templateIds")
	}
	if err := s.saveWith(rows, s.newEvent(id.AppID, id.OpenID, eventChange, pushFields{"List": told})); err != nil {
		return err
	}
	s.state.keepCredits(changed)
	return c.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// listCredits is GET /_sim/subscriptions: all permissions.
func (s *Sim) listCredits(c *echo.Context) error {
	return s.inBook(c, func() any {
		list := make([]*credit, 0, len(s.state.credits))
		for _, id := range sortedKeys(s.state.credits) {
			list = append(list, s.state.credits[id])
		}
		return list
	})
}

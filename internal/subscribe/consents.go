package subscribe

// The ledger of consents. A yes to a one-off template is good for one message. Two sources tell of the same yes: the phone, which reports
// what wx.requestSubscribeMessage gave it, and WeChat, which pushes it where push is set up. Either may come first, twice or never, so
// each answer waits a while for the other's report of it and counts once.
//
// NB! a phone can lie, and WeChat keeps its own count: what stands here is a hint for asking and for showing, and never stops a message.
// WeChat's refusal (43101) sets it right.

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// Answers of wx.requestSubscribeMessage.
const (
	answerAccept = "accept"
	answerReject = "reject"
	answerBan    = "ban"    // WeChat has closed the template
	answerFilter = "filter" // WeChat hides templates of the same title
)

// Who tells of an answer.
const (
	fromPhone  = "phone"
	fromWeChat = "wechat"
)

// Limits of the ledger.
const (
	consentWait   = 2 * time.Minute // how far apart the two reports of one answer may be
	consentRecent = 20              // reports that are remembered per user and template
	mostConsents  = 1_000           // nobody presses the button more often; it bounds what a lying phone can write
	mostAnswers   = 20              // templates in one report; WeChat's dialog shows three
)

// consentReport is one report of an answer.
type consentReport struct {
	Key    string    `json:"key,omitempty"` // the same for a report that is sent again
	From   string    `json:"from"`
	Answer string    `json:"answer"`
	At     time.Time `json:"at"`
	Paired bool      `json:"paired,omitempty"` // the other source has told of it too
}

// ReportConsents handles POST /api/wx/consents: `{answers: {templateId: "accept"|"reject"|"ban"|"filter"}, key?}` as
// wx.requestSubscribeMessage gives them. The answer is `{consents: [{templateId, remaining, answer}]}`. A report that is sent again with
// the same key counts once.
func (s *Subscribe) ReportConsents(e *core.RequestEvent) error {
	var form struct {
		Answers map[string]string `json:"answers"`
		Key     string            `json:"key"`
	}
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	if len(form.Answers) == 0 || len(form.Answers) > mostAnswers {
		return answer.Field(answer.ConsentArgs, "answers", fmt.Sprintf("1 to %d answers", mostAnswers))
	}
	if len(form.Key) > 64 {
		return answer.Field(answer.ConsentArgs, "key", "at most 64 bytes")
	}
	for template, reply := range form.Answers {
		if strings.HasPrefix(reply, answerAccept) { // newer phones say acceptWithAudio and the like
			reply, form.Answers[template] = answerAccept, answerAccept
		}
		if template == "" || len(template) > 128 || !slices.Contains([]string{answerAccept, answerReject, answerBan, answerFilter}, reply) {
			return answer.With(answer.ConsentArgs, "template", template[:min(len(template), 128)])
		}
	}
	list := []map[string]any{}
	err := e.App.RunInTransaction(func(tx core.App) error {
		for template, answer := range form.Answers {
			if err := s.mayConsent(tx, e.Auth.Id, template); err != nil {
				return err
			}
			r, err := s.noteConsent(tx, e.Auth.Id, template, consentReport{Key: form.Key, From: fromPhone, Answer: answer, At: s.Now()})
			if err != nil {
				return err
			}
			list = append(list, map[string]any{"templateId": template, "remaining": r.GetInt("remaining"), "answer": r.GetString("answer")})
		}
		return nil
	})
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	return e.JSON(http.StatusOK, map[string]any{"consents": list})
}

// mayConsent refuses a template that would be one too many for a user: a phone may say any name. What WeChat tells is not bounded.
func (s *Subscribe) mayConsent(tx core.App, user, template string) error {
	if s.Limits.Templates < 0 {
		return nil
	}
	n, err := tx.CountRecords("wx_consents", dbx.HashExp{"user": user}, dbx.Not(dbx.HashExp{"templateId": template}))
	if err != nil {
		return fmt.Errorf("count consents: %w", err)
	}
	if n >= int64(s.Limits.Templates) {
		return answer.With(answer.ConsentLimit, "most", s.Limits.Templates)
	}
	return nil
}

// noteConsent books one report.
func (s *Subscribe) noteConsent(tx core.App, user, template string, report consentReport) (*core.Record, error) {
	r, err := consentOf(tx, user, template)
	if err != nil {
		return nil, err
	}
	var recent []consentReport
	if err := r.UnmarshalJSONField("recent", &recent); err != nil {
		recent = nil // a ledger of hints starts anew
	}
	if report.Key != "" && slices.ContainsFunc(recent, func(o consentReport) bool { return o.Key == report.Key && o.From == report.From }) {
		return r, nil
	}
	other := slices.IndexFunc(recent, func(o consentReport) bool {
		return !o.Paired && o.From != report.From && o.Answer == report.Answer && report.At.Sub(o.At).Abs() <= consentWait
	})
	if other >= 0 {
		recent[other].Paired, report.Paired = true, true
	} else if report.Answer == answerAccept {
		r.Set("remaining", min(mostConsents, r.GetInt("remaining")+1))
	}
	recent = slices.Concat(recent, []consentReport{report})
	r.Set("recent", recent[max(0, len(recent)-consentRecent):])
	r.Set("answer", report.Answer)
	r.Set("answeredAt", report.At)
	if err := books.Save(tx, r); err != nil {
		return nil, fmt.Errorf("save consent: %w", err)
	}
	return r, nil
}

// consentOf finds the row of a user and a template, or begins one.
func consentOf(app core.App, user, template string) (*core.Record, error) {
	r, err := books.Find(app, "wx_consents", dbx.HashExp{"user": user, "templateId": template})
	if !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	c, err := app.FindCachedCollectionByNameOrId("wx_consents")
	if err != nil {
		return nil, err
	}
	r = core.NewRecord(c)
	r.Load(map[string]any{"user": user, "templateId": template})
	return r, nil
}

// spendConsent takes off what a message has used.
func spendConsent(app core.App, user, template string) error {
	return changeConsent(app, user, template, func(left int) int { return max(0, left-1) })
}

// clearConsent is for a user who has none, as WeChat says.
func clearConsent(app core.App, user, template string) error {
	return changeConsent(app, user, template, func(int) int { return 0 })
}

// changeConsent changes the count of a row that is there.
func changeConsent(app core.App, user, template string, change func(left int) int) error {
	if user == "" {
		return nil
	}
	return app.RunInTransaction(func(tx core.App) error {
		r, err := books.Find(tx, "wx_consents", dbx.HashExp{"user": user, "templateId": template})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		left := r.GetInt("remaining")
		if change(left) == left {
			return nil
		}
		r.Set("remaining", change(left))
		if err := books.Save(tx, r); err != nil {
			return fmt.Errorf("save consent: %w", err)
		}
		return nil
	})
}

package sim

import (
	"strings"
	"time"
	"unicode/utf8"

	"wxbase/internal/sim/wire"
)

// The three verdicts of content security, and the label of harmless content.
const (
	suggestPass   = "pass"
	suggestReview = "review"
	suggestRisky  = "risky"

	labelNormal = 100
	activeFor   = 2 * time.Hour // how long a person counts as active after using a mini program
	longestText = 2500          // characters of content
)

// The marks that make text or a picture risky, so that tests need no bad words.
const (
	markRisky  = "sim-risky"
	markReview = "sim-review"
)

// riskyWord is a word and WeChat's verdict on it.
type riskyWord struct {
	Word    string `json:"word"`
	Suggest string `json:"suggest"`
	Label   int    `json:"label"`
}

// riskyWords is all that the simulated content security knows, shown by GET /_sim/security. The first two are WeChat's
// own samples.
func riskyWords() []riskyWord {
	return []riskyWord{
		{"特3456书yuuo莞6543李zxcz蒜7782法fgnv级", suggestRisky, 20001},
		{"完2347全dfji试3726测asad感3847知qwez到", suggestRisky, 20001},
		{"反动", suggestRisky, 20001},
		{"色情", suggestRisky, 20002},
		{"去死", suggestRisky, 20003},
		{"赌博", suggestRisky, 20006},
		{"毒品", suggestRisky, 20006},
		{"刷单", suggestRisky, 20008},
		{"低俗", suggestReview, 20012},
		{"盗版", suggestReview, 20013},
		{"代开发票", suggestRisky, 10001},
		{"加微信", suggestReview, 10001},
		{markRisky, suggestRisky, 21000},
		{markReview, suggestReview, 21000},
	}
}

// judgement is the verdict of content security on a text.
type judgement struct {
	Suggest string `json:"suggest"`
	Label   int    `json:"label"`

	word string
}

// judgeText looks for risky words, the worst first.
func judgeText(texts ...string) judgement {
	all := strings.ToLower(strings.Join(texts, "\n"))
	worst := judgement{Suggest: suggestPass, Label: labelNormal}
	for _, w := range riskyWords() {
		if !strings.Contains(all, strings.ToLower(w.Word)) {
			continue
		}
		if w.Suggest == suggestRisky {
			return judgement{w.Suggest, w.Label, w.Word}
		}
		if worst.Suggest == suggestPass {
			worst = judgement{w.Suggest, w.Label, w.Word}
		}
	}
	return worst
}

// checkDetail is one strategy's opinion.
type checkDetail struct {
	Strategy string `json:"strategy"`
	ErrCode  int    `json:"errcode"`
	Suggest  string `json:"suggest"`
	Label    int    `json:"label"`
	Prob     int    `json:"prob,omitempty"`
	Level    int    `json:"level,omitempty"`
	Keyword  string `json:"keyword,omitempty"`
}

// textRequest is the body of msg_sec_check.
type textRequest struct {
	Content   string `json:"content"`
	Version   int    `json:"version"` // 2; 0 is the old call, which has only content
	Scene     int    `json:"scene"`   // 1 profile, 2 comment, 3 forum, 4 social log
	OpenID    string `json:"openid"`
	Title     string `json:"title"`
	Nickname  string `json:"nickname"`
	Signature string `json:"signature"` // of scene 1
}

// checkText is POST /wxa/msg_sec_check.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html (文本内容安全识别)
func (s *Sim) checkText(c *call) reply {
	var in textRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if code, reason := s.textQuota(c); code != 0 {
		return c.refuse(code, reason)
	}
	switch {
	case in.Content == "":
		return c.refuse(44002, "content is missing")
	case utf8.RuneCountInString(in.Content) > longestText:
		return c.refuse(45002, "content is longer than 2500 characters")
	case in.Version == 0:
		return c.oldTextCheck(in.Content)
	case in.Version != 2:
		return c.refuse(40097, "version must be 2")
	case in.Scene < 1 || in.Scene > 4:
		return c.refuse(40129, "scene must be 1 to 4")
	}
	s.mu.Lock()
	code, reason := s.checkActive(c.appid, in.OpenID, c.now)
	s.mu.Unlock()
	if code != 0 {
		return c.refuse(code, reason)
	}
	said := judgeText(in.Content, in.Title, in.Nickname, in.Signature)
	details := []checkDetail{{Strategy: "content_model", Suggest: said.Suggest, Label: said.Label, Prob: 90}}
	if said.word != "" {
		details = append(details, checkDetail{Strategy: "keyword", Suggest: said.Suggest, Label: said.Label, Level: 90, Keyword: said.word})
	}
	return c.ok(struct {
		plainOK
		Result  judgement     `json:"result"`
		Detail  []checkDetail `json:"detail"`
		TraceID string        `json:"trace_id"`
	}{plainOK{ErrMsg: "ok"}, said, details, wire.RID(c.now)})
}

// oldTextCheck is the call before it had versions: risky text is an error.
func (c *call) oldTextCheck(content string) reply {
	if judgeText(content).Suggest == suggestRisky {
		return c.refuse(87014, "the content holds a risky word")
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// textQuota counts a call of msg_sec_check.
func (s *Sim) textQuota(c *call) (errcode int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.limits.Allow("text/minute/"+c.appid, s.quota(quotaTextRate), time.Minute, c.now):
		return 44991, "more texts in a minute than " + quotaTextRate
	case !s.limits.Allow("text/day/"+c.appid, s.quota(quotaTexts), 24*time.Hour, c.now):
		return 45009, "more texts in a day than " + quotaTexts
	}
	return 0, ""
}

// checkActive returns the errcode for an openid whose content cannot be checked: unknown, of another mini program, or
// of a person who did not use this one in the last two hours. The caller holds s.mu.
func (s *Sim) checkActive(appid, openid string, now time.Time) (errcode int, reason string) {
	id := s.whoIs(appid, openid)
	if id == nil {
		for _, other := range s.state.identities {
			if other.OpenID == openid {
				return 43104, "the openid is of another mini program"
			}
		}
		return 40003, "nobody has this openid"
	}
	seen := id.SeenAt
	if live := s.state.sessions[id.session()]; live != nil {
		seen = later(seen, live.RotatedAt) // note: old journals lack the time of the last use
	}
	if now.Sub(seen) >= activeFor {
		return 61010, "the person last used the mini program two hours ago or more"
	}
	return 0, ""
}

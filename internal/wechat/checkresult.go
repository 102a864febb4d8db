package wechat

import (
	"errors"
	"strconv"
)

// Suggest is what WeChat would do with a text or a file.
type Suggest string

// The suggestions.
const (
	SuggestPass   Suggest = "pass"   // show it
	SuggestReview Suggest = "review" // let a person look
	SuggestRisky  Suggest = "risky"  // do not show it
)

// CheckLabel is what WeChat found. The set is WeChat's and may grow.
type CheckLabel int

// The labels.
const (
	LabelNormal    CheckLabel = 100
	LabelAds       CheckLabel = 10001
	LabelPolitics  CheckLabel = 20001
	LabelPorn      CheckLabel = 20002
	LabelAbuse     CheckLabel = 20003
	LabelCrime     CheckLabel = 20006
	LabelFraud     CheckLabel = 20008
	LabelVulgar    CheckLabel = 20012
	LabelCopyright CheckLabel = 20013
	LabelOther     CheckLabel = 21000
)

// names returns the word for programs and WeChat's own for people.
func (l CheckLabel) names() (en, zh string) {
	switch l {
	case LabelNormal:
		return "normal", "正常"
	case LabelAds:
		return "ads", "广告"
	case LabelPolitics:
		return "politics", "时政"
	case LabelPorn:
		return "porn", "色情"
	case LabelAbuse:
		return "abuse", "辱骂"
	case LabelCrime:
		return "crime", "违法犯罪"
	case LabelFraud:
		return "fraud", "欺诈"
	case LabelVulgar:
		return "vulgar", "低俗"
	case LabelCopyright:
		return "copyright", "版权"
	case LabelOther:
		return "other", "其他"
	}
	return strconv.Itoa(int(l)), strconv.Itoa(int(l))
}

// String is one English word, such as ads; the number for an unknown label.
func (l CheckLabel) String() string { en, _ := l.names(); return en }

// Chinese is WeChat's word, such as 广告; the number for an unknown label.
func (l CheckLabel) Chinese() string { _, zh := l.names(); return zh }

// CheckResult is the result of a check.
type CheckResult struct {
	// Suggest is always one of the three.
	Suggest Suggest
	Label   CheckLabel
	// TraceID is the id that WeChat's support asks for.
	TraceID string
	// Details are the findings of the strategies that worked.
	Details []CheckDetail
}

// Passed reports that the content may be shown.
func (r CheckResult) Passed() bool { return r.Suggest == SuggestPass }

// CheckDetail is the finding of one of WeChat's strategies.
type CheckDetail struct {
	// Strategy is content_model or keyword.
	Strategy string
	Suggest  Suggest
	Label    CheckLabel
	// Keyword is the word found; NB! it is part of a user's text.
	Keyword string
	// Prob and Level are 0 to 100; 0 for a strategy without them.
	Prob, Level int
}

// checkWire is the common part of the answer about a text and the push about a file.
type checkWire struct {
	TraceID string `json:"trace_id"`
	Result  struct {
		Suggest Suggest `json:"suggest"`
		Label   number  `json:"label"`
	} `json:"result"`
	Detail oneOrMany[detailWire] `json:"detail"` // XML collapses a list of one
}

type detailWire struct {
	Strategy string  `json:"strategy"`
	Errcode  number  `json:"errcode"`
	Suggest  Suggest `json:"suggest"`
	Label    number  `json:"label"`
	Keyword  string  `json:"keyword"`
	Prob     number  `json:"prob"`
	Level    number  `json:"level"`
}

// result fails closed: an unknown suggestion is not a pass.
func (w checkWire) result() (CheckResult, error) {
	switch w.Result.Suggest {
	case SuggestPass, SuggestReview, SuggestRisky:
	default:
		return CheckResult{}, ErrMissingField
	}
	r := CheckResult{Suggest: w.Result.Suggest, Label: CheckLabel(w.Result.Label), TraceID: w.TraceID}
	for _, d := range w.Detail {
		if d.Errcode == 0 {
			r.Details = append(r.Details, CheckDetail{
				Strategy: d.Strategy, Suggest: d.Suggest, Label: CheckLabel(d.Label), Keyword: d.Keyword,
				Prob: int(d.Prob), Level: int(d.Level),
			})
		}
	}
	return r, nil
}

// riskyOld recognises version 1's refusal, and returns WeChat's request id, because there is no trace id.
func riskyOld(err error) (rid string, risky bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Errcode != errcodeRisky {
		return "", false
	}
	return e.RID, true
}

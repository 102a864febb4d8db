package doctor

import (
	"slices"
	"strings"
)

// outcome is what a check has found: a row of the catalogue, and what fills its gaps.
type outcome struct {
	code string
	with []string // names and values in turn, as strings.NewReplacer wants them
}

func result(code string, with ...string) outcome { return outcome{code, with} }

// told is an outcome in its place.
type told struct {
	check, subject string
	outcome
}

// row is one outcome in both languages. A gap such as {host} is filled with what was seen.
type row struct {
	code  string
	check string // that finds it
	state State
	title [2]string // English, Chinese
	why   [2]string
	cure  [2]string
}

// catalogue is everything that can be found.
func catalogue() []row {
	return slices.Concat(
		wordsOfServer(), wordsOfServerMore(), wordsOfWechat(), wordsOfWechatMore(), wordsOfWechatRest(), wordsOfPay(), wordsOfPayMore(), wordsOfPayRest(), wordsOfVirtual(), wordsOfComplaints(), wordsOfAddress(), wordsOfAddressMore(),
	)
}

// words finds the row of a code. Every code has one; see TestCatalogue.
func words(code string) row {
	all := catalogue()
	i := slices.IndexFunc(all, func(r row) bool { return r.code == code })
	if i < 0 {
		return row{code: code, state: Warning}
	}
	return all[i]
}

// finding is the outcome in words.
func (t told) finding(in Language) Finding {
	r := words(t.code)
	gaps := []string{"{subject}", t.subject}
	for i := 0; i+1 < len(t.with); i += 2 {
		gaps = append(gaps, "{"+t.with[i]+"}", t.with[i+1])
	}
	fill := strings.NewReplacer(gaps...).Replace
	return Finding{
		Check: t.check, Code: t.code, Subject: t.subject, State: r.state,
		Title: fill(r.title[in]), Why: fill(r.why[in]), Cure: fill(r.cure[in]), Doc: docPage(in, t.check),
	}
}

func docPage(in Language, check string) string {
	if in == Chinese {
		return "docs/zh/doctor.md#" + strings.ToLower(check)
	}
	return "docs/doctor.md#" + strings.ToLower(check)
}

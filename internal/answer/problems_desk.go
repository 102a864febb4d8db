package answer

import "wxbase/internal/desk"

// ofDesk is the dashboard's part of the catalogue, which it keeps beside its pages.
func ofDesk() (list []Problem) {
	for _, p := range desk.Problems() {
		list = append(list, Problem{Code: p.Code, Status: p.Status, EN: p.Message, ZH: p.Chinese, FixEN: p.Fix, FixZH: p.FixZH})
	}
	return list
}

package codes

import (
	"encoding/json"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/wechat"
)

// isPlain tells a code whose scene a person chose. It belongs to no user: the same scene, page and options are one code
// for all, like the shop's product codes, and its first requester must not become the inviter of everyone who scans it.
func (plan codePlan) isPlain() bool {
	return plan.kind == wechat.CodeUnlimited && plan.payload == ""
}

// findPlainCode finds a code with a plain scene that was made when it still belonged to who asked first: its key says so.
func findPlainCode(app core.App, plan codePlan) (*core.Record, error) {
	var rows []*core.Record
	same := dbx.HashExp{
		"scene": plan.request.Scene, "appid": plan.app.AppID, "kind": string(plan.kind), "page": plan.request.Page,
	}
	if err := app.RecordQuery("wx_codes").AndWhere(same).OrderBy("created", "id").All(&rows); err != nil {
		return nil, fmt.Errorf("read codes: %w", err)
	}
	options, err := json.Marshal(plan.options())
	if err != nil {
		return nil, fmt.Errorf("encode options: %w", err)
	}
	for _, r := range rows {
		if r.GetString("options") == string(options) {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // no code is no mistake
}

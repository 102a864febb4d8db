package till

// A merchant number may serve other programs too: a till, a shop system, another mini program. Their payments are in
// the same bill and do not concern us, but only a person can say which they are. The rules of `wx_merchants.foreign`
// say it once, for every day.

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// foreignRule is one line: `number:ERP-*`, `appid:wx…` or `attach:mall*`. A star may only be at the end.
type foreignRule struct {
	field, pattern string
	prefix         bool
}

func (r foreignRule) matches(value string) bool {
	if r.prefix {
		return strings.HasPrefix(value, r.pattern)
	}
	return value == r.pattern
}

// foreignRules reads the field; it refuses a rule that would match everything.
func foreignRules(text string) ([]foreignRule, error) {
	var rules []foreignRule
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		field, pattern, _ := strings.Cut(line, ":")
		rule := foreignRule{field: strings.TrimSpace(field), pattern: strings.TrimSpace(pattern)}
		rule.pattern, rule.prefix = strings.CutSuffix(rule.pattern, "*")
		known := rule.field == "number" || rule.field == "appid" || rule.field == "attach"
		if !known || len(rule.pattern) < 2 || strings.Contains(rule.pattern, "*") {
			return nil, fmt.Errorf("rule %.60q: want number:, appid: or attach: and at least two characters, with a star at the end or none", line)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// foreignOf reads the rules of a merchant; one from the environment may have a row only for this.
func (k *kit) foreignOf(mchID string) ([]foreignRule, error) {
	row, err := books.Find(k.app, "wx_merchants", dbx.HashExp{"mchid": mchID})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read merchant: %w", err)
	}
	return foreignRules(row.GetString("foreign"))
}

// isForeign tells whether a row of the bill is another program's.
//
// NB! it hides nothing that may be ours: a number of our form, which our books may have lost, is foreign only when it
// was paid in a mini program that is not ours, and a rule cannot make one of our mini programs foreign.
func (k *kit) isForeign(rules []foreignRule, row wxpay.BillRow) bool {
	_, err := k.accounts.Settings.App(row.AppID)
	ourApp := row.AppID == "" || err == nil
	mayBeOurs := order.MayBeOutTradeNo(row.OutTradeNo)
	for _, rule := range rules {
		switch {
		case rule.field == "appid" && !ourApp && rule.matches(row.AppID),
			rule.field == "number" && !mayBeOurs && rule.matches(row.OutTradeNo),
			rule.field == "attach" && !mayBeOurs && rule.matches(row.Attach):
			return true
		}
	}
	return false
}

// CheckForeign refuses unreadable rules when they are saved, not at the next bill.
func CheckForeign(e *core.RecordEvent) error {
	if _, err := foreignRules(e.Record.GetString("foreign")); err != nil {
		return validation.Errors{"foreign": validation.NewError("foreign_invalid", err.Error())}
	}
	return e.Next()
}

package books

// Alerts about failing effects.

import (
	"cmp"
	"context"

	"github.com/pocketbase/pocketbase/core"
)

// AlertForEffect raises an alert for an effect that was given up or keeps failing.
func (a *alerts) AlertForEffect(row *core.Record, outcome error) error {
	key, attempts := row.GetString("key"), row.GetInt("attempts")
	switch {
	case IsFinal(outcome), outcome != nil && attempts >= effectAlerts:
		return a.Raise(a.app, AlertEffect, key, map[string]any{
			"effect": row.GetString("effect"), "error": row.GetString("error"), "attempts": attempts, "givenUp": IsFinal(outcome),
		})
	case outcome == nil && attempts > 1:
		return a.Settle(a.app, AlertEffect, key, "it has worked")
	default:
		return nil
	}
}

// AlertTogether raises one alert for all rows of an effect.
func (a *alerts) AlertTogether(row *core.Record) error {
	return a.Raise(a.app, AlertEffect, row.GetString("effect"), map[string]any{"last": row.GetString("key"), "error": row.GetString("error")})
}

// raiseOld turns a row from a version without wx_alerts into an alert.
func (a *alerts) raiseOld(_ context.Context, row *core.Record) error {
	about, err := AboutOf(row)
	if err != nil {
		return err
	}
	return a.Raise(a.app, AlertPayment, cmp.Or(about.Refund, about.Payment, about.Order), map[string]any{
		"payment": about.Payment, "refund": about.Refund, "order": about.Order, "wants": about.Wants, "state": about.State,
	})
}

package desk

// Several things of one kind are one line of the overview, which leads to the list here: each with the page that mends it.

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// kindSecond is the kind of refunds that wait for a second person.
const kindSecond = "refund_second_person"

// listOf is the page that lists what is open of a kind.
func listOf(kind string) string { return "/alerts?kind=" + url.QueryEscape(kind) }

// listKind answers with every open alert, or every refund that waits, of a kind, the oldest first.
func (p *overviewPage) listKind(e *core.RequestEvent, kind string) error {
	items, err := openOf(e.App, kind)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return answerItems(e, items)
}

func openOf(app core.App, kind string) ([]attention, error) {
	var rows []*core.Record
	if kind == kindSecond {
		err := app.RecordQuery("wx_refund_requests").AndWhere(dbx.HashExp{"state": requestWaiting}).OrderBy("created").Limit(mostAlerts).All(&rows)
		return each(rows, viewSecond), err
	}
	if kind == kindPayoutSecond {
		held, err := openPayouts(app)
		return each(held, viewHeldPayout), err
	}
	where := dbx.And(dbx.NewExp("[[closedAt]] = ''"), dbx.HashExp{"kind": alertKind(kind)})
	if err := app.RecordQuery("wx_alerts").AndWhere(where).OrderBy("since").Limit(mostAlerts).All(&rows); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return each(rows, viewAlert), nil
}

// alertKind is the kind of wx_alerts that the dashboard calls so.
func alertKind(shown string) string {
	for kind, as := range shownKinds {
		if as.kind == shown {
			return kind
		}
	}
	return shown
}

// viewSecond shows a refund that waits for somebody else.
func viewSecond(r *core.Record) attention {
	return attention{
		Kind: kindSecond, Count: 1, Subject: r.GetString("order"), Details: yuan(int64(r.GetInt("amount"))) + " " + r.GetString("requestedBy"),
		Since: moment(r.GetDateTime("created")), To: "/orders/" + r.GetString("order"), urgency: urgencySecond,
	}
}

// withoutTwice leaves out the count of bill differences where the alert of their day says the same.
func withoutTwice(items []attention) []attention {
	isOpen := slices.ContainsFunc(items, func(a attention) bool { return a.Kind == "bill" })
	return slices.DeleteFunc(items, func(a attention) bool { return isOpen && a.Kind == "bill_diff" })
}

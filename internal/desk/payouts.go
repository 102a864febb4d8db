package desk

// Payouts: the list, one of them with its story, and what the overview says about those that wait. What changes one is in package till.

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// payoutsPage lists the transfers of the shop to people.
type payoutsPage struct{ kit }

// PayoutView is a payout as the dashboard sees it.
type PayoutView struct {
	ID             string `json:"id"`
	Number         string `json:"number"` // WeChat's out_bill_no
	TransferBillNo string `json:"transferBillNo"`
	User           string `json:"user"`
	Name           string `json:"name"`
	State          string `json:"state"`
	Amount         int64  `json:"amount"` // fen
	Remark         string `json:"remark"`
	Scene          string `json:"scene"`
	Perception     string `json:"perception"`
	Note           string `json:"note"`
	RequestedBy    string `json:"requestedBy"`
	ByProgram      bool   `json:"byProgram"`
	ApprovedBy     string `json:"approvedBy"`
	FailReason     string `json:"failReason"`
	RefusedCode    string `json:"refusedCode"`
	RefusedMessage string `json:"refusedMessage"`
	ConfirmBy      string `json:"confirmBy"`
	EndedAt        string `json:"endedAt"`
	AskedAt        string `json:"askedAt"`
	Forgotten      bool   `json:"forgotten"` // by WeChat: only people can find out what became of it
	SettleAs       string `json:"settleAs"`  // what the first of them found
	SettleBy       string `json:"settleBy"`
	SettleNote     string `json:"settleNote"`
}

// ViewPayout shows a payout without the receiver's name in the shop.
func ViewPayout(p rows.Payout) PayoutView {
	v := PayoutView{
		ID: p.Id, Number: p.OutBillNo(), TransferBillNo: p.TransferBillNo(), User: p.User(), State: string(p.State()), Amount: p.Amount(),
		Remark: p.Remark(), Scene: p.Scene(), Perception: p.Perception(), Note: p.Note(), RequestedBy: p.RequestedBy(), ByProgram: p.RequesterID() == "",
		ApprovedBy: p.ApprovedBy(), FailReason: p.GetString("failReason"), RefusedCode: p.GetString("refusedCode"),
		RefusedMessage: p.GetString("refusedMessage"), EndedAt: moment(p.GetDateTime("endedAt")), AskedAt: moment(p.GetDateTime("askedAt")),
	}
	v.SettleAs, v.SettleBy, v.SettleNote = p.GetString("settleAs"), p.GetString("settleBy"), p.GetString("settleNote")
	v.Forgotten = !p.CalledAt().IsZero() && p.NextQueryAt().IsZero() && !p.State().IsFinal()
	if p.State() == order.PayoutWaiting {
		v.ConfirmBy = moment(p.GetDateTime("confirmBy"))
	}
	return v
}

// listPayouts handles GET /api/wx/admin/payouts?state=&user=&from=&to=, the newest first.
func (p *payoutsPage) listPayouts(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	span, err := spanOf(e, "created")
	if err != nil {
		return err
	}
	query, where := e.Request.URL.Query(), dbx.HashExp{}
	if state := query.Get("state"); state != "" {
		if !slices.Contains(order.PayoutStates(), order.PayoutState(state)) {
			return answer.Field(answer.FieldInvalid, "state", "a state of a payout")
		}
		where["state"] = state
	}
	if user := query.Get("user"); user != "" {
		where["user"] = user
	}
	return AnswerPage(e, ask, "wx_payouts", both(where, span), newest, func(found []*core.Record) ([]PayoutView, error) {
		return p.view(e.App, found)
	})
}

// view shows payouts with the receivers' names.
func (p *payoutsPage) view(app core.App, found []*core.Record) ([]PayoutView, error) {
	views := make([]PayoutView, 0, len(found))
	users := make([]string, 0, len(found))
	for _, payout := range rows.PayoutsOf(found) {
		views = append(views, ViewPayout(payout))
		users = append(users, payout.User())
	}
	people, err := app.FindRecordsByIds("users", users)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	names := map[string]string{}
	for _, user := range people {
		names[user.Id] = user.GetString("name")
	}
	for i := range views {
		views[i].Name = names[views[i].User]
	}
	return views, nil
}

// payoutStory is a payout with all that happened to it, the oldest first.
type payoutStory struct {
	PayoutView

	Story []event `json:"story"`
}

// showPayout handles GET /api/wx/admin/payouts/{id}.
func (p *payoutsPage) showPayout(e *core.RequestEvent) error {
	row, err := e.App.FindRecordById("wx_payouts", e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		return answer.Fail(answer.PayoutMissing, nil)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	views, err := p.view(e.App, []*core.Record{row})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	story, err := payoutEvents(e.App, row)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, payoutStory{views[0], story})
}

// mostSteps is how much of a story is told.
const mostSteps = 500

func payoutEvents(app core.App, row *core.Record) ([]event, error) {
	story := []event{{At: moment(row.GetDateTime("created")), Kind: "created", Title: "created", By: row.GetString("requestedBy"), OK: true}}
	for _, part := range []struct {
		collection string
		where      dbx.Expression
		view       func(*core.Record) event
	}{
		{"wx_ledger", dbx.NewExp("[[payout]] = {:id} AND [[payout]] != ''", dbx.Params{"id": row.Id}), ledgerEvent},
		{"wx_inbox", dbx.HashExp{"ref": row.GetString("outBillNo"), "kind": "payout"}, inboxEvent},
		{"wx_audit", dbx.HashExp{"subject": row.Id}, auditEvent},
	} {
		var found []*core.Record
		if err := app.RecordQuery(part.collection).AndWhere(part.where).OrderBy("rowid").Limit(mostSteps).All(&found); err != nil {
			return nil, fmt.Errorf("read %s: %w", part.collection, err)
		}
		story = append(story, each(found, part.view)...)
	}
	slices.SortStableFunc(story, func(a, b event) int { return strings.Compare(a.At, b.At) })
	return story, nil
}

// kindPayoutSecond is the kind of payouts that wait for a second person.
const kindPayoutSecond = "payout_second_person"

// heldPayouts are payouts that wait for somebody else.
func (p *overviewPage) heldPayouts(app core.App) ([]attention, error) {
	found, err := openPayouts(app)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	first := viewHeldPayout(found[0])
	if first.Count = len(found); first.Count > 1 {
		first.To = "/payouts?state=HELD"
	}
	return []attention{first}, nil
}

func openPayouts(app core.App) (found []*core.Record, err error) {
	err = app.RecordQuery("wx_payouts").AndWhere(dbx.HashExp{"state": string(order.PayoutHeld)}).OrderBy("created").Limit(mostAlerts).All(&found)
	if err != nil {
		return nil, fmt.Errorf("read held payouts: %w", err)
	}
	return found, nil
}

func viewHeldPayout(r *core.Record) attention {
	return attention{
		Kind: kindPayoutSecond, Count: 1, Subject: r.Id, Details: yuan(int64(r.GetInt("amount"))) + " " + r.GetString("requestedBy"),
		Since: moment(r.GetDateTime("created")), To: "/payouts/" + r.Id, urgency: urgencySecond,
	}
}

package hooks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// The ledger's payouts: the shop sends money to its customers while everything goes wrong, most of it with a second person; some are taken
// back, some confirmed, some left until WeChat closes them.

func payoutFaults() []ledgerFault {
	return []ledgerFault{
		{"transfer", "not_enough", .05},
		{"transfer", "transfer_accepted", .1},
		{"transfer", "transfer_fail", .05},
		{"transfer", "user_error", .03},
		{"transfer_device", "fail", .1},
		{"transfer_notification", "lost", .15},
		{"transfer_notification", "duplicate", .1},
		{"transfer_notification", "late", .08},
		{"transfer_notification", "wrong_signature", .05},
		{"transfer_notification", "other_amount", .05},
		{"transfer_notification", "other_appid", .03},
	}
}

// preparePayouts lets money leave, and makes the second person.
func (l *ledgerRun) preparePayouts(t *testing.T) {
	t.Helper()
	l.must(t, http.MethodPatch, "/api/wx/admin/setup/preferences", l.super, map[string]any{"payoutsPerDay": 100_000_000, "payoutsAlonePerDay": 5_000})
	second := map[string]any{"email": "b@example.com", "password": "password-2", "passwordConfirm": "password-2"}
	l.must(t, http.MethodPost, "/api/collections/_superusers/records", l.super, second)
	login := l.must(t, http.MethodPost, "/api/collections/_superusers/auth-with-password", "", map[string]any{"identity": "b@example.com", "password": "password-2"})
	l.second, _ = login["token"].(string)
}

// payoutsFor: one for two orders; for ten in a long run, because a payout with two people takes as long as an order.
func payoutsFor(orders int) int {
	if orders < longLedger {
		return orders / 2
	}
	return orders / 10
}

// payPeople sends one payout after the other until it is told to stop, or all are sent.
func (l *ledgerRun) payPeople(ctx context.Context, t *testing.T, most int) {
	for i := range most {
		if ctx.Err() != nil {
			return
		}
		if err := l.payOut(i); err != nil {
			t.Errorf("payout %d: %v", i, err)
		}
		l.paidOut.Add(1)
	}
}

// payOut is the life of one payout, as its own random numbers have it.
func (l *ledgerRun) payOut(i int) error {
	random := rand.New(rand.NewPCG(l.seed, uint64(i)+1_000_000))
	person := l.people[random.IntN(len(l.people))]
	body := map[string]any{
		"user": person.user, "appid": person.app, "amount": 10 + random.IntN(3_000), "remark": "ledger", "scene": "1000", "key": fmt.Sprintf("payout-%d", i),
		"reports": []any{
			map[string]any{"info_type": "活动名称", "info_content": "新会员有礼"}, map[string]any{"info_type": "奖励说明", "info_content": "一等奖"},
		},
	}
	made, err := l.insist("/api/wx/admin/payouts", l.super, body)
	if err != nil {
		return err
	}
	id, ok := made["id"].(string)
	if !ok {
		return fmt.Errorf("no payout: %v", made)
	}
	path, fate := "/api/wx/admin/payouts/"+id, random.IntN(100)
	if made["state"] == "HELD" {
		decision := "/approve"
		if fate%7 == 0 {
			decision = "/cancel"
		}
		if _, err := l.insist(path+decision, l.second, nil); err != nil || decision == "/cancel" {
			return err // what was never let go is none to its receiver
		}
	}
	switch {
	case fate < 15: // nobody confirms
		return nil
	case fate < 30: // taken back, and the receiver may be faster
		go func() { _ = l.confirm(person, id) }()
		_, err = l.insist(path+"/cancel", l.super, nil)
		return err
	default:
		return l.confirm(person, id)
	}
}

// confirm is the receiver's phone. What is not ready yet is tried a few times, as a person would.
func (l *ledgerRun) confirm(person ledgerPerson, id string) error {
	for range 20 {
		params, err := l.insist("/api/wx/payouts/"+id+"/confirm", person.token, nil)
		if err != nil {
			return err
		}
		if params["package"] != nil {
			answer, err := l.server.control("/_sim/people/"+person.id+"/transfer", params)
			if err != nil || answer["errMsg"] == "requestMerchantTransfer:ok" {
				return err
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// payoutInvariants are what must hold in the books of a dead server.
func payoutInvariants() map[string]string {
	return map[string]string{
		"a payout that succeeded twice":                 `SELECT COUNT(*) FROM (SELECT payout FROM wx_ledger WHERE payout != '' AND [[to]] = 'SUCCESS' AND [[from]] != 'SUCCESS' GROUP BY payout HAVING COUNT(*) > 1)`,
		"a payout's transition without a ledger row":    `SELECT COUNT(*) FROM wx_payouts WHERE state NOT IN ('NEW', 'HELD') AND (id, state) NOT IN (SELECT payout, [[to]] FROM wx_ledger WHERE payout != '')`,
		"an open payout that nobody will look at":       `SELECT COUNT(*) FROM wx_payouts WHERE state IN ('NEW','SUBMITTED','ACCEPTED','WAITING','TRANSFERRING','CANCELLING') AND nextQueryAt = ''`,
		"a held payout that was sent":                   `SELECT COUNT(*) FROM wx_payouts WHERE state = 'HELD' AND calledAt != ''`,
		"a payout by one person above what that may":    `SELECT COUNT(*) FROM wx_payouts WHERE amount > 5000 AND approvedBy = '' AND calledAt != ''`,
		"a payout approved by who asked":                `SELECT COUNT(*) FROM wx_payouts WHERE approverId != '' AND approverId = requesterId`,
		"the name or the package of an ended payout":    `SELECT COUNT(*) FROM wx_payouts WHERE state IN ('SUCCESS','FAILED','CANCELLED','REJECTED') AND (userName != '' OR packageInfo != '')`,
		"a package in the evidence of the ledger":       `SELECT COUNT(*) FROM wx_ledger WHERE evidence LIKE '%package_info%'`,
		"a payout let go of which nobody knows the day": `SELECT COUNT(*) FROM wx_payouts WHERE calledAt != '' AND releasedAt = ''`,
	}
}

// theirTransfer is a row of the simulator's own books.
type theirTransfer struct {
	OutBillNo string `json:"out_bill_no"`
	State     string `json:"state"`
	Amount    int64  `json:"transfer_amount"`
	OpenID    string `json:"openid"`
}

// checkPayouts compares both books, to the fen.
func (l *ledgerRun) checkPayouts(t *testing.T, app core.App) {
	t.Helper()
	var list []theirTransfer
	l.read(t, "/_sim/transfers?limit=1000000", &list)
	theirs := map[string]theirTransfer{}
	for _, one := range list {
		theirs[one.OutBillNo] = one
	}
	ours, err := app.FindAllRecords("wx_payouts")
	if err != nil {
		t.Fatal(err)
	}
	states, sent := map[string]int{}, int64(0)
	for _, p := range ours {
		state, number := p.GetString("state"), p.GetString("outBillNo")
		states[state]++
		their, known := theirs[number]
		delete(theirs, number)
		want := map[string]string{"SUCCESS": "SUCCESS", "FAILED": "FAIL", "CANCELLED": "CANCELLED", "REJECTED": ""}[state]
		neverSent := state == "CANCELLED" && !known
		if their.State != want && !neverSent || known && (their.Amount != int64(p.GetInt("amount")) || their.OpenID != p.GetString("openid")) {
			t.Errorf("payout %s: ours %s %d, theirs %+v", number, state, p.GetInt("amount"), their)
		}
		if state == "SUCCESS" {
			sent += their.Amount
		}
	}
	if len(theirs) > 0 {
		t.Errorf("transfers that we know nothing of: %v", theirs)
	}
	held, err := app.CountRecords("wx_payouts", dbx.Not(dbx.HashExp{"approvedBy": ""}))
	if err != nil {
		t.Fatal(err)
	}
	if states["SUCCESS"] == 0 || held == 0 {
		t.Errorf("%v, %d with a second person: equal books prove nothing when nobody is paid", states, held)
	}
	t.Logf("%d payouts, %d fen sent, %d with a second person: %v", len(ours), sent, held, states)
}

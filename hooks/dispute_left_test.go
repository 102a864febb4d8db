package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/internal/order"
)

// byHandOf refunds a part of the disputed money at pay.weixin.qq.com.
func (d disputed) byHandOf(t *testing.T, amount int) {
	t.Helper()
	number := d.row(t, "payments", d.payment).GetString("outTradeNo")
	d.app.Must(http.MethodPost, "/_sim/orders/"+number+"/refund", "", map[string]any{"amount": amount})
	d.app.Clock.Advance(order.RefundSpacing)
}

// a part that went back elsewhere does not go back twice, and the rest is not kept
func TestDisputeGivenBackInPart(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]int{{500}, {500, 300}} {
		t.Run(fmt.Sprint(parts), func(t *testing.T) {
			t.Parallel()
			d := disputedOver(t, "amount", 1799)
			left := 1800
			for _, part := range parts {
				d.byHandOf(t, part)
				left -= part
			}
			got := d.resolve("close")
			wantAnswer(t, got, http.StatusConflict, "dispute_money_held")
			if !strings.Contains(string(got.Body), fmt.Sprintf(`"total":%d`, left)) {
				t.Errorf("close: got %s, want %d fen named", got.Body, left)
			}
			wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
			wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
			for range 3 {
				settle(t, d.app)
			}
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
			d.wantFrozen(t, false)
			d.wantBacks(t, left, parts)
			d.wantDecision(t, "giveBack")
			rows, err := d.app.FindAllRecords("wx_ledger", dbx.HashExp{"payment": d.payment, "source": "resolve"})
			if err != nil || !strings.Contains(rows[0].GetString("evidence"), fmt.Sprintf(`"left":%d`, left)) {
				t.Errorf("ledger: got %v (%v), want what was left in it", rows[0].GetString("evidence"), err)
			}
			if n := count(t, d.app, "wx_ledger", dbx.HashExp{"payment": d.payment, "source": "platform", "to": "SUCCESS"}); n != len(parts) {
				t.Errorf("ledger: got %d refunds of others, want %d", n, len(parts))
			}
		})
	}
}

// wantBacks checks at WeChat and here what has gone back: ours, and what others did.
func (d disputed) wantBacks(t *testing.T, ours int, others []int) {
	t.Helper()
	sum, mine := 0, 0
	for _, r := range list(t, d.app, "/_sim/refunds") {
		amount := int(r["refund"].(float64))
		if sum += amount; strings.HasPrefix(r["out_refund_no"].(string), "auto-"+d.payment) {
			mine += amount
		}
	}
	if mine != ours || sum != 1800 {
		t.Errorf("at WeChat: got %d fen of ours and %d in all, want %d and 1800", mine, sum, ours)
	}
	if n := count(t, d.app, "refunds", dbx.HashExp{"payment": d.payment, "state": "SUCCESS"}); n != len(others)+1 {
		t.Errorf("refunds here: got %d, want %d", n, len(others)+1)
	}
}

// all of it went back elsewhere: there is nothing to give back, and closing is right
func TestDisputeWhoseMoneyIsGone(t *testing.T) {
	t.Parallel()
	d := disputedOver(t, "amount", 1799)
	d.byHandOf(t, 1800)
	wantAnswer(t, d.resolve("giveBack"), http.StatusConflict, "dispute_nothing_held")
	wantAnswer(t, d.resolve("close"), http.StatusOK, "")
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
	d.wantFrozen(t, false)
	if n := len(list(t, d.app, "/_sim/refunds")); n != 1 {
		t.Errorf("refunds at WeChat: got %d, want the one by hand", n)
	}
}

// the message of a refund by hand may come before anybody decides, and its row is none of ours to send again
func TestDisputeGivenBackAfterARefundsMessage(t *testing.T) {
	t.Parallel()
	d := disputedOver(t, "amount", 1799)
	d.app.Superuser()
	number := "byhand-1"
	refund := newRecord(t, d.app, "refunds", map[string]any{
		"order": d.order.Text("id"), "payment": d.payment, "merchant": merchantOf(t, d.app), "state": "NEW",
		"outRefundNo": number, "amount": 500, "requestedBy": "merchant platform",
	})
	wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
	for range 2 {
		settle(t, d.app)
	}
	for _, r := range list(t, d.app, "/_sim/refunds") {
		if r["out_refund_no"] == number && r["refund"] != 500.0 {
			t.Errorf("refund %s: got %v fen", number, r["refund"])
		}
	}
	if n := count(t, d.app, "refunds", dbx.And(dbx.HashExp{"payment": d.payment}, dbx.Not(dbx.HashExp{"id": refund.Id}))); n != 1 {
		t.Errorf("give backs: got %d, want one beside the row of the platform", n)
	}
}

// while WeChat does not list the refunds nobody knows what is left: nothing is given back by a guess
func TestDisputeInPartWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	d := disputedOver(t, "amount", 1799)
	d.byHandOf(t, 500)
	d.app.Fault("v2_refundquery", "busy", 1)
	got := d.resolve("giveBack")
	if got.Status < 500 {
		t.Errorf("a list that fails: got %d %s, want it to be asked again", got.Status, got.Body)
	}
	if n := len(list(t, d.app, "/_sim/refunds")); n != 1 {
		t.Errorf("refunds at WeChat: got %d, want the one by hand alone", n)
	}
}

package till_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// payoutShop is a shop whose owner lets money leave: so much a day, and so much of it by one person alone.
func payoutShop(t *testing.T, perDay, alone int64) *shop {
	t.Helper()
	s := newShop(t)
	if err := desk.SavePreferences(s.TestApp, desk.Preferences{PayoutsPerDay: perDay, PayoutsAlonePerDay: alone}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shop) payoutForm(fen int64) till.PayoutForm {
	return till.PayoutForm{
		User: s.buyer.Id, Amount: fen, Remark: "新会员奖励", Scene: "1000",
		Reports: []wxpay.TransferReport{{Type: "活动名称", Content: "新会员有礼"}, {Type: "奖励说明", Content: "一等奖"}},
	}
}

// sends lets the shop's own code send money.
func (s *shop) sends(fen int64, change ...func(*till.PayoutForm)) (rows.Payout, roomtest.Answer) {
	s.tb.Helper()
	form := s.payoutForm(fen)
	for _, c := range change {
		c(&form)
	}
	wish, err := form.Wish("program")
	if err != nil {
		return rows.Payout{}, roomtest.Refusal(err)
	}
	record, err := s.Payouts.Make(s.tb.Context(), wish)
	if err != nil {
		return rows.Payout{}, roomtest.Refusal(err)
	}
	return rows.PayoutOf(record), roomtest.Answer{Status: http.StatusOK}
}

// waiting is a payout that waits for its receiver.
func (s *shop) waiting(fen int64) rows.Payout {
	s.tb.Helper()
	payout, got := s.sends(fen)
	s.Want("payout", got, http.StatusOK, "")
	if payout.State() != order.PayoutWaiting {
		s.tb.Fatalf("got %s, want WAITING", payout.State())
	}
	return payout
}

func (s *shop) payoutRow(id string) rows.Payout {
	s.tb.Helper()
	return rows.PayoutOf(s.Row("wx_payouts", id))
}

func (s *shop) sweepPayouts() {
	s.tb.Helper()
	if err := s.Payouts.Sweep(context.Background()); err != nil {
		s.tb.Fatal(err)
	}
}

// transferEnds lets WeChat say how a transfer has ended.
func (s *shop) transferEnds(number string, state wxpay.TransferState, change ...func(*wxpay.Transfer)) roomtest.Answer {
	s.tb.Helper()
	fact := s.Pay.transfer(number, func(t *wxpay.Transfer) {
		t.State = state
		for _, c := range change {
			c(t)
		}
	})
	return s.notify(s.Notices.Payout, mchID, transferNotice{Signed: "WeChat", Transfer: fact})
}

// transfer changes what WeChat knows about a transfer.
func (f *fakePay) transfer(number string, with func(*wxpay.Transfer)) wxpay.Transfer {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.transfers[number]
	with(&t)
	t.Raw, _ = json.Marshal(map[string]any{"out_bill_no": t.OutBillNo, "state": t.State, "package_info": t.PackageInfo, "user_name": "sealed"})
	f.transfers[number] = t
	return t
}

func (f *fakePay) Transfer(_ context.Context, r wxpay.TransferRequest) (wxpay.Transfer, error) {
	err := f.note("transfer", r.OutBillNo)
	if err != nil && !f.isTakenOn("transfer") {
		return wxpay.Transfer{}, err
	}
	known := f.transfer(r.OutBillNo, func(known *wxpay.Transfer) {
		if known.OutBillNo == "" {
			*known = wxpay.Transfer{
				MchID: mchID, AppID: r.AppID, OpenID: r.OpenID, OutBillNo: r.OutBillNo, TransferBillNo: "1330" + r.OutBillNo,
				State: wxpay.TransferWaits, Amount: r.Amount, CreatedAt: f.now(),
			}
		}
	})
	if err != nil {
		return wxpay.Transfer{}, err
	}
	return wxpay.Transfer{
		MchID: mchID, OutBillNo: known.OutBillNo, TransferBillNo: known.TransferBillNo, State: known.State, CreatedAt: known.CreatedAt,
		PackageInfo: "package of " + known.OutBillNo, Raw: known.Raw,
	}, nil
}

// isTakenOn tells whether a failing call has its effect all the same.
func (f *fakePay) isTakenOn(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.takenOn[call]
}

func (f *fakePay) QueryTransfer(_ context.Context, number string) (wxpay.Transfer, error) {
	if err := f.note("queryTransfer", number); err != nil {
		return wxpay.Transfer{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.transfers[number]
	if !ok {
		return t, failed(wxpay.KindNotFound)
	}
	return t, nil
}

func (f *fakePay) CancelTransfer(_ context.Context, number string) (wxpay.Transfer, error) {
	if err := f.note("cancelTransfer", number); err != nil {
		return wxpay.Transfer{}, err
	}
	f.mu.Lock()
	state := f.transfers[number].State
	f.mu.Unlock()
	if state != wxpay.TransferWaits && state != wxpay.TransferCancelling {
		return wxpay.Transfer{}, failed(wxpay.KindParam)
	}
	t := f.transfer(number, func(t *wxpay.Transfer) { t.State = wxpay.TransferCancelling })
	return wxpay.Transfer{MchID: mchID, OutBillNo: number, State: t.State, Raw: t.Raw}, nil
}

// transferNotice is the body of a notification about a transfer.
type transferNotice struct {
	Signed   string
	Transfer wxpay.Transfer
}

func (f *fakePay) ParseTransferNotification(_ http.Header, body []byte) (wxpay.TransferNotification, error) {
	var n transferNotice
	if err := json.Unmarshal(body, &n); err != nil {
		return wxpay.TransferNotification{}, wxpay.ErrNotifyMalformed
	}
	if n.Signed != "WeChat" {
		return wxpay.TransferNotification{}, wxpay.ErrNotifySignature
	}
	return wxpay.TransferNotification{ID: "evt", Transfer: n.Transfer, Plaintext: n.Transfer.Raw}, nil
}

func (s *shop) staff(email string) desk.Actor {
	return desk.Actor{ID: "staff-" + email[:3], Email: email, Role: desk.Owner}
}

// askAs lets somebody of the shop ask a route, as the gate of the desk lets them pass.
func (s *shop) askAs(handler func(*core.RequestEvent) error, as desk.Actor, id string, body any) roomtest.Answer {
	s.tb.Helper()
	return s.Call(func(e *core.RequestEvent) error {
		e.Set("wxDeskActor", as)
		return handler(e)
	}, roomtest.Request{Path: map[string]string{"id": id}, Body: body})
}

package till

// A disputed payment of another program that shares the merchant and used our number, for example because a copy of the
// books continued beside them. The money belongs neither to this order nor to us, so we cannot give it back.

import (
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

// disown ends the dispute, leaves the money where it is, and lets the order be paid under a new number.
//
// NB! what may be ours cannot be disowned, as a bill's rule cannot hide it (isForeign): WeChat's answer must name a
// mini program that is not ours.
func (s *Disputes) disown(payment rows.Payment, trade *wxpay.Trade, d *decision) error {
	if payment.State() != order.PaymentDisputed {
		return answer.With(answer.DisputeSettled, "state", string(payment.State()))
	}
	if trade == nil {
		return answer.With(answer.DisputeNothing, "tradeState", "NOT_EXIST")
	}
	if !trade.State.IsPaid() {
		return answer.With(answer.DisputeNothing, "tradeState", string(trade.State))
	}
	ours, err := s.isOurApp(trade.AppID)
	if err != nil {
		return err
	}
	if ours || trade.AppID == payment.AppID() {
		return answer.With(answer.DisputeOurs, "appid", trade.AppID)
	}
	d.settles, d.Transaction = true, trade.TransactionID
	_, _, err = s.payments.apply(s.app, payment.Id, "", payEvidence{source: "resolve", fact: trade, decision: d})
	return err
}

// disownEvent checks inside the transaction whether another decision came first.
func disownEvent(tx core.App, payment rows.Payment) (order.PaymentEvent, error) {
	if err := refuseWhileGoingBack(tx, payment); err != nil {
		return "", err
	}
	return order.EventResolveClosed, nil
}

// isOurApp tells whether a mini program may be ours; an empty name may.
func (k *kit) isOurApp(appID string) (bool, error) {
	if appID == "" {
		return true, nil
	}
	_, err := k.accounts.Settings.App(appID)
	if errors.Is(err, settings.ErrNotConfigured) {
		return false, nil
	}
	return err == nil, err
}

// isDisowned tells whether a row of a bill is the payment that a person declared foreign, or a refund of it.
func (b *Bills) isDisowned(row wxpay.BillRow) (bool, error) {
	if !order.MayBeOutTradeNo(row.OutTradeNo) {
		return false, nil
	}
	if ours, err := b.isOurApp(row.AppID); ours || err != nil {
		return false, err
	}
	found, err := b.app.FindAllRecords("payments", dbx.HashExp{"outTradeNo": row.OutTradeNo, "merchant": row.MchID})
	if err != nil {
		return false, fmt.Errorf("read payment: %w", err)
	}
	for _, payment := range rows.PaymentsOf(found) {
		d, err := disputeOf(payment)
		if err != nil {
			return false, err
		}
		if d.Decision != nil && d.Decision.What == decideNotOurs && d.Decision.Transaction == row.TransactionID {
			return true, nil
		}
	}
	return false, nil
}

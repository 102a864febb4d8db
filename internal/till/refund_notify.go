package till

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// NotifyRefund handles POST /api/wx/notify/refund/{merchant}, for refunds that we asked for and for those made by hand on the merchant
// platform. On a v3 merchant the latter come in the XML of v2, which carries no signature: such a notification moves nothing by
// itself, it only makes us ask.
func (t *Till) NotifyRefund(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return t.refuseNotify(e, answer.NotifyMalformed, err)
	}
	gateway, err := t.Accounts.Gateway(mchID, "") // either API reads the XML of v2, which is no more than a reason to ask
	if err == nil && !xmlflat.IsXML(body) {
		gateway, err = t.Accounts.NotifyGateway(mchID, body)
	}
	if err != nil {
		return t.refuseNotifyOf(e, mchID, body, err)
	}
	note, err := gateway.ParseRefundNotification(e.Request.Header, body)
	if err != nil {
		t.keepRefused(e, mchID, body, err)
		return t.refuseNotify(e, problemOfNotify(err), err)
	}
	inbox := refundInboxRow(e, mchID, note, body)
	fact := note.Refund
	if !note.Signed {
		ctx, cancel := context.WithTimeout(e.Request.Context(), notifyTimeout)
		defer cancel()
		if fact, err = gateway.QueryRefund(ctx, note.Refund.OutRefundNo); err != nil {
			return t.refuseNotify(e, answer.NotifyProcessing, err)
		}
	}
	return t.receiveRefund(e, mchID, fact, inbox, body)
}

func (t *Till) receiveRefund(e *core.RequestEvent, mchID string, fact wxpay.Refund, inbox map[string]any, body []byte) error {
	id, err := t.refundOfFact(e.App, mchID, fact)
	if errors.Is(err, sql.ErrNoRows) {
		return t.receiveUnmatched(e, mchID+"/"+fact.OutTradeNo, inbox, body)
	}
	if err != nil {
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	step, err := t.applyRefund(e.App, id, "", refundEvidence{source: "notify", fact: &fact, inbox: inbox})
	if err != nil {
		t.Books.KeepFailed(e.App, inbox, err)
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	switch {
	case step.Has(order.Freeze):
		t.Metrics.Notified(e, books.InboxDisputed)
	case step.Changed():
		t.Metrics.Notified(e, books.InboxApplied)
	default:
		t.Metrics.Notified(e, books.InboxRepeated)
	}
	return acknowledge(e, body)
}

// refundOfFact finds the refund that a verified fact is about. One that we have not made, for a payment that is ours, is imported: it
// was made on the merchant platform. It fails with sql.ErrNoRows for a payment that is not in our books.
func (t *Till) refundOfFact(app core.App, mchID string, fact wxpay.Refund) (id string, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		have, err := books.Find(tx, "refunds", dbx.HashExp{"merchant": mchID, "outRefundNo": fact.OutRefundNo})
		if err == nil {
			id = have.Id
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		payment, err := books.Find(tx, "payments", dbx.HashExp{"merchant": mchID, "outTradeNo": fact.OutTradeNo})
		if err != nil {
			return err
		}
		ask, err := t.refundAsk(tx, payment, int64(fact.Refund))
		if err != nil {
			return err
		}
		if left, err := order.Refundable(ask.Total, ask.Refunds); err != nil || left < ask.Amount {
			return t.Books.Raise(tx, books.AlertRefund, "import/"+fact.OutRefundNo, map[string]any{
				"payment": payment.Id, "order": payment.GetString("order"), "wants": "look at a refund of more than is left of the payment", "state": string(fact.State),
			})
		}
		r, err := saveRefund(tx, payment, map[string]any{
			"outRefundNo": fact.OutRefundNo, "amount": int64(fact.Refund), "requestedBy": "merchant platform", "sentAt": importedAt(fact, t.Now()),
			"nextQueryAt": t.Now().Add(nextRefundQuery(0)),
		})
		if err != nil {
			return err
		}
		id = r.Id
		return t.Books.Settle(tx, books.AlertRefund, refundsOfPayment(payment), "a refund by hand was booked")
	})
	if err == nil && id == "" {
		return "", fmt.Errorf("refund %s: %w", fact.OutRefundNo, errRefundTooLarge)
	}
	return id, err
}

// errRefundTooLarge is a refund that cannot stand in our books: a person must look.
var errRefundTooLarge = errors.New("more than is left of the payment")

// importedAt is when WeChat took a refund on, as far as the fact tells.
func importedAt(fact wxpay.Refund, now time.Time) time.Time {
	switch {
	case !fact.CreatedAt.IsZero():
		return fact.CreatedAt
	case !fact.SuccessAt.IsZero():
		return fact.SuccessAt
	default:
		return now
	}
}

func refundInboxRow(e *core.RequestEvent, mchID string, note wxpay.RefundNotification, body []byte) map[string]any {
	r := note.Refund
	said := strings.Join([]string{mchID, r.OutTradeNo, r.OutRefundNo, r.RefundID, string(r.State), r.Refund.String(), r.Total.String()}, "\n")
	return map[string]any{
		"kind": "refund", "source": mchID, "dedupeKey": "refund/" + books.Digest([]byte(said)), "headers": notifyHeaders(e),
		"body": string(body), "verified": note.Signed, "ref": r.OutRefundNo,
	}
}

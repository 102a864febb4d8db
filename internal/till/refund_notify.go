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
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// Refund handles POST /api/wx/notify/refund/{merchant}, for our refunds and for those made by hand on the merchant
// platform. A v3 merchant gets the latter in v2's XML, which is not signed: such a notification only makes us query.
func (n *Notices) Refund(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return n.refuse(e, answer.NotifyMalformed, err)
	}
	gateway, err := n.gateways.Gateway(mchID, "") // either API reads v2's XML, which is only a reason to query
	if err == nil && !xmlflat.IsXML(body) {
		gateway, err = n.gateways.NotifyGateway(mchID, body)
	}
	if err != nil {
		return n.refuseUnread(e, mchID, body, err)
	}
	note, err := gateway.ParseRefundNotification(e.Request.Header, body)
	if err != nil {
		n.keepRefused(e, mchID, body, err)
		return n.refuse(e, problemOfNotify(err), err)
	}
	inbox := refundInboxRow(e, mchID, note, body)
	fact := note.Refund
	if !note.Signed {
		ctx, cancel := context.WithTimeout(e.Request.Context(), notifyTimeout)
		defer cancel()
		if fact, err = gateway.QueryRefund(ctx, note.Refund.OutRefundNo); err != nil {
			return n.refuse(e, answer.NotifyProcessing, err)
		}
	}
	return n.receiveRefund(e, mchID, fact, inbox, body)
}

func (n *Notices) receiveRefund(e *core.RequestEvent, mchID string, fact wxpay.Refund, inbox map[string]any, body []byte) error {
	id, err := n.imports.rowOf(e.App, mchID, fact)
	if errors.Is(err, sql.ErrNoRows) {
		if gone, err := n.goneBack(e, mchID, fact, inbox, body); gone || err != nil {
			return n.orProcessing(e, err)
		}
		return n.receiveUnmatched(e, mchID+"/"+fact.OutTradeNo, inbox, body)
	}
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	_, step, err := n.refunds.apply(e.App, id, "", refundEvidence{source: "notify", fact: &fact, inbox: inbox})
	if err != nil {
		n.books.KeepFailed(e.App, inbox, err)
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	switch {
	case step.Has(order.Freeze):
		n.metrics.Notified(e, books.InboxDisputed)
	case step.Changed():
		n.metrics.Notified(e, books.InboxApplied)
	default:
		n.metrics.Notified(e, books.InboxRepeated)
	}
	return acknowledge(e, body)
}

// rowOf finds the refund of a verified fact. It imports one made by others for a payment of ours: it was made on the
// merchant platform. It fails with sql.ErrNoRows for an unknown payment.
func (i *imports) rowOf(app core.App, mchID string, fact wxpay.Refund) (id string, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		have, err := rows.FindRefund(tx, dbx.HashExp{"merchant": mchID, "outRefundNo": fact.OutRefundNo})
		if err == nil {
			id = have.Id
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		payment, err := rows.FindPayment(tx, dbx.HashExp{"merchant": mchID, "outTradeNo": fact.OutTradeNo})
		if err != nil {
			return err
		}
		ask, err := i.rows.ask(tx, payment, int64(fact.Refund))
		if err != nil {
			return err
		}
		if left, err := order.Refundable(ask.Total, ask.Refunds); err != nil || left < ask.Amount {
			return i.books.Raise(tx, books.AlertRefund, "import/"+fact.OutRefundNo, map[string]any{
				"payment": payment.Id, "order": payment.OrderID(), "wants": "look at a refund of more than is left of the payment", "state": string(fact.State),
			})
		}
		r, err := saveRefund(tx, payment, map[string]any{
			"outRefundNo": fact.OutRefundNo, "amount": int64(fact.Refund), "requestedBy": "merchant platform", "sentAt": importedAt(fact, i.now()),
			"nextQueryAt": i.now().Add(nextRefundQuery(0)),
		})
		if err != nil {
			return err
		}
		id = r.Id
		return i.books.Settle(tx, books.AlertRefund, refundsOfPayment(payment), "a refund by hand was booked")
	})
	if err == nil && id == "" {
		return "", fmt.Errorf("refund %s: %w", fact.OutRefundNo, errRefundTooLarge)
	}
	return id, err
}

// errRefundTooLarge reports a refund that contradicts our books: a person must look.
var errRefundTooLarge = errors.New("more than is left of the payment")

// importedAt is when WeChat accepted a refund, as far as the fact says.
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

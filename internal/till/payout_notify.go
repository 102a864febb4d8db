package till

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// Payout handles POST /api/wx/notify/payout/{merchant}: WeChat says how a transfer has ended. It is always of API v3.
func (n *Notices) Payout(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return n.refuse(e, answer.NotifyMalformed, err)
	}
	gateway, err := n.transferrer(mchID)
	if err != nil {
		return n.refuseUnread(e, mchID, body, err)
	}
	note, err := transferrerOf(gateway).ParseTransferNotification(e.Request.Header, body)
	if err != nil {
		n.books.KeepRefused(e.App, "payout", mchID, notifyHeaders(e), body, err)
		return n.refuse(e, problemOfNotify(err), err)
	}
	return n.receivePayout(e, mchID, note.Transfer, body)
}

func (n *Notices) receivePayout(e *core.RequestEvent, mchID string, fact wxpay.Transfer, body []byte) error {
	said := strings.Join([]string{mchID, fact.OutBillNo, fact.TransferBillNo, string(fact.State), fact.Amount.String(), fact.OpenID}, "\n")
	inbox := map[string]any{
		"kind": "payout", "source": mchID, "dedupeKey": "payout/" + books.Digest([]byte(said)), "headers": notifyHeaders(e),
		"body": string(body), "verified": true, "ref": fact.OutBillNo,
	}
	payout, err := rows.FindPayout(e.App, dbx.HashExp{"merchant": mchID, "outBillNo": fact.OutBillNo})
	if errors.Is(err, sql.ErrNoRows) {
		return n.receiveUnmatched(e, mchID+"/"+fact.OutBillNo, inbox, body)
	}
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	_, step, err := n.payouts.apply(e.App, payout.Id, "", payoutEvidence{source: "notify", fact: &fact, inbox: inbox})
	if err != nil {
		n.books.KeepFailed(e.App, inbox, err)
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	switch {
	case step.Changed():
		n.metrics.Notified(e, books.InboxApplied)
	case step.Has(order.Alert):
		n.metrics.Notified(e, books.InboxDisputed)
	default:
		n.metrics.Notified(e, books.InboxRepeated)
	}
	return acknowledge(e, body)
}

package till

import (
	"database/sql"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/conflict"
	"wxbase/internal/metrics"
	"wxbase/internal/order"
	"wxbase/internal/redact"
	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
	"wxbase/internal/wxpay/xmlflat"
)

// Notices handles the notifications of WeChat Pay.
type Notices struct {
	*kit
	metrics  *metrics.Metrics
	payments *Payments
	refunds  *refundRows
	imports  *imports
	payouts  *payoutRows

	Complained func(tx core.App, mchID string, note wxpay.ComplaintNotification, key string) error // queues what follows from a complaint, in tx
}

// unmatchedTries is how often a notification for an unknown order is refused, so that WeChat repeats it: our own row
// may be committing just now. After that it is kept for a person.
const unmatchedTries = 5

// Pay handles POST /api/wx/notify/pay/{merchant}. WeChat reads only the status: 2xx ends the repeats, anything else
// causes another.
//
// The checks in order: size, signature over the raw bytes, time in both directions, decryption, merchant (all in
// wxpay), then our own row, appid, number, amount and currency (in compare). Nothing is believed before the signature,
// and nothing unsigned decides.
func (n *Notices) Pay(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return n.refuse(e, answer.NotifyMalformed, err)
	}
	gateway, err := n.gateways.NotifyGateway(mchID, body)
	if err != nil {
		return n.refuseUnread(e, mchID, body, err)
	}
	note, err := gateway.ParsePayNotification(e.Request.Header, body)
	if errors.Is(err, wxpay.ErrNotifyNotPaid) {
		return n.receiveFailure(e, mchID, body, err)
	}
	if err != nil {
		n.keepRefused(e, mchID, body, err)
		return n.refuse(e, problemOfNotify(err), err)
	}
	return n.receive(e, mchID, note, body)
}

// readNotify reads the raw body, and notes in which format to answer.
func readNotify(e *core.RequestEvent) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(e.Response, e.Request.Body, wxpay.MaxNotificationBytes))
	e.Set(notifyIsXML, xmlflat.IsXML(body))
	return body, err
}

// notifyIsXML is the key in the request's store.
const notifyIsXML = "wxNotifyIsXML"

// refuseUnread refuses a notification that the gateway cannot read. Without the keys of its API it is kept: the sweep
// queries the payment, as it does without a notification.
func (n *Notices) refuseUnread(e *core.RequestEvent, mchID string, body []byte, cause error) error {
	if !errors.Is(cause, accounts.ErrNoKeys) {
		return n.refuse(e, answer.NotifyMerchant, cause)
	}
	n.keepRefused(e, mchID, body, cause)
	return n.refuse(e, answer.NotifyKeys, cause)
}

// receiveFailure accepts a genuine notification of API v2 that is not about a payment: it changes nothing, and a repeat
// would not either. A query tells whether the order is paid.
func (n *Notices) receiveFailure(e *core.RequestEvent, mchID string, body []byte, cause error) error {
	row := map[string]any{
		"kind": "pay", "source": mchID, "dedupeKey": "pay/failure/" + books.Digest(body), "headers": notifyHeaders(e), "body": string(body),
		"verified": true,
	}
	if err := books.SaveInbox(e.App, row, books.InboxRefused, cause.Error()); err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	return acknowledge(e, body)
}

// receive handles a notification that WeChat has signed.
func (n *Notices) receive(e *core.RequestEvent, mchID string, note wxpay.Notification, body []byte) error {
	inbox := inboxRow(e, mchID, note, body)
	payment, err := findBooked(e.App, mchID, note.Trade.OutTradeNo)
	if errors.Is(err, sql.ErrNoRows) {
		if foreign, err := n.receiveForeign(e, mchID, note.Trade, inbox, body); foreign || err != nil {
			return n.orProcessing(e, err)
		}
		return n.receiveUnmatched(e, mchID+"/"+note.Trade.OutTradeNo, inbox, body)
	}
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	if payment.isRepeat(note.Trade) {
		n.metrics.Notified(e, books.InboxRepeated)
		return acknowledge(e, body) // a repeat is answered without a write
	}
	_, step, err := n.payments.apply(e.App, payment.id, "", payEvidence{source: "notify", fact: &note.Trade, inbox: inbox})
	if err != nil {
		n.books.KeepFailed(e.App, inbox, err)
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	n.metrics.Notified(e, verdict("", step))
	return acknowledge(e, body)
}

// booked is what tells a repeat from news: five columns of a payment, which cost a quarter of the whole row.
type booked struct {
	id, transactionID, appID string
	state                    order.PaymentState
	amount                   int64
}

// findBooked reads the payment of a merchant's number. It fails with sql.ErrNoRows.
func findBooked(app core.App, mchID, outTradeNo string) (b booked, err error) {
	err = books.Row(app, "SELECT `id`, `state`, `transactionId`, `appid`, `amount` FROM `payments` WHERE `merchant` = ? AND `outTradeNo` = ?",
		[]any{mchID, outTradeNo}, &b.id, &b.state, &b.transactionID, &b.appID, &b.amount)
	return b, err
}

// isRepeat tells whether this same payment is booked already.
func (b booked) isRepeat(t wxpay.Trade) bool {
	return b.state == order.PaymentPaid && t.TransactionID != "" && b.transactionID == t.TransactionID &&
		t.State == wxpay.StateSuccess && int64(t.Total) == b.amount && t.AppID == b.appID
}

func (n *Notices) receiveUnmatched(e *core.RequestEvent, subject string, inbox map[string]any, body []byte) error {
	seen, err := books.CountInbox(e.App, inbox, books.InboxUnmatched, "no such outTradeNo here")
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	if closed, err := isClosed(e.App, inbox); closed || err != nil {
		if err != nil {
			return n.refuse(e, answer.NotifyProcessing, err)
		}
		return acknowledge(e, body) // note: a person has explained it already
	}
	if seen < unmatchedTries {
		return n.refuse(e, answer.NotifyUnmatched, nil)
	}
	// NB! the alert comes before the answer that ends the repeats: unknown money must not be forgotten
	err = n.books.Raise(e.App, books.AlertUnmatched, subject, map[string]any{"inbox": inbox["dedupeKey"], "notification": inbox["kind"]})
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	n.metrics.Notified(e, books.InboxUnmatched)
	return acknowledge(e, body)
}

func isClosed(app core.App, inbox map[string]any) (bool, error) {
	n, err := app.CountRecords("wx_inbox", dbx.HashExp{"dedupeKey": inbox["dedupeKey"], "state": books.InboxClosed})
	return n > 0, err
}

// orProcessing makes WeChat repeat what could not be written.
func (n *Notices) orProcessing(e *core.RequestEvent, err error) error {
	if err == nil || e.Written() {
		return err
	}
	return n.refuse(e, answer.NotifyProcessing, err)
}

// notifyTimeout leaves time to answer within WeChat's five seconds.
const notifyTimeout = 4 * time.Second

// acknowledge ends the repeats of a notification. API v3 wants a status, API v2 a document.
func acknowledge(e *core.RequestEvent, body []byte) error {
	if xmlflat.IsXML(body) {
		return e.Blob(http.StatusOK, v2.ContentType, v2.Acknowledge())
	}
	return e.NoContent(http.StatusNoContent)
}

// refuse answers in the request's format: XML for API v2, otherwise JSON with the fields of v3 and of our own API.
func (n *Notices) refuse(e *core.RequestEvent, problem answer.Problem, cause error) error {
	reason := problem.Code
	if cause != nil {
		reason = cause.Error()
	}
	if conflict, ok := conflict.In(cause); ok {
		problem = answer.SchemaConflict
		reason = conflict.Error()
	}
	n.metrics.Notified(e, problem.Code)
	e.App.Logger().Warn("payment notification refused", "code", problem.Code, "reason", redact.Text(reason))
	if inXML, _ := e.Get(notifyIsXML).(bool); inXML {
		return e.Blob(problem.Status, v2.ContentType, v2.Refuse(problem.Code))
	}
	return e.JSON(problem.Status, map[string]any{
		"code": "FAIL", "message": problem.EN, "status": problem.Status, "data": map[string]string{"code": problem.Code},
	})
}

func problemOfNotify(err error) answer.Problem {
	switch {
	case errors.Is(err, wxpay.ErrNotifyStale):
		return answer.NotifyStale
	case errors.Is(err, wxpay.ErrNotifySignature), errors.Is(err, wxpay.ErrNotifySerial), errors.Is(err, wxpay.ErrNotifyProbe):
		return answer.NotifySignature
	case errors.Is(err, wxpay.ErrNotifyMerchant):
		return answer.NotifyMerchant
	default:
		return answer.NotifyMalformed
	}
}

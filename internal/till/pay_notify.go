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
	"wxbase/internal/order"
	"wxbase/internal/redact"
	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
	"wxbase/internal/wxpay/xmlflat"
)

// unmatchedTries is how often a notification for an order that is not here is refused, so that WeChat sends it again: our own row
// may be committing just now. After that it is kept for a person.
const unmatchedTries = 5

// NotifyPay handles POST /api/wx/notify/pay/{merchant}. WeChat looks at the status only: 2xx ends the sending, anything else
// brings the notification again.
//
// The order of the checks is: size, signature over the raw bytes, time both ways, decryption, merchant (all in wxpay), then our
// own row, appid, number, amount and currency (in compare). Nothing before the signature is believed, nothing unsigned decides.
func (t *Till) NotifyPay(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return t.refuseNotify(e, answer.NotifyMalformed, err)
	}
	gateway, err := t.Accounts.NotifyGateway(mchID, body)
	if err != nil {
		return t.refuseNotifyOf(e, mchID, body, err)
	}
	note, err := gateway.ParsePayNotification(e.Request.Header, body)
	if errors.Is(err, wxpay.ErrNotifyNotPaid) {
		return t.receiveFailure(e, mchID, body, err)
	}
	if err != nil {
		t.keepRefused(e, mchID, body, err)
		return t.refuseNotify(e, problemOfNotify(err), err)
	}
	return t.receive(e, mchID, note, body)
}

// readNotify reads the raw body, and notes in which words an answer has to be.
func readNotify(e *core.RequestEvent) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(e.Response, e.Request.Body, wxpay.MaxNotificationBytes))
	e.Set(notifyIsXML, xmlflat.IsXML(body))
	return body, err
}

// notifyIsXML is the key in the request's store.
const notifyIsXML = "wxNotifyIsXML"

// refuseNotifyOf refuses a notification that no gateway can read. Without the keys of its API it is kept: the sweep asks WeChat about
// the payment, as it does when no notification comes at all.
func (t *Till) refuseNotifyOf(e *core.RequestEvent, mchID string, body []byte, cause error) error {
	if !errors.Is(cause, accounts.ErrNoKeys) {
		return t.refuseNotify(e, answer.NotifyMerchant, cause)
	}
	t.keepRefused(e, mchID, body, cause)
	return t.refuseNotify(e, answer.NotifyKeys, cause)
}

// receiveFailure ends the sending of a genuine notification of API v2 that tells of no payment: it moves nothing, and would not the next
// time either. Whether the order is paid, a query says.
func (t *Till) receiveFailure(e *core.RequestEvent, mchID string, body []byte, cause error) error {
	row := map[string]any{
		"kind": "pay", "source": mchID, "dedupeKey": "pay/failure/" + books.Digest(body), "headers": notifyHeaders(e), "body": string(body),
		"verified": true,
	}
	if err := books.SaveInbox(e.App, row, books.InboxRefused, cause.Error()); err != nil {
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	return acknowledge(e, body)
}

// receive acts on a notification that WeChat has signed.
func (t *Till) receive(e *core.RequestEvent, mchID string, note wxpay.Notification, body []byte) error {
	inbox := inboxRow(e, mchID, note, body)
	payment, err := books.Find(e.App, "payments", dbx.HashExp{"merchant": mchID, "outTradeNo": note.Trade.OutTradeNo})
	if errors.Is(err, sql.ErrNoRows) {
		return t.receiveUnmatched(e, mchID+"/"+note.Trade.OutTradeNo, inbox, body)
	}
	if err != nil {
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	if isRepeat(payment, note.Trade) {
		t.Metrics.Notified(e, books.InboxRepeated)
		return acknowledge(e, body) // a repeat is answered without a write
	}
	step, err := t.apply(e.App, payment.Id, "", evidence{source: "notify", trade: &note.Trade, inbox: inbox})
	if err != nil {
		t.Books.KeepFailed(e.App, inbox, err)
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	t.Metrics.Notified(e, verdict("", step))
	return acknowledge(e, body)
}

// isRepeat tells whether the very same payment is booked already.
func isRepeat(payment *core.Record, t wxpay.Trade) bool {
	return order.PaymentState(payment.GetString("state")) == order.PaymentPaid &&
		t.TransactionID != "" && payment.GetString("transactionId") == t.TransactionID &&
		t.State == wxpay.StateSuccess && int64(t.Total) == int64(payment.GetInt("amount")) &&
		t.AppID == payment.GetString("appid")
}

func (t *Till) receiveUnmatched(e *core.RequestEvent, subject string, inbox map[string]any, body []byte) error {
	seen, err := books.CountInbox(e.App, inbox, books.InboxUnmatched, "no such outTradeNo here")
	if err != nil {
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	if seen < unmatchedTries {
		return t.refuseNotify(e, answer.NotifyUnmatched, nil)
	}
	// NB! the alert comes before the answer that ends the sending: money that nobody knows of must not be forgotten
	err = t.Books.Raise(e.App, books.AlertUnmatched, subject, map[string]any{"inbox": inbox["dedupeKey"], "notification": inbox["kind"]})
	if err != nil {
		return t.refuseNotify(e, answer.NotifyProcessing, err)
	}
	t.Metrics.Notified(e, books.InboxUnmatched)
	return acknowledge(e, body)
}

// notifyTimeout leaves time to answer within the five seconds that WeChat waits.
const notifyTimeout = 4 * time.Second

// acknowledge ends the sending of a notification. API v3 wants a status, API v2 a document.
func acknowledge(e *core.RequestEvent, body []byte) error {
	if xmlflat.IsXML(body) {
		return e.Blob(http.StatusOK, v2.ContentType, v2.Acknowledge())
	}
	return e.NoContent(http.StatusNoContent)
}

// refuseNotify answers in the words of what was asked: XML to API v2, and otherwise JSON in which v3 and our own API each find theirs.
func (t *Till) refuseNotify(e *core.RequestEvent, problem answer.Problem, cause error) error {
	reason := problem.Code
	if cause != nil {
		reason = cause.Error()
	}
	if conflict, ok := conflict.In(cause); ok {
		problem = answer.SchemaConflict
		reason = conflict.Error()
	}
	t.Metrics.Notified(e, problem.Code)
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

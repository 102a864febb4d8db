package till

import (
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// inboxRow is a verified notification as a row of wx_inbox. The key is made from its content, not from its id or bytes:
// a repeated delivery may have another id and is encrypted anew.
func inboxRow(e *core.RequestEvent, mchID string, note wxpay.Notification, body []byte) map[string]any {
	t := note.Trade
	said := strings.Join([]string{mchID, t.AppID, t.OutTradeNo, t.TransactionID, string(t.State), t.Total.String(), t.Currency}, "\n")
	return map[string]any{
		"kind": "pay", "source": mchID, "dedupeKey": "pay/" + books.Digest([]byte(said)), "headers": notifyHeaders(e),
		"body": string(body), "verified": true, "ref": t.OutTradeNo,
	}
}

// notifyHeaders are the signature's headers; no others are kept.
func notifyHeaders(e *core.RequestEvent) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Signature-Type"} {
		if value := e.Request.Header.Get(name); value != "" {
			kept[name] = value[:min(len(value), 1_000)]
		}
	}
	return kept
}

// verdict is the result of the step for the notification behind it.
func verdict(event order.PaymentEvent, step order.Step) string {
	switch {
	case step.Has(order.Freeze), event == order.EventOtherPaidFact, event == order.EventSecondTransaction:
		return books.InboxDisputed
	case step.Changed():
		return books.InboxApplied
	default:
		return books.InboxRepeated
	}
}

// describe puts mismatches into words.
func describe(mismatches []order.Mismatch) string {
	words := make([]string, 0, len(mismatches))
	for _, m := range mismatches {
		words = append(words, fmt.Sprintf("%s is %q, want %q", m.Field, m.Got, m.Want))
	}
	return strings.Join(words, "; ")
}

// keepRefused keeps a refused payment notification.
func (n *Notices) keepRefused(e *core.RequestEvent, mchID string, body []byte, cause error) {
	n.books.KeepRefused(e.App, "pay", mchID, notifyHeaders(e), body, cause)
}

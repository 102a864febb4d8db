package till

// What explains money for an unknown number (books.CloseUnmatched): a rule that calls it another program's, or a
// complete refund.

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/wxpay"
)

// byRule is the explainer of what a rule of wx_merchants.foreign calls another program's.
const byRule = "a rule of the merchant"

// receiveForeign keeps a notification of another program's payment, and ends its repeats; false when no rule matches.
func (n *Notices) receiveForeign(e *core.RequestEvent, mchID string, trade wxpay.Trade, inbox map[string]any, body []byte) (bool, error) {
	rules, err := n.foreignOf(mchID)
	if err != nil || !n.isForeign(rules, wxpay.BillRow{AppID: trade.AppID, OutTradeNo: trade.OutTradeNo, Attach: trade.Attach}) {
		return false, err
	}
	inbox["closedBy"] = byRule
	if err := books.SaveInbox(e.App, inbox, books.InboxClosed, ""); err != nil {
		return false, err
	}
	if err := n.books.CloseUnmatched(e.App, mchID, trade.OutTradeNo, byRule, ""); err != nil {
		return false, err
	}
	n.metrics.Notified(e, books.InboxClosed)
	return true, acknowledge(e, body)
}

// closeForeign closes the unmatched rows of numbers that a rule calls another program's. Rules about the mini program
// or the attach use the day's bill, which has both.
func (b *Bills) closeForeign(mchID string) error {
	rules, err := b.foreignOf(mchID)
	if err != nil || len(rules) == 0 {
		return err
	}
	found, err := b.app.FindAllRecords("wx_inbox", dbx.HashExp{"state": books.InboxUnmatched, "source": mchID, "kind": "pay"})
	if err != nil {
		return fmt.Errorf("read inbox: %w", err)
	}
	for _, r := range found {
		number := r.GetString("ref")
		if !b.isForeign(rules, wxpay.BillRow{OutTradeNo: number}) {
			continue
		}
		if err := b.books.CloseUnmatched(b.app, mchID, number, byRule, ""); err != nil {
			return err
		}
	}
	return nil
}

// goneBack handles a refund of money that was never ours: when all of it has reached the payer, the alert is closed.
func (n *Notices) goneBack(e *core.RequestEvent, mchID string, fact wxpay.Refund, inbox map[string]any, body []byte) (bool, error) {
	if fact.State != wxpay.RefundSuccess || fact.Total < 1 || fact.Refund != fact.Total {
		return false, nil
	}
	// NB! only for money that already waits for a person: an unknown number may become known when the notification is
	// repeated
	seen, err := e.App.CountRecords("wx_inbox", dbx.HashExp{"source": mchID, "kind": "pay", "ref": fact.OutTradeNo},
		dbx.In("state", books.InboxUnmatched, books.InboxClosed))
	if err != nil || seen == 0 {
		return false, err
	}
	by := "refund " + fact.OutRefundNo
	inbox["closedBy"] = by
	if err := books.SaveInbox(e.App, inbox, books.InboxClosed, ""); err != nil {
		return false, err
	}
	if err := n.books.CloseUnmatched(e.App, mchID, fact.OutTradeNo, by, "all of it has gone back"); err != nil {
		return false, err
	}
	n.metrics.Notified(e, books.InboxClosed)
	return true, acknowledge(e, body)
}

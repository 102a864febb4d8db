package wxpay

import (
	"errors"
	"fmt"
	"time"
)

// maxOutRefundNo is longer than what an order's number may have.
const maxOutRefundNo = 64

// RefundRequest asks for money back to the payer. OutRefundNo is the idempotency key for ever: any number
// of calls with it make one refund, and the amounts may not change between them.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013071036 (退款申请).
type RefundRequest struct {
	OutTradeNo    string // our order; it or TransactionID is needed, and it is the one sent when both are set
	TransactionID string // WeChat's number of the order
	OutRefundNo   string // our number of this refund: 1 to 64 of 0-9 A-Z a-z _ - | * @
	Reason        string // what the payer reads, at most 80 bytes; may be empty
	NotifyURL     string // as in PrepayRequest; see Validate
	Refund        Fen    // what goes back, at least 1
	Total         Fen    // what the order cost, in all
}

// Validate says everything that WeChat would refuse anyway, one sentence each. It also asks for NotifyURL,
// which WeChat does not: without it the refund is notified in v2 XML to another place, or not at all.
func (r RefundRequest) Validate() error {
	return errors.Join(
		r.checkOrder(),
		checkOutRefundNo(r.OutRefundNo),
		checkText("reason", r.Reason, 0, 80),
		checkNotifyURL(r.NotifyURL),
		checkRefundAmount(r.Refund, r.Total),
	)
}

func (r RefundRequest) checkOrder() error {
	if r.OutTradeNo == "" && r.TransactionID == "" {
		return errors.New("out_trade_no or transaction_id is missing")
	}
	var err error
	if r.OutTradeNo != "" {
		err = checkOutTradeNo(r.OutTradeNo)
	}
	if r.TransactionID != "" {
		err = errors.Join(err, checkToken("transaction_id", r.TransactionID, 32))
	}
	return err
}

// checkOutRefundNo keeps slashes and question marks out of the path that the number becomes part of.
func checkOutRefundNo(number string) error {
	if number == "" || len(number) > maxOutRefundNo {
		return fmt.Errorf("out_refund_no must have 1 to %d characters", maxOutRefundNo)
	}
	for _, c := range []byte(number) {
		if !isAlphanumeric(c) && c != '_' && c != '-' && c != '|' && c != '*' && c != '@' {
			return errors.New("out_refund_no must consist of 0-9 A-Z a-z _ - | * @")
		}
	}
	return nil
}

func checkRefundAmount(refund, total Fen) error {
	if refund < 1 || refund > total {
		return errors.New("refund must be at least 1 fen and at most the total of the order")
	}
	return nil
}

// RefundState is WeChat's status of a refund, in v3's words for both versions. A word that we do not know is
// kept as it came.
type RefundState string

// The states that WeChat documents.
const (
	RefundProcessing RefundState = "PROCESSING" // taken on; the money is not back yet
	RefundSuccess    RefundState = "SUCCESS"    // the money is back
	RefundClosed     RefundState = "CLOSED"     // it failed for good: a new try needs a new number (v2: REFUNDCLOSE)
	RefundAbnormal   RefundState = "ABNORMAL"   // card and balance are dead: a person must act; SUCCESS may follow (v2: CHANGE)
)

// RefundStateOfV2 gives the v3 word for what API v2 calls refund_status.
func RefundStateOfV2(word string) RefundState {
	switch word {
	case "CHANGE":
		return RefundAbnormal
	case "REFUNDCLOSE":
		return RefundClosed
	default:
		return RefundState(word)
	}
}

// Refund is one refund as WeChat knows it. Fields that WeChat left out are zero.
type Refund struct {
	MchID                     string // the gateway's own when the answer does not name it
	OutRefundNo, RefundID     string // ours and WeChat's number of the refund
	OutTradeNo, TransactionID string // ours and WeChat's number of the order
	State                     RefundState
	Refund, Total             Fen // of this refund, and of the whole order: compare these
	PayerRefund, PayerTotal   Fen // the payer's own money in them, less when a coupon helped
	Channel                   string
	UserReceivedAccount       string // such as "招商银行信用卡0403"; personal data
	CreatedAt, SuccessAt      time.Time
	Raw                       []byte // the JSON it was read from, to keep as evidence
}

// Validate refuses what no honest answer holds: without numbers or state, or with amounts that cannot be. It
// does not compare with what was asked for.
func (r Refund) Validate() error {
	switch {
	case r.OutRefundNo == "" || r.RefundID == "" || r.State == "":
		return errors.New("refund has no out_refund_no, refund_id or status")
	case r.OutTradeNo == "" && r.TransactionID == "":
		return errors.New("refund is of no order")
	case r.Refund < 1 || r.Refund > r.Total || r.PayerRefund < 0 || r.PayerTotal < 0:
		return errors.New("refund has an amount that cannot be")
	}
	return nil
}

// RefundNotification is a decrypted 退款结果通知. WeChat sends it again until it is answered, in any order
// with others: be idempotent by Refund.OutRefundNo and Refund.State.
type RefundNotification struct {
	ID         string // empty when it came as v2 XML, which has none
	EventType  string // "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED", for XML too
	CreateTime time.Time
	Refund     Refund
	Plaintext  []byte // the same bytes as Refund.Raw

	// Signed is false for v2 XML: it is encrypted, but nothing says who wrote it.
	//
	// NB! when false, call QueryRefund and act on its answer alone.
	Signed bool
}

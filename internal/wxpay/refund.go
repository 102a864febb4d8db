package wxpay

import (
	"errors"
	"fmt"
	"time"
)

// maxOutRefundNo exceeds the limit of an order's number.
const maxOutRefundNo = 64

// RefundRequest asks for money back to the payer. OutRefundNo is a permanent idempotency key: any number of calls with
// it make one refund, and their amounts must be the same.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013071036 (退款申请).
type RefundRequest struct {
	OutTradeNo    string // our order; one of it and TransactionID is required, and it is sent when both are set
	TransactionID string // WeChat's number of the order
	OutRefundNo   string // our number of this refund: 1 to 64 of 0-9 A-Z a-z _ - | * @
	Reason        string // what the payer reads, at most 80 bytes; may be empty
	NotifyURL     string // as in PrepayRequest; see Validate
	Refund        Fen    // the amount to give back, at least 1
	Total         Fen    // the order's whole amount
}

// Validate returns everything that WeChat would refuse, one sentence each. It also demands NotifyURL, which WeChat does
// not: without it WeChat notifies the refund in v2 XML to another address, or not at all.
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

// checkOutRefundNo refuses slashes and question marks, because the number becomes part of a path.
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

// RefundState is WeChat's status of a refund, in v3's words for both versions. An unknown word is kept unchanged.
type RefundState string

// The states that WeChat documents.
const (
	RefundProcessing RefundState = "PROCESSING" // accepted; the money is not back yet
	RefundSuccess    RefundState = "SUCCESS"    // the money is back
	RefundClosed     RefundState = "CLOSED"     // it failed for good: a new try needs a new number (v2: REFUNDCLOSE)
	RefundAbnormal   RefundState = "ABNORMAL"   // card and balance cannot receive it: a person must act; SUCCESS may follow (v2: CHANGE)
)

// RefundStateOfV2 translates API v2's refund_status into v3's word.
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
	MchID                     string // the gateway's own when the answer lacks it
	OutRefundNo, RefundID     string // ours and WeChat's number of the refund
	OutTradeNo, TransactionID string // ours and WeChat's number of the order
	State                     RefundState
	Refund, Total             Fen // of this refund, and of the whole order: compare these
	PayerRefund, PayerTotal   Fen // the payer's own money in them, less than the amounts when a coupon paid a part
	Channel                   string
	UserReceivedAccount       string // such as "招商银行信用卡0403"; personal data
	CreatedAt, SuccessAt      time.Time
	Raw                       []byte // the JSON that was parsed, kept as evidence
}

// Validate refuses what an honest answer never contains: missing numbers or state, impossible amounts. It does not
// compare with the request.
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

// RefundNotification is a decrypted 退款结果通知. WeChat repeats it until it is answered, in any order: be idempotent by
// Refund.OutRefundNo and Refund.State.
type RefundNotification struct {
	ID         string // empty for v2 XML, which lacks one
	EventType  string // "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED", also for XML
	CreateTime time.Time
	Refund     Refund
	Plaintext  []byte // the same bytes as Refund.Raw

	// Signed is false for v2 XML: it is encrypted, but the sender is unproven.
	//
	// NB! when false, call QueryRefund and act on its answer alone.
	Signed bool
}

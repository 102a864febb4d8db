package wxpay

import (
	"encoding/json"
	"errors"
	"fmt"
)

// wireRefund is a refund as v3 writes it. An answer and a notification use different words for the state, and only the
// notification names the merchant.
type wireRefund struct {
	MchID               string `json:"mchid"`
	OutRefundNo         string `json:"out_refund_no"`
	RefundID            string `json:"refund_id"`
	OutTradeNo          string `json:"out_trade_no"`
	TransactionID       string `json:"transaction_id"`
	Status              string `json:"status"`
	RefundStatus        string `json:"refund_status"`
	Channel             string `json:"channel"`
	UserReceivedAccount string `json:"user_received_account"`
	CreateTime          string `json:"create_time"`
	SuccessTime         string `json:"success_time"`
	Amount              struct {
		Total       int64  `json:"total"`
		Refund      int64  `json:"refund"`
		PayerTotal  int64  `json:"payer_total"`
		PayerRefund int64  `json:"payer_refund"`
		Currency    string `json:"currency"`
	} `json:"amount"`
}

// parseRefund reads a refund and refuses an impossible one. It ignores unknown fields.
func parseRefund(raw []byte) (Refund, error) {
	var w wireRefund
	if err := json.Unmarshal(raw, &w); err != nil {
		return Refund{}, errors.New("refund is not the JSON we know")
	}
	created, createdErr := readTime(w.CreateTime)
	succeeded, succeededErr := readTime(w.SuccessTime)
	if createdErr != nil || succeededErr != nil {
		return Refund{}, errors.New("create_time or success_time is not a time")
	}
	state, err := w.state()
	if err != nil {
		return Refund{}, err
	}
	// note: a notification has no currency.
	if w.Amount.Currency != "" && w.Amount.Currency != Currency {
		return Refund{}, fmt.Errorf("refund is not in %s", Currency)
	}
	r := Refund{
		MchID: w.MchID, OutRefundNo: w.OutRefundNo, RefundID: w.RefundID, OutTradeNo: w.OutTradeNo, TransactionID: w.TransactionID,
		State: state, Refund: Fen(w.Amount.Refund), Total: Fen(w.Amount.Total),
		PayerRefund: Fen(w.Amount.PayerRefund), PayerTotal: Fen(w.Amount.PayerTotal),
		Channel: w.Channel, UserReceivedAccount: w.UserReceivedAccount, CreatedAt: created, SuccessAt: succeeded, Raw: raw,
	}
	return r, r.Validate()
}

// state fails when the two fields differ.
func (w wireRefund) state() (RefundState, error) {
	switch {
	case w.RefundStatus == "":
		return RefundState(w.Status), nil
	case w.Status == "" || w.Status == w.RefundStatus:
		return RefundState(w.RefundStatus), nil
	default:
		return "", errors.New("refund has two states")
	}
}

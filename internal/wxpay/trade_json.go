package wxpay

import (
	"encoding/json"
	"errors"
	"time"
)

// wireTrade is a trade as v3 writes it, in an answer and in a notification.
type wireTrade struct {
	AppID         string `json:"appid"`
	MchID         string `json:"mchid"`
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	TradeType     string `json:"trade_type"`
	State         string `json:"trade_state"`
	StateDesc     string `json:"trade_state_desc"`
	BankType      string `json:"bank_type"`
	Attach        string `json:"attach"`
	SuccessTime   string `json:"success_time"`
	Payer         struct {
		OpenID string `json:"openid"`
	} `json:"payer"`
	Amount struct {
		Total      int64  `json:"total"`
		PayerTotal int64  `json:"payer_total"`
		Currency   string `json:"currency"`
	} `json:"amount"`
}

// parseTrade reads a trade and refuses an impossible one: without numbers or state, with a negative amount, or paid
// without a transaction or an amount. It ignores unknown fields.
func parseTrade(raw []byte) (Trade, error) {
	var w wireTrade
	if err := json.Unmarshal(raw, &w); err != nil {
		return Trade{}, errors.New("trade is not the JSON we know")
	}
	at, err := readTime(w.SuccessTime)
	if err != nil {
		return Trade{}, errors.New("success_time is not a time")
	}
	t := Trade{
		AppID: w.AppID, MchID: w.MchID, OutTradeNo: w.OutTradeNo, TransactionID: w.TransactionID,
		State: TradeState(w.State), StateDesc: w.StateDesc, BankType: w.BankType, Attach: w.Attach,
		OpenID: w.Payer.OpenID, SuccessAt: at, Total: Fen(w.Amount.Total), PayerTotal: Fen(w.Amount.PayerTotal),
		Currency: w.Amount.Currency, TradeType: w.TradeType, Raw: raw,
	}
	return t, t.check()
}

// check refuses what an honest answer never contains. The caller compares with what was stored.
func (t Trade) check() error {
	switch {
	case t.MchID == "" || t.OutTradeNo == "" || t.State == "":
		return errors.New("trade has no mchid, out_trade_no or trade_state")
	case t.Total < 0 || t.PayerTotal < 0:
		return errors.New("trade has a negative amount")
	case t.State.IsPaid() && (t.TransactionID == "" || t.Total == 0):
		return errors.New("trade is paid without transaction_id or total")
	}
	return nil
}

// readTime reads RFC 3339; an absent time is the zero time.
func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

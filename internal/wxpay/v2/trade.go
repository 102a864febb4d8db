package v2

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"wxbase/internal/wxpay"
)

// WeChat's formats of time, always in Beijing.
const (
	secondsLayout = "20060102150405"
	spacedLayout  = time.DateTime
)

const maxFenDigits = 12

// readTrade reads a trade from an answer or a notification, and refuses an impossible one: without number or state,
// with an invalid amount, or paid without a transaction or an amount.
func readTrade(f fields, state wxpay.TradeState) (wxpay.Trade, error) {
	total, totalErr := readFen(f, "total_fee")
	cash, cashErr := readFen(f, "cash_fee")
	at, timeErr := readTime(secondsLayout, f["time_end"])
	if err := errors.Join(totalErr, cashErr, timeErr); err != nil {
		return wxpay.Trade{}, err
	}
	t := wxpay.Trade{
		AppID: f["appid"], MchID: f["mch_id"], OutTradeNo: f["out_trade_no"], TransactionID: f["transaction_id"],
		State: state, StateDesc: f["trade_state_desc"], BankType: f["bank_type"], Attach: f["attach"], OpenID: f["openid"],
		SuccessAt: at, Total: total, PayerTotal: cash, Currency: currency(f), TradeType: f["trade_type"], Raw: evidence(f),
	}
	switch {
	case t.OutTradeNo == "" || t.State == "":
		return wxpay.Trade{}, errors.New("trade has no out_trade_no or trade_state")
	case t.State.IsPaid() && (t.TransactionID == "" || t.Total == 0):
		return wxpay.Trade{}, errors.New("trade is paid without transaction_id or total_fee")
	}
	return t, nil
}

// currency defaults to CNY, as documented.
func currency(f fields) string {
	if f["fee_type"] == "" {
		return wxpay.Currency
	}
	return f["fee_type"]
}

// readFen reads whole fen; an absent amount is zero. It refuses signs, dots, exponents and spaces.
func readFen(f fields, name string) (wxpay.Fen, error) {
	text := f[name]
	if text == "" {
		return 0, nil
	}
	fen, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !isMadeOf(text, 1, maxFenDigits, isDigit) {
		return 0, fmt.Errorf("%s is not a number of fen", name)
	}
	return wxpay.Fen(fen), nil
}

func formatFen(fen wxpay.Fen) string { return strconv.FormatInt(int64(fen), 10) }

// readTime reads a time in Beijing; an absent one is the zero time.
func readTime(layout, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(layout, text, beijing)
	// note: Parse accepts a fraction that the layout lacks.
	if err != nil || len(text) != len(layout) {
		return time.Time{}, errors.New("time is not one of WeChat's")
	}
	return at, nil
}

// evidence is the fields as JSON, for storage.
func evidence(f fields) []byte {
	raw, _ := json.Marshal(f) // a map of texts always marshals
	return raw
}

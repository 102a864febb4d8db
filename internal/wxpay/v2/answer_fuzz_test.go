package v2

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"testing"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// FuzzAnswer reads answers as do, Query and QueryRefund do, unchanged and signed anew. It avoids the network, whose
// timers look like new coverage to the fuzzer.
func FuzzAnswer(f *testing.F) {
	paid, refund := couponNotification(), answerOK()
	paid["trade_state"] = "REFUND"
	maps.Copy(refund, fields{
		"out_refund_no_0": "R-1", "refund_id_0": "5", "refund_fee_0": "40", "refund_status_0": "SUCCESS", "total_fee": "100",
		"refund_success_time_0": "2026-01-01 10:00:00", "out_trade_no": docOrderNo, "transaction_id": "42",
	})
	for _, seed := range []fields{answerOK(), paid, refund, {"return_code": "FAIL", "return_msg": "签名错误"}, {"attach": "a&b=c"}} {
		doc, err := xmlflat.Encode(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><return_code>&e;</return_code></xml>`))
	g := &Gateway{mchID: docMchID, appID: docAppID, signer: signer{SignHMACSHA256, docKey}}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := g.readFields(call{op: opQuery, appID: docAppID}, &http.Response{StatusCode: http.StatusOK}, body); err == nil {
			if got[fieldSign] != g.signer.sign(got) || got["mch_id"] != docMchID || got["result_code"] != wordSuccess {
				t.Fatalf("got %v from %q, want only what is signed and ours", got, body)
			}
		}
		again, err := xmlflat.Decode(body)
		if err != nil {
			return
		}
		delete(again, fieldSignType)
		again[fieldSign] = g.signer.sign(again)
		wantSoundAnswer(t, g, again)
	})
}

// wantSoundAnswer reads everything that passes the signature as each kind of answer.
func wantSoundAnswer(t *testing.T, g *Gateway, f fields) {
	t.Helper()
	doc, err := xmlflat.Encode(f)
	if err != nil {
		return
	}
	_, err = g.readFields(call{op: opRefund, appID: docAppID}, &http.Response{StatusCode: http.StatusOK}, doc)
	if e, failed := errors.AsType[*wxpay.Error](err); failed && (e.Kind == "" || len([]rune(e.Message)) > maxMessageLen) {
		t.Fatalf("got %+v, want a kind and a short message", e)
	}
	if trade, err := readTrade(f, wxpay.TradeState(f["trade_state"])); err == nil {
		if trade.OutTradeNo == "" || trade.Total < 0 || trade.PayerTotal < 0 || trade.Currency == "" || !json.Valid(trade.Raw) ||
			trade.State.IsPaid() && (trade.Total == 0 || trade.TransactionID == "") {
			t.Fatalf("got %+v, want a trade that can be", trade)
		}
	}
	if row, err := rowOf(f, "R-1"); err == nil {
		refund, err := g.readRefund(f, row, wxpay.RefundStateOfV2(f["refund_status"+row]))
		if err == nil && (refund.OutRefundNo != "R-1" || refund.Refund < 1 || refund.Refund > refund.Total || refund.PayerRefund < 0) {
			t.Fatalf("got %+v, want a refund that can be", refund)
		}
	}
}

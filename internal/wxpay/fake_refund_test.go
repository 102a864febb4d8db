package wxpay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"time"

	"wxbase/internal/wxpay"
)

const refundsPath = "/v3/refund/domestic/refunds"

// fakeRefund is a refund in the books of the fake.
type fakeRefund struct {
	order, state  string
	refund, total int64
	values        map[string]any // as the answer to a call shows them
	at            time.Time
}

type fakeRefundRequest struct {
	TransactionID *string `json:"transaction_id"`
	OutTradeNo    *string `json:"out_trade_no"`
	OutRefundNo   string  `json:"out_refund_no"`
	Reason        *string `json:"reason"`
	NotifyURL     string  `json:"notify_url"`
	Amount        struct {
		Refund   int64  `json:"refund"`
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

var refundNumberPattern = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`)

// isGood does the checks that WeChat does before it reads its books.
func (r fakeRefundRequest) isGood() bool {
	return (r.TransactionID == nil) != (r.OutTradeNo == nil) && refundNumberPattern.MatchString(r.OutRefundNo) &&
		(r.Reason == nil || *r.Reason != "") && r.NotifyURL != "" && r.Amount.Refund > 0 && r.Amount.Currency == "CNY"
}

func (r fakeRefundRequest) isOf(number string, o *fakeOrder) bool {
	if o.state != "SUCCESS" && o.state != "REFUND" {
		return false
	}
	return r.OutTradeNo != nil && *r.OutTradeNo == number || r.TransactionID != nil && *r.TransactionID == o.transactionID
}

func (f *fakeWeChat) refund(w http.ResponseWriter, r *http.Request, body []byte) {
	var req fakeRefundRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&req) != nil || !req.isGood() {
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "参数错误")
		return
	}
	if have := f.refunds[req.OutRefundNo]; have != nil {
		if have.refund != req.Amount.Refund || have.total != req.Amount.Total {
			refuse(w, http.StatusBadRequest, "REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致")
			return
		}
		f.answer(w, r, http.StatusOK, have.asAnswer())
		return
	}
	for number, order := range f.orders {
		if req.isOf(number, order) {
			f.accept(w, r, req, number, order)
			return
		}
	}
	refuse(w, http.StatusNotFound, "RESOURCE_NOT_EXISTS", "订单不存在")
}

// accept opens a refund of a paid order. Its payer had a coupon of 10 fen.
func (f *fakeWeChat) accept(w http.ResponseWriter, r *http.Request, req fakeRefundRequest, number string, order *fakeOrder) {
	total := order.trade["amount"].(map[string]any)["total"].(int64)
	left := total
	for _, other := range f.refunds {
		if other.order == number && other.state != "CLOSED" {
			left -= other.refund
		}
	}
	switch {
	case req.Amount.Total != total || req.Amount.Refund > left:
		refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "退款金额错误")
		return
	case f.poor:
		refuse(w, http.StatusForbidden, "NOT_ENOUGH", "基本账户余额不足")
		return
	}
	order.state = "REFUND"
	refund := &fakeRefund{order: number, state: "PROCESSING", refund: req.Amount.Refund, total: total, at: f.clock.now(), values: map[string]any{
		"refund_id": fmt.Sprintf("5030000000202601010000%06d", len(f.refunds)), "out_refund_no": req.OutRefundNo,
		"out_trade_no": number, "transaction_id": order.transactionID, "channel": "ORIGINAL", "user_received_account": "支付用户零钱",
		"create_time": f.clock.now().Format(time.RFC3339), "funds_account": "AVAILABLE",
		"amount": map[string]any{
			"total": total, "refund": req.Amount.Refund, "payer_total": total - 10, "payer_refund": req.Amount.Refund * 9 / 10,
			"settlement_refund": req.Amount.Refund, "settlement_total": total, "discount_refund": 0, "currency": "CNY", "from": []any{},
		},
	}}
	f.refunds[req.OutRefundNo] = refund
	f.answer(w, r, http.StatusOK, refund.asAnswer())
}

func (r *fakeRefund) asAnswer() map[string]any {
	values := maps.Clone(r.values)
	values["status"] = r.state
	return values
}

func (f *fakeWeChat) queryRefund(w http.ResponseWriter, r *http.Request, number string) {
	refund := f.refunds[number]
	if refund == nil || r.URL.RawQuery != "" {
		refuse(w, http.StatusNotFound, "RESOURCE_NOT_EXISTS", "退款单不存在")
		return
	}
	f.answer(w, r, http.StatusOK, refund.asAnswer())
}

// settle decides the refund, as the banks do some time later.
func (f *fakeWeChat) settle(number string, state wxpay.RefundState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	refund := f.refunds[number]
	refund.state = string(state)
	if state == wxpay.RefundSuccess {
		refund.values["success_time"] = f.clock.now().Format(time.RFC3339)
	}
}

// refundNotification is what WeChat posts once the refund is settled: the same fields under other names, without a
// currency.
func (f *fakeWeChat) refundNotification(number, serial string) (http.Header, []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	refund := f.refunds[number]
	values := maps.Clone(refund.values)
	for _, name := range []string{"channel", "create_time", "funds_account"} {
		delete(values, name)
	}
	amount := maps.Clone(values["amount"].(map[string]any))
	maps.DeleteFunc(amount, func(name string, _ any) bool {
		return name != "total" && name != "refund" && name != "payer_total" && name != "payer_refund"
	})
	values["amount"], values["mchid"], values["refund_status"] = amount, testMchID, refund.state
	plain, _ := json.Marshal(values)
	body, _ := json.Marshal(refundNotificationOf(plain, refund.state, nil))
	header := http.Header{"Content-Type": {"application/json"}}
	f.stamp(header, serial, body, nil)
	return header, body
}

// refundNotificationOf wraps plain as WeChat does; modify changes the envelope and its resource.
func refundNotificationOf(plain []byte, state string, modify func(envelope, resource map[string]any)) map[string]any {
	return notificationOf(plain, func(envelope, resource map[string]any) {
		envelope["event_type"], envelope["summary"] = "REFUND."+state, "退款"
		resource["original_type"], resource["associated_data"] = "refund", "refund"
		resource["ciphertext"] = seal(testAPIKey, "refund", plain)
		if modify != nil {
			modify(envelope, resource)
		}
	})
}

// with changes the fake between calls.
func (f *fakeWeChat) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

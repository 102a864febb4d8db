package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// payRequest is the object of wx.requestPayment. TimeStamp is raw because the phone insists on a string.
type payRequest struct {
	AppID     string          `json:"appid"`
	Action    string          `json:"action"` // pay, cancel or fail
	TimeStamp json.RawMessage `json:"timeStamp"`
	NonceStr  string          `json:"nonceStr"`
	Package   string          `json:"package"`
	SignType  string          `json:"signType"`
	PaySign   string          `json:"paySign"`
}

// couponShare is the divisor of a coupon's part of an order: a tenth, rounded down.
const couponShare = 10

// UnmarshalJSON matches names exactly: to the phone, timestamp is not timeStamp.
func (p *payRequest) UnmarshalJSON(data []byte) error {
	var exact map[string]json.RawMessage
	if err := json.Unmarshal(data, &exact); err != nil {
		return err
	}
	p.TimeStamp = exact["timeStamp"]
	for name, into := range map[string]*string{
		"appid": &p.AppID, "action": &p.Action, "nonceStr": &p.NonceStr, "package": &p.Package, "signType": &p.SignType, "paySign": &p.PaySign,
	} {
		if raw, given := exact[name]; given && json.Unmarshal(raw, into) != nil {
			return fmt.Errorf("%s is no text", name)
		}
	}
	return nil
}

const payPrefix = "requestPayment:"

// devicePay is wx.requestPayment with the owner's reaction. The phone's refusals are in errMsg, at HTTP 200.
// https://developers.weixin.qq.com/miniprogram/dev/api/payment/wx.requestPayment.html (发起微信支付)
func (s *Sim) devicePay(c *echo.Context) error {
	in := payRequest{Action: "pay"}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if in.Action != "pay" && in.Action != "cancel" && in.Action != "fail" {
		return badInput("action must be pay, cancel or fail")
	}
	var found *finding
	errMsg, refusal, err := s.requestPayment(c, in)
	if refusal == refusedSign || refusal == refusedTime {
		found = s.explainPayment(in)
	}
	if err != nil {
		return err
	}
	s.recordPhone("requestPayment", "package="+clip(in.Package, 80)+" action="+in.Action, errMsg, refusal, found)
	return c.JSON(http.StatusOK, map[string]string{"errMsg": errMsg})
}

// explainPayment looks for the mistake in a payment that the phone refused for its signature or its time.
func (s *Sim) explainPayment(in payRequest) *finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	appid, err := s.ownAppID(in.AppID)
	var timestamp string
	if err != nil || json.Unmarshal(in.TimeStamp, &timestamp) != nil {
		return nil
	}
	if at, ok := fromSeconds(timestamp); !ok {
		return explainTime(timestamp, s.opts.now())
	} else if _, _, near := s.clock.near(at); !near {
		return explainTime(timestamp, s.opts.now())
	}
	return s.explainPaySign(in, appid, timestamp)
}

// requestPayment checks and pays. A refusal is the phone's; err is the control API's.
func (s *Sim) requestPayment(c *echo.Context, in payRequest) (errMsg, refusal string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return "", "", err
	}
	now := s.Now()
	o, refusal, err := s.checkPayment(in, id, now)
	switch {
	case err != nil:
		return "", "", err
	case refusal != "":
		return payPrefix + "fail " + refusal, refusal, nil
	case in.Action == "cancel", s.phoneDoes(o, "cancel"):
		return payPrefix + "fail cancel", "", nil
	case in.Action == "fail", s.phoneDoes(o, "fail"):
		return payPrefix + "fail 支付失败，请更换支付方式", "", nil
	}
	if err := s.markPaid(o, now); err != nil {
		return "", "", err
	}
	return payPrefix + "ok", "", nil
}

// phoneDoes tells whether an order's mark or a queued fault makes the phone act differently.
func (s *Sim) phoneDoes(o *order, kind string) bool {
	return o.magic("pay") == kind || s.faults.take(onPayDevice, kind) != nil
}

// markPaid sets the order to paid and queues its notification, in one write before the answer. The caller holds s.mu.
func (s *Sim) markPaid(o *order, now time.Time) error {
	paid := *o
	paid.State, paid.PaidAt, paid.TransactionID = stateSuccess, &now, wire.NewTransactionID(now)
	if s.phoneDoes(o, "coupon") {
		paid.Coupon = paid.Total / couponShare
	}
	if s.phoneDoes(o, "other_program") {
		paid.AppID = wire.NewAppID()
	}
	n := paidNotification(&paid, now)
	if err := s.save(paid, n); err != nil {
		return err
	}
	*o = paid
	s.state.index(o)
	s.state.addNotification(n)
	s.wakeWorker()
	return nil
}

// checkPayment does the checks of the phone and the cashier, in that order; refusal is what the phone would show.
func (s *Sim) checkPayment(in payRequest, id *identity, now time.Time) (o *order, refusal string, err error) {
	timestamp, refusal := s.checkPayFields(in)
	if refusal != "" {
		return nil, refusal, nil
	}
	prepayID := strings.TrimPrefix(in.Package, "prepay_id=")
	if !s.payee(prepayID).signed(in, id.AppID, timestamp) {
		return nil, refusedSign, nil
	}
	if o, err = s.ripened(s.state.byPrepay[prepayID], now); err != nil || o == nil {
		return nil, "prepay_id无效", err
	}
	if in.SignType != or(o.SignType, signRSAType) { // validly signed, but not with the order's sign type
		return nil, refusedSign, nil
	}
	refusal = o.payableBy(id, prepayID, now)
	if refusal == refusedClosed && in.Action == "pay" && s.phoneDoes(o, "paid_after_close") {
		return o, "", nil // the money was under way when the order was closed
	}
	return o, refusal, nil
}

// payee is the merchant of a prepay_id's order; the first one for an unknown id. The caller holds s.mu.
func (s *Sim) payee(prepayID string) *seller {
	if o := s.state.byPrepay[prepayID]; o != nil {
		return s.sellerOf(o.MchID)
	}
	return s.firstSeller()
}

// signed is the phone's check of paySign: with the key of the merchant certificate, or as v2 signs, where the signature
// covers the capitals of the names.
func (m *seller) signed(in payRequest, appid, timestamp string) bool {
	if in.SignType == signRSAType {
		return verifyRSA(m.merchantPublic, message(appid, timestamp, in.NonceStr, in.Package), in.PaySign) == nil
	}
	return wire.VerifyV2(map[string]string{
		"appId": appid, "timeStamp": timestamp, "nonceStr": in.NonceStr, "package": in.Package, "signType": in.SignType, "sign": in.PaySign,
	}, m.APIV2Key, in.SignType)
}

// checkPayFields checks the form of the mini program's argument.
func (s *Sim) checkPayFields(in payRequest) (timestamp, refusal string) {
	if json.Unmarshal(in.TimeStamp, &timestamp) != nil {
		return "", "parameter error: parameter.timeStamp should be String instead of " + jsonKind(in.TimeStamp) + ";"
	}
	_, err := strconv.ParseInt(timestamp, 10, 64)
	at, seconds := fromSeconds(timestamp)
	switch {
	case err != nil:
		return "", "parameter error: timeStamp is not a number of seconds"
	case in.NonceStr == "" || len(in.NonceStr) > 32:
		return "", "parameter error: nonceStr must be 1 to 32 characters"
	case !strings.HasPrefix(in.Package, "prepay_id=") || in.Package == "prepay_id=":
		return "", "parameter error: package must be prepay_id=..."
	case !oneOf(signRSAType, wire.SignMD5, wire.SignHMAC)(in.SignType):
		return "", "parameter error: signType must be RSA, MD5 or HMAC-SHA256"
	case in.PaySign == "":
		return "", "parameter error: paySign is missing"
	}
	if _, _, ok := s.clock.near(at); !seconds || !ok {
		return "", refusedTime
	}
	return timestamp, ""
}

const (
	refusedClosed = "该订单已关闭"
	refusedSign   = "支付验证签名失败"
	refusedTime   = "timeStamp已过期"
	signRSAType   = "RSA"
)

// payableBy returns the reason against a payment of this order by this person with this prepay_id, empty when it is
// allowed.
func (o *order) payableBy(id *identity, prepayID string, now time.Time) string {
	switch {
	case o.AppID != id.AppID:
		return "appid与下单时不一致"
	case o.OpenID != id.OpenID:
		return "支付账号与下单账号不一致"
	case o.paid():
		return "该订单已支付"
	case o.State == stateClosed:
		return refusedClosed
	case !now.Before(o.PayableUntil):
		return "订单已过期"
	}
	for _, p := range o.Prepays {
		if p.ID == prepayID && p.alive(now) {
			return ""
		}
	}
	return "prepay_id已过期"
}

// jsonKind names the type of a value in the words of the phone's complaint.
func jsonKind(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return "Undefined"
	case raw[0] == '{':
		return "Object"
	case raw[0] == '[':
		return "Array"
	case raw[0] == 't' || raw[0] == 'f':
		return "Boolean"
	case raw[0] == 'n':
		return "Null"
	}
	return "Number"
}

package sim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// virtualRequest is the object of wx.requestVirtualPayment. SignData is text, and so are both signatures.
type virtualRequest struct {
	AppID     string `json:"appid"`
	Action    string `json:"action"` // pay, cancel or fail
	Device    string `json:"device"` // android, or ios, where Apple takes the money
	Mode      string `json:"mode"`
	SignData  string `json:"signData"`
	PaySig    string `json:"paySig"`
	Signature string `json:"signature"`
}

// virtualData is what signData holds. An unknown key is refused.
type virtualData struct {
	OfferID      json.RawMessage `json:"offerId"`
	BuyQuantity  int             `json:"buyQuantity"`
	Env          int             `json:"env"`
	CurrencyType string          `json:"currencyType"`
	ProductID    string          `json:"productId"`
	GoodsPrice   int64           `json:"goodsPrice"`
	SellingPrice int64           `json:"activitySellingPrice"`
	OutTradeNo   string          `json:"outTradeNo"`
	Attach       string          `json:"attach"`
}

const virtualPrefix = "requestVirtualPayment:"

// What happens on the phone besides the owner's wish, and to a refund.
const (
	onVirtualDevice = "virtual_device"
	onXpayRefund    = "xpay_refund"
)

// virtualFaults: the owner pays on an iPhone, pays another price, thinks again, or the bank refuses; the session_key is renewed just before.
func virtualFaults() []string {
	return []string{"ios", "other_amount", "cancel", "fail", "stale_session"}
}

var (
	outTradeShape    = regexp.MustCompile(`^[0-9A-Za-z\-|*@][0-9A-Za-z_\-|*@]{7,31}$`)
	refundOrderShape = regexp.MustCompile(`^[A-Za-z0-9_-]{8,32}$`)
)

// deviceVirtualPay is wx.requestVirtualPayment with what the owner then does. Whatever the phone finds wrong is in errMsg and errCode, at HTTP 200.
func (s *Sim) deviceVirtualPay(c *echo.Context) error {
	in := virtualRequest{Action: "pay", Device: "android"}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if !oneOf("pay", "cancel", "fail")(in.Action) || !oneOf("android", "ios")(in.Device) {
		return badInput("action must be pay, cancel or fail, device android or ios")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return err
	}
	if s.faults.take(onVirtualDevice, "stale_session") != nil {
		if _, err := s.rotate(id, true, s.Now()); err != nil {
			return err
		}
	}
	code, text, reason := s.payVirtually(in, id, s.Now())
	answer := map[string]any{"errMsg": virtualPrefix + text}
	if code != 0 {
		answer["errCode"] = code
	}
	if reason != "" {
		answer["reason"] = reason // note: the real phone does not say
	}
	s.recordPhone("requestVirtualPayment", "mode="+clip(in.Mode, 40)+" action="+in.Action+" device="+in.Device, virtualPrefix+text, reason, nil)
	return c.JSON(http.StatusOK, answer)
}

// payVirtually checks and pays. reason is what is behind a refusal, in more words than WeChat has. The caller holds s.mu.
func (s *Sim) payVirtually(in virtualRequest, id *identity, now time.Time) (code int, text, reason string) {
	app, _ := s.findApp(id.AppID)
	data, code, reason := in.read(app)
	if code != 0 {
		return code, "fail " + reason, reason
	}
	if said := app.explainPhoneSig(in.SignData, in.PaySig, data.Env); said != "" {
		return -15006, "fail -15006 支付签名错误", said
	}
	if said := s.explainUserSig(in.SignData, in.Signature, id); said != "" {
		return -15005, "fail -15005 用户态签名错误", said
	}
	switch code, reason := s.checkVirtual(data, in.Device, id, now); {
	case code != 0:
		return code, "fail " + reason, reason
	case in.Action == "cancel", s.faults.take(onVirtualDevice, "cancel") != nil:
		return -2, "fail cancel", ""
	case in.Action == "fail", s.faults.take(onVirtualDevice, "fail") != nil:
		return -1, "fail 支付失败", ""
	}
	o := s.newXpay(data, in.Device == "ios" || s.faults.take(onVirtualDevice, "ios") != nil, id, now)
	if s.faults.take(onVirtualDevice, "other_amount") != nil {
		o.Fee++
	}
	if err := s.putXpay([]*xpayOrder{o}, s.xpayPaidPush(o)); err != nil {
		return -1, "fail system error", err.Error()
	}
	return 0, "ok", ""
}

func (s *Sim) newXpay(data virtualData, apple bool, id *identity, now time.Time) *xpayOrder {
	price := data.GoodsPrice
	if data.SellingPrice > 0 {
		price = data.SellingPrice
	}
	o := &xpayOrder{
		AppID: id.AppID, Env: data.Env, OrderID: data.OutTradeNo, WxOrderID: "X" + wire.NewTransactionID(now), OpenID: id.OpenID, Kind: xpayPayment, Status: xpayPaid,
		ProductID: data.ProductID, Quantity: data.BuyQuantity, Price: price, Fee: price * int64(data.BuyQuantity), Attach: data.Attach,
		MadeAt: now, PaidAt: &now, WxpayOrderID: wire.NewTransactionID(now),
	}
	if apple {
		o.Kind, o.WxpayOrderID = xpayByApple, ""
	}
	return o
}

// read checks the form of signData.
func (in virtualRequest) read(app AppConfig) (data virtualData, code int, reason string) {
	if in.Mode != "short_series_goods" {
		return data, 1001, "mode must be short_series_goods; coins are not simulated on the phone"
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(in.SignData), &keys) != nil || json.Unmarshal([]byte(in.SignData), &data) != nil {
		return data, -15016, "signData is no valid JSON"
	}
	var offer string
	if json.Unmarshal(data.OfferID, &offer) != nil {
		return data, -15016, "offerId must be a JSON string"
	}
	for name := range keys {
		if !oneOf("offerId", "buyQuantity", "env", "currencyType", "productId", "goodsPrice", "activitySellingPrice", "outTradeNo", "attach")(name) {
			return data, -15001, "signData has a key that is unknown: " + clip(name, 40)
		}
	}
	for _, want := range []string{"offerId", "buyQuantity", "env", "currencyType", "productId", "goodsPrice", "outTradeNo", "attach"} {
		if keys[want] == nil {
			return data, -15001, "signData lacks a key: " + want
		}
	}
	switch {
	case offer != app.XpayOfferID:
		return data, -15001, "offerId is not that of this mini program"
	case data.Env != 0 && data.Env != 1:
		return data, -15001, "env must be 0 or 1"
	case data.CurrencyType != "CNY":
		return data, -15001, "currencyType must be CNY"
	case data.BuyQuantity < 1:
		return data, -15001, "buyQuantity must be at least 1"
	case !outTradeShape.MatchString(data.OutTradeNo):
		return data, -15001, "outTradeNo must be 8 to 32 of 0-9 A-Z a-z _ - | * @ and not begin with _"
	}
	return data, 0, ""
}

// checkVirtual is what the cashier checks. The caller holds s.mu.
func (s *Sim) checkVirtual(data virtualData, device string, id *identity, now time.Time) (code int, reason string) {
	item := s.state.xpayItems[xpayKey(id.AppID, data.Env, data.ProductID)]
	switch {
	case s.state.xpayOrders[xpayKey(id.AppID, data.Env, data.OutTradeNo)] != nil:
		return -15001, "outTradeNo was used before"
	case item == nil || item.PublishAt.IsZero() || now.Before(item.PublishAt):
		return -15001, "COIN_OR_PRODUCT_ID_CREATED_IN_RECENTLY"
	case item.Price != data.GoodsPrice:
		return -15013, "goodsPrice is not the price of the item"
	case data.SellingPrice != 0 && (data.SellingPrice > data.GoodsPrice || data.SellingPrice*100 < data.GoodsPrice*40):
		return -15013, "activitySellingPrice is below 40 per cent of goodsPrice, or above it"
	case device == "ios" && data.GoodsPrice*int64(data.BuyQuantity) < 100:
		return -15001, "an iPhone pays at least 1 yuan"
	case device == "ios" && data.Env == 1:
		return -15001, "PAYMENT_ILLEGAL_IN_SANDBOX"
	}
	return 0, ""
}

// explainPhoneSig tells why paySig is wrong, empty for one that is right. These are the five causes of -15006.
func (a AppConfig) explainPhoneSig(signData, sig string, env int) string {
	return a.explainPaySig("requestVirtualPayment", signData, sig, env)
}

// explainPaySig tells why a signature by the AppKey is wrong, empty for one that is right.
func (a AppConfig) explainPaySig(uri, body, sig string, env int) string {
	key := a.xpayKeyOf(env)
	switch {
	case sameHex(sig, hmacOf(key, uri+"&"+body)):
		return ""
	case sig == "":
		return "pay_sig is missing"
	case sameHex(strings.ToLower(sig), hmacOf(key, uri+"&"+body)):
		return "pay_sig must be in small letters"
	case sameHex(sig, hmacOf(a.xpayKeyOf(1-env), uri+"&"+body)):
		return "pay_sig is by the AppKey of the other environment: live and sandbox have two"
	case sameHex(sig, hmacOf(key, body)), sameHex(sig, hmacOf(key, uri+body)):
		return "pay_sig is over the body alone: its name or path and an ampersand come first"
	case sameHex(sig, hmacOf(a.Secret, uri+"&"+body)):
		return "pay_sig is by the AppSecret: it has to be the AppKey of virtual payment"
	case sameHex(sig, hmacOf(key, uri+"&"+compactJSON(body))), sameHex(sig, hmacOf(key, uri+"&"+sortedJSON(body))):
		return "pay_sig is over another writing of the same JSON: sign the very text that is handed over"
	}
	return "pay_sig is over another text, or by another key"
}

// explainUserSig tells why the user's signature is wrong, empty for one that is right. These are the five causes of -15005. The caller holds s.mu.
func (s *Sim) explainUserSig(signData, sig string, id *identity) string {
	live := s.state.sessions[id.session()]
	if live == nil {
		return "the person has no session_key: wx.login comes first"
	}
	raw, _ := base64.StdEncoding.DecodeString(live.Key) // it is base64
	switch {
	case sameHex(sig, hmacOf(live.Key, signData)):
		return ""
	case live.Before != "" && sameHex(sig, hmacOf(live.Before, signData)):
		return "signature is by a session_key of before the last wx.login"
	case sameHex(sig, hmacOf(string(raw), signData)):
		return "signature is by the decoded session_key: its text is the key"
	case sameHex(sig, hmacOf(live.Key, "requestVirtualPayment&"+signData)):
		return "signature is over a text that begins with requestVirtualPayment: that is pay_sig's, the user's is over signData alone"
	case sameHex(sig, hmacOf(live.Key, compactJSON(signData))), sameHex(sig, hmacOf(live.Key, sortedJSON(signData))), sig == "":
		return "signature is missing, or over another writing of the same JSON: sign the very text that is handed over"
	}
	for _, other := range s.state.sessions {
		if other != live && sameHex(sig, hmacOf(other.Key, signData)) {
			return "signature is by the session_key of another person"
		}
	}
	return "signature is over another text, or by another key"
}

func compactJSON(text string) string { return string(encode(json.RawMessage(text))) }

// sortedJSON is a JSON text as a careless program would write it anew.
func sortedJSON(text string) string {
	var v map[string]any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return string(encode(v))
}

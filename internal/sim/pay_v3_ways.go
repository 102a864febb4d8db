package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// The ways to pay, as trade_type calls them.
const (
	tradeJSAPI  = "JSAPI"
	tradeNative = "NATIVE"
	tradeH5     = "MWEB"
)

// The beginnings of the URLs of Native and H5 orders.
const (
	codeURLPrefix = "weixin://wxpay/bizpayurl?pr="
	h5URLPrefix   = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id="
)

// h5Life is how long an h5_url works; a code_url lives as long as a prepay_id.
const h5Life = 5 * time.Minute

// way is what differs between the prepay calls of v3.
type way struct {
	tradeType string
	rules     func(mostFen int64) []rule
}

// prepay is POST /v3/pay/transactions/jsapi: an order, or the same order again.
// https://pay.weixin.qq.com/doc/v3/merchant/4012791856 (JSAPI/小程序下单)
func (s *Sim) prepay(c *call) reply { return s.prepayBy(c, way{tradeJSAPI, jsapiRules}) }

// prepayNative is POST /v3/pay/transactions/native: it returns the text of a code that any person may scan and pay.
// https://pay.weixin.qq.com/doc/v3/merchant/4012791877 (Native下单)
func (s *Sim) prepayNative(c *call) reply { return s.prepayBy(c, way{tradeNative, nativeRules}) }

// prepayH5 is POST /v3/pay/transactions/h5: it returns a page that opens WeChat from another browser.
// https://pay.weixin.qq.com/doc/v3/merchant/4012791834 (H5下单)
func (s *Sim) prepayH5(c *call) reply { return s.prepayBy(c, way{tradeH5, h5Rules}) }

// nativeRules is the body of a Native order: it names no payer, because any person can scan the code.
func nativeRules(mostFen int64) []rule {
	return append(tradeRules(mostFen), rule{name: "scene_info", kind: kindObject, fields: sceneRules()})
}

// h5Rules is the body of an H5 order, which must describe the browser's place.
func h5Rules(mostFen int64) []rule {
	scene := append(sceneRules(), rule{name: "h5_info", kind: kindObject, required: true, fields: []rule{
		{name: "type", required: true, most: 32, check: checkH5Type},
		{name: "app_name", most: 64},
		{name: "app_url", most: 128},
		{name: "bundle_id", most: 128},
		{name: "package_name", most: 128},
	}})
	scene[0].check = checkBrowserIP
	return append(tradeRules(mostFen), rule{name: "scene_info", kind: kindObject, required: true, fields: scene})
}

// checkH5Type returns the issue with h5_info.type.
func checkH5Type(value string) string {
	if !oneOf("Wap", "iOS", "Android")(value) {
		return "场景类型只能是Wap、iOS、Android"
	}
	return ""
}

// checkBrowserIP demands the address of the payer's own browser: that of this machine is refused.
func checkBrowserIP(value string) string {
	if issue := checkIP(value); issue != "" {
		return issue
	}
	if isLoopback(value) {
		return "须为用户真实的终端IP"
	}
	return ""
}

// isH5SceneV2 tells whether scene_info of v2 describes the site of an H5 order.
func isH5SceneV2(value string) bool {
	var scene struct {
		H5 struct {
			Type string `json:"type"`
		} `json:"h5_info"`
	}
	return json.Unmarshal([]byte(value), &scene) == nil && scene.H5.Type != ""
}

// tradeType is the way to pay of the order. note: old books lack it.
func (o *order) tradeType() string { return or(o.TradeType, tradeJSAPI) }

// payURL is the URL that pays a new prepay_id of this order, empty for JSAPI.
func (o *order) payURL(prepayID string) string {
	switch o.tradeType() {
	case tradeNative:
		return codeURLPrefix + wire.Pick(wire.Alnum, 9)
	case tradeH5:
		return h5URLPrefix + prepayID + "&package=" + wire.Pick(wire.Digits, 10)
	}
	return ""
}

// prepayTold returns the answer's only field.
func (o *order) prepayTold() (name, value string) {
	last := o.Prepays[len(o.Prepays)-1]
	switch o.tradeType() {
	case tradeNative:
		return "code_url", last.URL
	case tradeH5:
		return "h5_url", last.URL
	}
	return "prepay_id", last.ID
}

// payURLRequest is the body of POST /_sim/people/{id}/pay-url.
type payURLRequest struct {
	URL    string `json:"url"`
	Image  string `json:"image"`  // or a picture of the code, as for scan
	Action string `json:"action"` // pay, cancel or fail
}

// devicePayURL is POST /_sim/people/{id}/pay-url: a person scans a code_url, or opens an h5_url in a browser, and pays.
// The order's state decides, as there is no mini program's signature to check.
func (s *Sim) devicePayURL(c *echo.Context) error {
	in := payURLRequest{Action: "pay"}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if !oneOf("pay", "cancel", "fail")(in.Action) {
		return badInput("action must be pay, cancel or fail")
	}
	if in.Image != "" {
		var err error
		if in.URL, err = readImage(in.Image); err != nil {
			return badInput(err.Error())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.owner(c)
	if err != nil {
		return err
	}
	o, refusal, err := s.payableURL(in.URL, s.Now())
	if refusal == refusedClosed && in.Action == "pay" && s.phoneDoes(o, "paid_after_close") {
		refusal = "" // the money was under way when the order was closed
	}
	for _, other := range []string{"fail", "cancel"} {
		if err == nil && refusal == "" && in.Action == "pay" && s.phoneDoes(o, other) {
			in.Action = other
		}
	}
	if err == nil && refusal == "" && in.Action == "pay" {
		err = s.payFromURL(o, p, s.Now())
	}
	if err != nil {
		return err
	}
	said := map[string]string{"pay": payPrefix + "ok", "cancel": payPrefix + "fail cancel", "fail": payPrefix + "fail 支付失败，请更换支付方式"}[in.Action]
	if refusal != "" {
		said = payPrefix + "fail " + refusal
	}
	s.recordPhone("payURL", "url="+clip(in.URL, 120)+" action="+in.Action, said, refusal, nil)
	return c.JSON(http.StatusOK, map[string]string{"errMsg": said})
}

// payableURL finds the order behind a code or a page, and the reason against its payment. The caller holds s.mu.
func (s *Sim) payableURL(text string, now time.Time) (o *order, refusal string, err error) {
	if o, err = s.ripened(s.state.byPrepay[withoutRedirect(text)], now); err != nil || o == nil || text == "" || o.tradeType() == tradeJSAPI {
		return nil, "二维码无效", err
	}
	switch {
	case o.paid():
		return o, "该订单已支付", nil
	case o.State == stateClosed:
		return o, refusedClosed, nil
	case !now.Before(o.PayableUntil):
		return o, "订单已过期", nil
	}
	grants := o.Prepays
	if o.tradeType() == tradeNative {
		grants = grants[len(grants)-1:] // asking again ends the code of before
	}
	for _, p := range grants {
		if p.URL == withoutRedirect(text) && p.alive(now) && (o.tradeType() != tradeH5 || now.Sub(p.MadeAt) < h5Life) {
			return o, "", nil
		}
	}
	return o, "二维码已过期", nil
}

// withoutRedirect drops the return address that a shop adds to an h5_url.
func withoutRedirect(text string) string {
	if before, _, added := strings.Cut(text, "&redirect_url="); added {
		return before
	}
	return text
}

// payFromURL pays as this person, who becomes the payer. The caller holds s.mu.
func (s *Sim) payFromURL(o *order, p *person, now time.Time) error {
	id, err := s.use(o.AppID, p.ID, now)
	if err != nil {
		return err
	}
	before := o.OpenID
	o.OpenID = id.OpenID
	if err := s.markPaid(o, now); err != nil {
		o.OpenID = before
		return err
	}
	return nil
}

// paymentScanned is what a person sees before paying: what for, and how much in fen. POST pay-url with payUrl pays it.
type paymentScanned struct {
	PayURL      string `json:"payUrl"`
	AppID       string `json:"appid"`
	Description string `json:"description"`
	Total       int64  `json:"total"`
}

// scanPayment opens the cashier over a code or a page.
func (s *Sim) scanPayment(c *echo.Context, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, refusal, err := s.payableURL(text, s.Now())
	if err != nil {
		return err
	}
	if refusal != "" {
		return conflict(refusal)
	}
	return c.JSON(http.StatusOK, paymentScanned{text, o.AppID, o.Description, o.Total})
}

// isPayURL tells a code_url and an h5_url from other codes and links.
func isPayURL(text string) bool {
	_, err := url.Parse(text)
	return err == nil && (strings.HasPrefix(text, codeURLPrefix) || strings.HasPrefix(text, h5URLPrefix))
}

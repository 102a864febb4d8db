package v2

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"wxbase/internal/wxpay"
)

// unknownIP stands for an unknown payer address: WeChat demands the field, and a repeat must send the same value.
const unknownIP = "127.0.0.1"

// beijing is WeChat's time zone; it has no summer time.
var beijing = time.FixedZone("", 8*60*60)

// Prepay implements [wxpay.Gateway], in the name of req.AppID. WeChat finds an order with this number and these
// parameters again, so a call with unknown outcome is repeated.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_1 (统一下单).
func (g *Gateway) Prepay(ctx context.Context, req wxpay.PrepayRequest) (string, error) {
	if err := errors.Join(req.Validate(), checkPrepay(req)); err != nil {
		return "", paramError(opPrepay, err)
	}
	c := g.newCall(opPrepay, "/pay/unifiedorder", prepayParams(req))
	c.appID = req.AppID
	f, err := g.do(ctx, c)
	if err != nil {
		return "", err
	}
	return readHandle(req.Way(), f)
}

// readHandle reads what the order is paid by.
func readHandle(way string, f fields) (string, error) {
	name := map[string]string{wxpay.Native: "code_url", wxpay.H5: fieldPage}[way]
	if name == "" {
		if !isPrepayID(f["prepay_id"]) {
			return "", answerError(opPrepay, wxpay.KindUnknown, errors.New("answer has no prepay_id"))
		}
		return f["prepay_id"], nil
	}
	if err := wxpay.CheckPayURL(way, f[name]); err != nil {
		return "", answerError(opPrepay, wxpay.KindUnknown, err)
	}
	return f[name], nil
}

// prepayParams are the order's fields. Empty fields are neither signed nor sent.
func prepayParams(r wxpay.PrepayRequest) fields {
	f := fields{
		"body": r.Description, "attach": r.Attach, "out_trade_no": r.OutTradeNo, "total_fee": formatFen(r.Total),
		"spbill_create_ip": r.PayerIP, "notify_url": r.NotifyURL, "trade_type": r.Way(), "openid": r.OpenID,
	}
	switch r.Way() {
	case wxpay.Native:
		f["product_id"] = r.OutTradeNo // note: required, and ours to choose
	case wxpay.H5:
		f["scene_info"] = sceneOf(r)
	}
	if r.PayerIP == "" {
		f["spbill_create_ip"] = unknownIP
	}
	if !r.ExpiresAt.IsZero() {
		f["time_expire"] = r.ExpiresAt.In(beijing).Format(secondsLayout)
	}
	return f
}

// sceneOf is scene_info of an H5 order: the site that the payer comes from.
func sceneOf(r wxpay.PrepayRequest) string {
	site, err := url.Parse(r.NotifyURL)
	if err != nil {
		return "" // note: Validate has refused it
	}
	info := map[string]string{"type": wxpay.H5Type, "wap_url": site.Scheme + "://" + site.Host, "wap_name": site.Host}
	raw, _ := json.Marshal(map[string]any{"h5_info": info}) // maps of texts always marshal
	return string(raw)
}

// RequestPayment implements [wxpay.Gateway]. It signs in the sign type of the prepay call, as WeChat demands. Here the
// names appId, timeStamp and nonceStr are in camel case, and the signature covers signType.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=7_7 (小程序调起支付API).
func (g *Gateway) RequestPayment(appID, prepayID string) (wxpay.RequestPayment, error) {
	if !isToken(appID, 32) || !isPrepayID(prepayID) {
		return wxpay.RequestPayment{}, paramError(opSignPay, errors.New("appid and prepay_id must be as WeChat gave them"))
	}
	return g.signPayment(appID, wxpay.RequestPayment{
		TimeStamp: strconv.FormatInt(g.now().Unix(), 10), NonceStr: rand.Text(),
		Package: "prepay_id=" + prepayID, SignType: g.signer.signType,
	}), nil
}

// signPayment sets paySign. The signature covers the appid, which the phone does not receive here.
func (g *Gateway) signPayment(appID string, p wxpay.RequestPayment) wxpay.RequestPayment {
	p.PaySign = g.signer.sign(fields{
		"appId": appID, "timeStamp": p.TimeStamp, "nonceStr": p.NonceStr, "package": p.Package, "signType": p.SignType,
	})
	return p
}

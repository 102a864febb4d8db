package wxpay

import (
	"context"
	"errors"
	"net/netip"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
)

// The ways to pay, as trade_type names them.
const (
	JSAPI  = "JSAPI"  // the phone of a known person, by wx.requestPayment
	Native = "NATIVE" // whoever scans a code on a screen
	H5     = "MWEB"   // a browser outside of WeChat, which opens WeChat
)

// H5Type is the only kind of page that we name in h5_info: one that a browser shows.
const H5Type = "Wap"

// maxPayURL is the longest code_url or h5_url that we keep; the documents name no limit.
const maxPayURL = 512

// Way is TradeType, with its default.
func (r PrepayRequest) Way() string {
	if r.TradeType == "" {
		return JSAPI
	}
	return r.TradeType
}

// checkWay checks what the way to pay needs: JSAPI names its payer, the others cannot know who it will be, and H5 needs the payer's address.
func (r PrepayRequest) checkWay() error {
	switch r.Way() {
	case JSAPI:
		return checkToken("openid", r.OpenID, 128)
	case Native, H5:
		if r.OpenID != "" {
			return errors.New("openid must be empty where anybody may pay")
		}
		if r.Way() == H5 && !IsPublicIP(r.PayerIP) {
			return errors.New("payer_client_ip must be the payer's own address")
		}
		return nil
	}
	return errors.New("trade_type must be JSAPI, NATIVE or MWEB")
}

// IsPublicIP tells whether an address can be a payer's own, and not that of this machine or of a local network.
func IsPublicIP(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}

// CheckPayURL refuses a code_url or an h5_url that nobody could scan or open. A page must be https, because a browser is sent there.
func CheckPayURL(way, text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxPayURL || !isVisible(text) {
		return errors.New("answer has no address to pay at")
	}
	if u.Scheme != "https" && (way != Native || u.Scheme != "weixin") {
		return errors.New("answer has an address of another kind")
	}
	return nil
}

func isVisible(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return text != ""
}

// placeOrder makes the call of the request's way. It returns what the answer has of prepay_id, code_url or h5_url.
func (v *V3) placeOrder(ctx context.Context, r PrepayRequest) (handle string, result *core.APIResult, err error) {
	switch r.Way() {
	case Native:
		return v.placeNative(ctx, r)
	case H5:
		return v.placeH5(ctx, r)
	}
	orders := jsapi.JsapiApiService{Client: v.sdk}
	res, result, err := orders.Prepay(ctx, v.prepayBody(r))
	if err == nil && res != nil && res.PrepayId != nil {
		handle = *res.PrepayId
	}
	return handle, result, err
}

// placeNative asks for the text of a code.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791877 (Native下单).
func (v *V3) placeNative(ctx context.Context, r PrepayRequest) (codeURL string, result *core.APIResult, err error) {
	body := native.PrepayRequest{
		Appid: &r.AppID, Mchid: &v.mchID, Description: &r.Description, OutTradeNo: &r.OutTradeNo, NotifyUrl: &r.NotifyURL,
		Amount: &native.Amount{Total: core.Int64(int64(r.Total)), Currency: core.String(Currency)},
	}
	if r.Attach != "" {
		body.Attach = &r.Attach
	}
	if r.PayerIP != "" {
		body.SceneInfo = &native.SceneInfo{PayerClientIp: &r.PayerIP}
	}
	if !r.ExpiresAt.IsZero() {
		body.TimeExpire = core.Time(beijing(r.ExpiresAt))
	}
	orders := native.NativeApiService{Client: v.sdk}
	res, result, err := orders.Prepay(ctx, body)
	if err == nil && res != nil && res.CodeUrl != nil {
		codeURL = *res.CodeUrl
	}
	return codeURL, result, err
}

// placeH5 asks for a page that opens WeChat.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791834 (H5下单).
func (v *V3) placeH5(ctx context.Context, r PrepayRequest) (h5URL string, result *core.APIResult, err error) {
	body := h5.PrepayRequest{
		Appid: &r.AppID, Mchid: &v.mchID, Description: &r.Description, OutTradeNo: &r.OutTradeNo, NotifyUrl: &r.NotifyURL,
		Amount:    &h5.Amount{Total: core.Int64(int64(r.Total)), Currency: core.String(Currency)},
		SceneInfo: &h5.SceneInfo{PayerClientIp: &r.PayerIP, H5Info: &h5.H5Info{Type: core.String(H5Type)}},
	}
	if r.Attach != "" {
		body.Attach = &r.Attach
	}
	if !r.ExpiresAt.IsZero() {
		body.TimeExpire = core.Time(beijing(r.ExpiresAt))
	}
	orders := h5.H5ApiService{Client: v.sdk}
	res, result, err := orders.Prepay(ctx, body)
	if err == nil && res != nil && res.H5Url != nil {
		h5URL = *res.H5Url
	}
	return h5URL, result, err
}

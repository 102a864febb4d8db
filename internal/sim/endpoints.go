package sim

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"wxbase/internal/sim/wire"
)

// endpoint is one of WeChat's calls. Faults are queued under its name.
type endpoint struct {
	name   string
	method string
	path   string
	pay    bool // of api.mch.weixin.qq.com: request and answer are signed
	token  bool // needs ?access_token=

	unmetered bool // does not count as one of the day's calls
	run       func(*Sim, *call) reply

	v2        bool // of api.mch.weixin.qq.com's older API: XML, always status 200
	mutualTLS bool // needs the merchant's certificate when WithClientCertificates is set
	refunds   bool // takes the faults of a refund
	transfers bool // takes the faults of a transfer
	upload    bool // takes a picture, as multipart/form-data

	errcodes []string // documented ones that only a fault can cause
}

// listed is the list, made once. note: Go refuses sync.OnceValue here, because the calls in the list use the list.
var listed struct {
	once      sync.Once
	endpoints []endpoint
}

// endpoints lists every simulated call, to be read only: each call looks here for the faults that are meant for it.
func endpoints() []endpoint {
	listed.once.Do(func() { listed.endpoints = allEndpoints() })
	return listed.endpoints
}

// allEndpoints makes the list, on one screen.
func allEndpoints() []endpoint {
	const get, post = http.MethodGet, http.MethodPost
	return slices.Concat(tradeEndpoints(), complaintEndpoints(), xpayEndpoints(), []endpoint{
		{name: "code2session", method: get, path: "/sns/jscode2session", run: (*Sim).code2Session},
		{name: "token", method: get, path: "/cgi-bin/token", run: (*Sim).accessToken},
		{name: "stable_token", method: post, path: "/cgi-bin/stable_token", run: (*Sim).stableToken, errcodes: []string{"40164", "40243", "50004", "50007"}},
		{name: "checksession", method: get, path: "/wxa/checksession", token: true, run: (*Sim).checkSession},
		{name: "resetusersessionkey", method: get, path: "/wxa/resetusersessionkey", token: true, run: (*Sim).resetSession},
		{name: "getpaidunionid", method: get, path: "/wxa/getpaidunionid", token: true, run: (*Sim).paidUnionID},
		{name: "getuserphonenumber", method: post, path: "/wxa/business/getuserphonenumber", token: true, run: (*Sim).phoneNumber},
		{name: "getwxacodeunlimit", method: post, path: "/wxa/getwxacodeunlimit", token: true, run: (*Sim).unlimitedCode},
		{name: "getwxacode", method: post, path: "/wxa/getwxacode", token: true, run: (*Sim).limitedCode},
		{name: "createwxaqrcode", method: post, path: "/cgi-bin/wxaapp/createwxaqrcode", token: true, run: (*Sim).plainQRCode},

		{name: "generatescheme", method: post, path: "/wxa/generatescheme", token: true, run: (*Sim).generateScheme, errcodes: linkErrcodes()},
		{name: "queryscheme", method: post, path: "/wxa/queryscheme", token: true, run: (*Sim).queryScheme},
		{name: "generate_urllink", method: post, path: "/wxa/generate_urllink", token: true, run: (*Sim).generateURLLink, errcodes: linkErrcodes()},
		{name: "query_urllink", method: post, path: "/wxa/query_urllink", token: true, run: (*Sim).queryURLLink},
		{name: "genwxashortlink", method: post, path: "/wxa/genwxashortlink", token: true, run: (*Sim).generateShortLink, errcodes: []string{"43104", "85079"}},

		{name: "subscribe_send", method: post, path: "/cgi-bin/message/subscribe/send", token: true, run: (*Sim).sendMessage, errcodes: []string{"43107", "43108"}},
		{name: "gettemplate", method: get, path: "/wxaapi/newtmpl/gettemplate", token: true, run: (*Sim).getTemplates, errcodes: []string{"200100"}},
		{name: "msg_sec_check", method: post, path: "/wxa/msg_sec_check", token: true, run: (*Sim).checkText, errcodes: []string{"44991", "61010"}},
		{name: "media_check_async", method: post, path: "/wxa/media_check_async", token: true, run: (*Sim).checkMedia, errcodes: []string{"44991", "61010", "87020"}},

		{name: "checkencryptedmsg", method: post, path: "/wxa/business/checkencryptedmsg", token: true, run: (*Sim).checkEncrypted},
		{name: "getuserriskrank", method: post, path: "/wxa/getuserriskrank", token: true, run: (*Sim).riskRank, errcodes: []string{"61080", "61081", "9410009"}},
		{name: "getcategory", method: get, path: "/wxaapi/newtmpl/getcategory", token: true, run: (*Sim).getCategory},
		{name: "custom_send", method: post, path: "/cgi-bin/message/custom/send", token: true, run: (*Sim).customSend, errcodes: []string{"48001"}},
		{name: "custom_typing", method: post, path: "/cgi-bin/message/custom/typing", token: true, run: (*Sim).showTyping, errcodes: []string{"48001"}},
		{name: "media_get", method: get, path: "/cgi-bin/media/get", token: true, run: (*Sim).tempMedia},
		{name: "clear_quota", method: post, path: "/cgi-bin/clear_quota", token: true, unmetered: true, run: (*Sim).clearQuota},
		{name: "clear_quota_v2", method: post, path: "/cgi-bin/clear_quota/v2", run: (*Sim).clearQuotaBySecret},
		{name: "quota_get", method: post, path: "/cgi-bin/openapi/quota/get", token: true, unmetered: true, run: (*Sim).getQuota},
		{name: "get_api_domain_ip", method: get, path: "/cgi-bin/get_api_domain_ip", token: true, run: (*Sim).domainIPs},
		{name: "getcallbackip", method: get, path: "/cgi-bin/getcallbackip", token: true, run: (*Sim).domainIPs},

		{name: "upload_shipping_info", method: post, path: "/wxa/sec/order/upload_shipping_info", token: true, run: (*Sim).uploadShipping},
		{name: "get_order", method: post, path: "/wxa/sec/order/get_order", token: true, run: (*Sim).shippingOrder},
		{name: "get_order_list", method: post, path: "/wxa/sec/order/get_order_list", token: true, run: (*Sim).shippingOrders},
		{name: "notify_confirm_receive", method: post, path: "/wxa/sec/order/notify_confirm_receive", token: true, run: (*Sim).remindReceipt},
		{name: "is_trade_managed", method: post, path: "/wxa/sec/order/is_trade_managed", token: true, run: (*Sim).isTradeManaged},
		{name: "update_order_detail_path", method: post, path: "/wxa/sec/order/update_order_detail_path", token: true, run: (*Sim).setOrderPath},
		{name: "set_msg_jump_path", method: post, path: "/wxa/sec/order/set_msg_jump_path", token: true, run: (*Sim).setMessagePath},
		{name: "opspecialorder", method: post, path: "/wxa/sec/order/opspecialorder", token: true, run: (*Sim).specialOrder},
		{name: "charge_usage", method: get, path: "/wxa/charge/usage/get", token: true, run: (*Sim).chargeUsage},
		{name: "get_order_detail_path", method: post, path: "/wxa/sec/order/get_order_detail_path", token: true, run: (*Sim).getOrderPath},
		{name: "get_delivery_list", method: post, path: "/cgi-bin/express/delivery/open_msg/get_delivery_list", token: true, run: (*Sim).deliveries},

		{name: "prepay", method: post, path: "/v3/pay/transactions/jsapi", pay: true, run: (*Sim).prepay},
		{name: "prepay_native", method: post, path: "/v3/pay/transactions/native", pay: true, run: (*Sim).prepayNative},
		{name: "prepay_h5", method: post, path: "/v3/pay/transactions/h5", pay: true, run: (*Sim).prepayH5},
		{name: "query", method: get, path: "/v3/pay/transactions/out-trade-no/:out_trade_no", pay: true, run: (*Sim).queryByNumber},
		{name: "query_id", method: get, path: "/v3/pay/transactions/id/:transaction_id", pay: true, run: (*Sim).queryByID},
		{name: "close", method: post, path: "/v3/pay/transactions/out-trade-no/:out_trade_no/close", pay: true, run: (*Sim).closeOrder},
		{name: "refund", method: post, path: "/v3/refund/domestic/refunds", pay: true, refunds: true, run: (*Sim).refund},
		{name: "refund_query", method: get, path: "/v3/refund/domestic/refunds/:out_refund_no", pay: true, run: (*Sim).queryRefund},
		{name: "transfer", method: post, path: "/v3/fund-app/mch-transfer/transfer-bills", pay: true, transfers: true, run: (*Sim).transfer},
		{name: "transfer_query", method: get, path: "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/:out_bill_no", pay: true, run: (*Sim).queryTransfer},
		{name: "transfer_query_id", method: get, path: "/v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/:transfer_bill_no", pay: true, run: (*Sim).queryTransferByID},
		{name: "transfer_cancel", method: post, path: "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/:out_bill_no/cancel", pay: true, run: (*Sim).cancelTransfer},
		{name: "abnormal_refund", method: post, path: "/v3/refund/domestic/refunds/:refund_id/apply-abnormal-refund", pay: true, run: (*Sim).abnormalRefund},
		{name: "fundflowbill", method: get, path: "/v3/bill/fundflowbill", pay: true, run: (*Sim).fundFlowBill},
		{name: "tradebill", method: get, path: "/v3/bill/tradebill", pay: true, run: (*Sim).tradeBill},
		{name: "billdownload", method: get, path: billPath, pay: true, run: (*Sim).downloadBill},
		{name: "v2_unifiedorder", method: post, path: "/pay/unifiedorder", v2: true, run: (*Sim).unifiedOrder},
		{name: "v2_orderquery", method: post, path: "/pay/orderquery", v2: true, run: (*Sim).orderQuery},
		{name: "v2_closeorder", method: post, path: "/pay/closeorder", v2: true, run: (*Sim).closeOrderV2},
		{name: "v2_refund", method: post, path: "/secapi/pay/refund", v2: true, mutualTLS: true, refunds: true, run: (*Sim).refundV2},
		{name: "v2_refundquery", method: post, path: "/pay/refundquery", v2: true, run: (*Sim).refundQueryV2},
		{name: "v2_downloadbill", method: post, path: "/pay/downloadbill", v2: true, run: (*Sim).downloadBillV2},
		{name: "certificates", method: get, path: "/v3/certificates", pay: true, run: (*Sim).certificates},
	})
}

// xpayEndpoints are the calls of virtual payment.
func xpayEndpoints() []endpoint {
	const get, post = http.MethodGet, http.MethodPost
	return []endpoint{
		{name: "xpay_query_order", method: post, path: "/xpay/query_order", token: true, run: (*Sim).xpayQuery},
		{name: "xpay_notify_provide_goods", method: post, path: "/xpay/notify_provide_goods", token: true, run: (*Sim).xpayProvide},
		{name: "xpay_refund_order", method: post, path: "/xpay/refund_order", token: true, run: (*Sim).refundXpay, errcodes: []string{"268490013", "268490014", "268490015"}},
		{name: "xpay_start_upload_goods", method: post, path: "/xpay/start_upload_goods", token: true, run: (*Sim).uploadXpay, errcodes: []string{"268490007", "268490012"}},
		{name: "xpay_query_upload_goods", method: post, path: "/xpay/query_upload_goods", token: true, run: (*Sim).uploadedXpay},
		{name: "xpay_start_publish_goods", method: post, path: "/xpay/start_publish_goods", token: true, run: (*Sim).publishXpay, errcodes: []string{"268490012"}},
		{name: "xpay_query_publish_goods", method: post, path: "/xpay/query_publish_goods", token: true, run: (*Sim).publishedXpay},
		{name: "xpay_download_bill", method: post, path: "/xpay/download_bill", token: true, run: (*Sim).xpayBill},
		{name: "xpay_bill", method: get, path: "/xpay/bill", run: (*Sim).xpayBillFile},
		{name: "xpay_query_user_balance", method: post, path: "/xpay/query_user_balance", token: true, run: (*Sim).xpayBalance},
		{name: "xpay_currency_pay", method: post, path: "/xpay/currency_pay", token: true, run: (*Sim).spendXpay},
		{name: "xpay_cancel_currency_pay", method: post, path: "/xpay/cancel_currency_pay", token: true, run: (*Sim).returnXpay},
		{name: "xpay_present_currency", method: post, path: "/xpay/present_currency", token: true, run: (*Sim).giveXpay},
	}
}

// listEndpoints is GET /_sim/endpoints: the names for faults, with method and path.
func listEndpoints(c *echo.Context) error {
	type one struct {
		Name   string `json:"name"`
		Method string `json:"method"`
		Path   string `json:"path"`
	}
	list := make([]one, 0, len(endpoints()))
	for _, ep := range endpoints() {
		list = append(list, one{ep.name, ep.method, ep.path})
	}
	return c.JSON(http.StatusOK, list)
}

// linkErrcodes are those of an account without permission to make links.
func linkErrcodes() []string {
	return []string{"40002", "40013", "85079", "85088", "85405", "85407", "85408"}
}

// ofMch tells api.mch.weixin.qq.com from api.weixin.qq.com.
func (e endpoint) ofMch() bool { return e.pay || e.v2 }

// newHandler is both hosts and the control API on one router.
func (s *Sim) newHandler() http.Handler {
	e := newEcho(s.strayCall(http.StatusNotFound), s.strayCall(http.StatusMethodNotAllowed))
	for _, ep := range endpoints() {
		if ep.pay {
			e.Add(ep.method, ep.path, s.serve(ep))
			continue
		}
		e.Any(ep.path, s.serve(ep)) // note: a wrong method is an errcode at HTTP 200 here, not a 405
	}
	s.bindControl(e)
	return e
}

// newControlHandler is the control API alone.
func (s *Sim) newControlHandler() http.Handler {
	e := newEcho(controlNotFound, controlNotFound)
	s.bindControl(e)
	return e
}

// newEcho is a silent router with the control API's errors; errors of WeChat's calls do not reach it.
func newEcho(notFound, wrongMethod echo.HandlerFunc) *echo.Echo {
	e := echo.NewWithConfig(echo.Config{
		Logger: slog.New(slog.DiscardHandler),
		Router: echo.NewRouter(echo.RouterConfig{
			UnescapePathParamValues: true,
			NotFoundHandler:         notFound,
			MethodNotAllowedHandler: wrongMethod,
		}),
		HTTPErrorHandler: answerError,
	})
	e.Use(middleware.Recover())
	return e
}

// strayCall answers an unknown path or method with an empty body, as the real edge does.
func (s *Sim) strayCall(status int) echo.HandlerFunc {
	return func(ec *echo.Context) error {
		if isControlPath(ec.Request().URL.Path) {
			return controlNotFound(ec)
		}
		c := &call{endpoint: endpoint{name: "unknown"}, r: ec.Request(), query: ec.Request().URL.Query(), now: s.Now()}
		r := reply{status: status, code: http.StatusText(status), reason: "no such path at WeChat"}
		if status == http.StatusMethodNotAllowed {
			r.reason = "the path exists, but not for " + c.r.Method
		}
		if status == http.StatusNotFound && strings.HasPrefix(c.r.URL.Path, "/v3/") {
			r = notSimulated(c.r)
		}
		s.record(c, r, nil, nil)
		if len(r.body) > 0 {
			ec.Response().Header().Set("Request-Id", wire.RID(c.now)+"-"+strconv.Itoa(numSystem))
			return ec.Blob(r.status, r.contentType, r.body)
		}
		return ec.NoContent(status)
	}
}

// notSimulated answers a v3 path that is not among endpoints. note: if WeChat Pay lacks the path too, it would answer
// 404 with an empty body.
func notSimulated(r *http.Request) reply {
	const code = "SIMULATOR_NOT_IMPLEMENTED"
	asked := r.Method + " " + clip(r.URL.Path, 200)
	var simulated []string
	for _, ep := range endpoints() {
		if ep.pay {
			simulated = append(simulated, ep.method+" "+ep.path)
		}
	}
	return reply{
		status: http.StatusNotImplemented, contentType: payJSON, code: code, reason: asked + " is not simulated, or no path of WeChat Pay",
		body: encode(struct {
			Code      string   `json:"code"`
			Message   string   `json:"message"`
			Simulated []string `json:"simulated"`
		}{code, asked + " is not simulated (or no path of WeChat Pay): see docs/simulator.md", simulated}),
	}
}

// maxBody limits the body of every call, in bytes.
const maxBody = 1 << 20

// ReadBody reads at most maxBody bytes, of an upload at most maxUpload.
func readBody(w http.ResponseWriter, r *http.Request, upload bool) ([]byte, error) {
	most := int64(maxBody)
	if upload {
		most = maxUpload
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, errTooLarge
	}
	return body, err
}

var errTooLarge = errors.New("body is larger than 1 MiB")

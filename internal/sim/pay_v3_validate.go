package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fieldKind is the JSON type of a field.
type fieldKind int

const (
	kindText fieldKind = iota
	kindInteger
	kindBoolean
	kindObject
	kindList
	kindTexts // a list of texts
)

// rule is the rule of one field of a v3 body.
type rule struct {
	name     string
	kind     fieldKind
	required bool
	most     int                 // limit in bytes of a text or of an object's JSON; 0 is unlimited
	check    func(string) string // a further check of a text, returning the issue
	fields   []rule              // of an object, or of each object in a list
	atLeast  int64               // of an integer
	atMost   int64               // of an integer; 0 is unlimited
}

// jsapiRules is the body of POST /v3/pay/transactions/jsapi.
// https://pay.weixin.qq.com/doc/v3/merchant/4012791897 (小程序下单)
func jsapiRules(mostFen int64) []rule {
	return append(tradeRules(mostFen),
		rule{name: "payer", kind: kindObject, required: true, fields: []rule{{name: "openid", required: true, most: 128}}},
		rule{name: "scene_info", kind: kindObject, fields: sceneRules()},
	)
}

// tradeRules are the fields common to all ways to pay.
func tradeRules(mostFen int64) []rule {
	return []rule{
		{name: "appid", required: true, most: 32},
		{name: "mchid", required: true, most: 32},
		{name: "description", required: true, most: 127},
		{name: "out_trade_no", required: true, most: 32, check: checkNumber},
		{name: "time_expire", most: 64, check: checkTime},
		{name: "attach", most: 128},
		{name: "notify_url", required: true, most: 255, check: checkNotifyURL},
		{name: "goods_tag", most: 32},
		{name: "support_fapiao", kind: kindBoolean},
		{name: "amount", kind: kindObject, required: true, fields: []rule{
			{name: "total", kind: kindInteger, required: true, atLeast: 1, atMost: mostFen},
			{name: "currency", most: 16, check: checkCurrency},
		}},
		{name: "detail", kind: kindObject, most: 6144, fields: detailRules()},
		{name: "limit_pay", kind: kindTexts, most: 32}, // note: from the official SDK; today's pages do not list it
		{name: "settle_info", kind: kindObject, fields: []rule{{name: "profit_sharing", kind: kindBoolean}}},
	}
}

// detailRules is the list of goods.
func detailRules() []rule {
	return []rule{
		{name: "cost_price", kind: kindInteger},
		{name: "invoice_id", most: 32},
		{name: "goods_detail", kind: kindList, fields: []rule{
			{name: "merchant_goods_id", required: true, most: 32},
			{name: "wechatpay_goods_id", most: 32},
			{name: "goods_name", most: 256},
			{name: "quantity", kind: kindInteger, required: true, atLeast: 1},
			{name: "unit_price", kind: kindInteger, required: true},
		}},
	}
}

// sceneRules is the payer's place.
func sceneRules() []rule {
	return []rule{
		{name: "payer_client_ip", required: true, most: 45, check: checkIP},
		{name: "device_id", most: 32},
		{name: "store_info", kind: kindObject, fields: []rule{
			{name: "id", required: true, most: 32},
			{name: "name", most: 256},
			{name: "area_code", most: 32},
			{name: "address", most: 512},
		}},
	}
}

// checkFields compares an object with its rules, in their order, and then looks for unknown fields.
func checkFields(at string, got map[string]any, rules []rule) *payError {
	for _, r := range rules {
		value, there := got[r.name]
		if !there {
			if r.required {
				return badField(numParam, at+"/"+r.name, nil, "缺少必填参数")
			}
			continue
		}
		if bad := r.checkValue(at+"/"+r.name, value); bad != nil {
			return bad
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.name == name }) {
			return badField(numExtraParam, at+"/"+clip(name, 64), nil, "参数中含有非法的额外参数")
		}
	}
	return nil
}

// badField is a PARAM_ERROR about the body; field is a JSON pointer.
func badField(numeric int, field string, value any, issue string) *payError {
	e := paramError(numeric, "body", field, value, issue)
	return &e
}

// checkValue compares one value with its rule; null never matches.
func (r rule) checkValue(at string, value any) *payError {
	switch r.kind {
	case kindText:
		return r.checkText(at, value)
	case kindInteger:
		return r.checkInteger(at, value)
	case kindBoolean:
		if _, ok := value.(bool); !ok {
			return badField(numParam, at, nil, "类型错误，应为boolean")
		}
	case kindObject:
		return r.checkObject(at, value)
	case kindList:
		return r.checkList(at, value)
	case kindTexts:
		return r.checkTexts(at, value)
	}
	return nil
}

// checkText counts bytes, as WeChat Pay does: it refuses 69 characters of Chinese in a description for their 135 bytes.
func (r rule) checkText(at string, value any) *payError {
	got, ok := value.(string)
	switch {
	case !ok:
		return badField(numParam, at, nil, "类型错误，应为string")
	case got == "" && r.required:
		return badField(numParam, at, got, "必填参数不能为空")
	case r.most > 0 && len(got) > r.most:
		return tooLong(at, r.name, len(got), r.most)
	case r.check != nil:
		if issue := r.check(got); issue != "" {
			return badField(numParam, at, got, issue)
		}
	}
	return nil
}

// checkInteger accepts whole numbers only. NB! an amount with a fraction is an error, never rounded.
func (r rule) checkInteger(at string, value any) *payError {
	number, ok := value.(json.Number)
	if !ok {
		return badField(numParam, at, nil, "类型错误，应为integer")
	}
	got, err := number.Int64()
	if err != nil {
		return badField(numParam, at, clip(number.String(), 64), "类型错误，应为integer")
	}
	if got < r.atLeast {
		return badField(numOutOfRange, at, got, "值低于最小值 "+strconv.FormatInt(r.atLeast, 10))
	}
	if r.atMost > 0 && got > r.atMost {
		return badField(numOutOfRange, at, got, "值高于最大值 "+strconv.FormatInt(r.atMost, 10))
	}
	return nil
}

// checkObject goes down one level.
func (r rule) checkObject(at string, value any) *payError {
	got, ok := value.(map[string]any)
	if !ok {
		return badField(numParam, at, nil, "类型错误，应为object")
	}
	if r.most > 0 && len(encode(got)) > r.most {
		return tooLong(at, r.name, len(encode(got)), r.most)
	}
	return checkFields(at, got, r.fields)
}

// checkList goes down into each object of a list.
func (r rule) checkList(at string, value any) *payError {
	got, ok := value.([]any)
	if !ok {
		return badField(numParam, at, nil, "类型错误，应为array")
	}
	for i, item := range got {
		if bad := (rule{kind: kindObject, fields: r.fields}).checkObject(at+"/"+strconv.Itoa(i), item); bad != nil {
			return bad
		}
	}
	return nil
}

// checkTexts goes through a list of texts.
func (r rule) checkTexts(at string, value any) *payError {
	got, ok := value.([]any)
	if !ok {
		return badField(numParam, at, nil, "类型错误，应为array")
	}
	for i, item := range got {
		if bad := (rule{name: r.name, required: true, most: r.most}).checkText(at+"/"+strconv.Itoa(i), item); bad != nil {
			return bad
		}
	}
	return nil
}

// tooLong refuses a text by its length, in production's words and shape: value is the measured length.
func tooLong(at, name string, measured, most int) *payError {
	issue := fmt.Sprintf("字节数 %d，大于最大值 %d", measured, most)
	e := badField(numOutOfRange, at, measured, issue)
	e.message = "输入源“/body" + at + "”映射到值字段“" + fieldTitle(name) + "”字符串规则校验失败，" + issue
	return e
}

// fieldTitle is the name of a field in WeChat Pay's refusals.
func fieldTitle(name string) string {
	titles := map[string]string{
		"appid": "公众号ID", "mchid": "直连商户号", "description": "商品描述", "out_trade_no": "商户订单号", "time_expire": "交易结束时间",
		"attach": "附加数据", "notify_url": "通知地址", "goods_tag": "订单优惠标记", "openid": "用户标识", "out_refund_no": "商户退款单号",
		"transaction_id": "微信支付订单号", "reason": "退款原因", "payer_client_ip": "用户终端IP", "device_id": "商户端设备号", "detail": "优惠功能",
		"currency": "货币类型", "goods_name": "商品名称", "merchant_goods_id": "商户侧商品编码", "invoice_id": "商品小票ID", "limit_pay": "指定支付方式",
	}
	return or(titles[name], name)
}

// checkNumber returns the issue with an out_trade_no, empty when it is valid; the next three do the same for theirs.
func checkNumber(value string) string {
	if !validNumber(value) {
		return "商户订单号须为6至32个字符，只能是数字、大小写字母_-|*"
	}
	return ""
}

func checkTime(value string) string {
	if _, err := time.Parse(time.RFC3339, value); err != nil {
		return "时间须为RFC3339格式，如2018-06-08T10:34:56+08:00"
	}
	return ""
}

func checkCurrency(value string) string {
	if value != "CNY" {
		return "货币类型只能是CNY"
	}
	return ""
}

func checkIP(value string) string {
	if _, err := netip.ParseAddr(value); err != nil {
		return "不是合法的IP地址"
	}
	return ""
}

// checkNotifyURL demands https without a query. It accepts http for a loopback host only, so that a laptop works.
func checkNotifyURL(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Opaque != "":
		return "通知地址不是合法的URL"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#"):
		return "通知地址不能携带查询串或锚点"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "通知地址必须为https"
}

// isLoopback tells whether a host name (no port) is this machine itself.
func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

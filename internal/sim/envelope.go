package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ok is a success of api.weixin.qq.com. Fields contain errcode 0 only where the real call sends it.
func (c *call) ok(fields any) reply {
	return reply{status: 200, contentType: c.jsonType(), body: encode(fields)}
}

// refuse is a failure of api.weixin.qq.com: HTTP 200, an errcode and a request id in the text.
func (c *call) refuse(errcode int, reason string) reply {
	return c.refuseSaying(errcode, errorText(errcode), reason)
}

// refuseSaying is refuse with another text, for errcodes whose text names the problem.
func (c *call) refuseSaying(errcode int, text, reason string) reply {
	comma := ""
	if strings.HasPrefix(c.endpoint.path, "/sns/") {
		comma = ","
	}
	return reply{
		status: 200, contentType: c.jsonType(), code: strconv.Itoa(errcode), reason: reason,
		body: encode(struct {
			ErrCode int    `json:"errcode"`
			ErrMsg  string `json:"errmsg"`
		}{errcode, text + comma + " rid: " + c.requestID}),
	}
}

// jsonType is the Content-Type of JSON, which the real service sets wrongly for /sns/.
func (c *call) jsonType() string {
	if strings.HasPrefix(c.endpoint.path, "/sns/") {
		return "text/plain"
	}
	return "application/json; encoding=utf-8"
}

// errorText is the text of an errcode as the real service sends it.
func errorText(errcode int) string {
	switch errcode {
	case -1:
		return "system error"
	case 40001:
		return "invalid credential, access_token is invalid or not latest"
	case 40002:
		return "invalid grant_type"
	case 1:
		return "encrypted data not found"
	case 40003:
		return "invalid openid"
	case 40008:
		return "invalid message type"
	case 40013:
		return "invalid appid"
	case 40014:
		return "invalid access_token"
	case 40029:
		return "invalid code"
	case 40097:
		return "invalid args"
	case 40125:
		return "invalid appsecret"
	case 40164:
		return "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"
	case 40129:
		return "invalid scene"
	case 40159:
		return "invalid length for path, or the data is not json string"
	case 40163:
		return "code been used"
	case 40169:
		return "invalid length for scene, or the data is not json string"
	case 40226:
		return "high risk user, login blocked"
	}
	return errorTextFrom41000(errcode)
}

// errorTextFrom41000 is the second half of errorText.
func errorTextFrom41000(errcode int) string {
	switch errcode {
	case 41001:
		return "access_token missing"
	case 41002:
		return "appid missing"
	case 41004:
		return "appsecret missing"
	case 41008:
		return "missing code"
	case 41030:
		return "invalid page"
	case 42001:
		return "access_token expired"
	case 43001:
		return "require GET method"
	case 43002:
		return "require POST method"
	case 44002:
		return "empty post data"
	case 45009:
		return "reach max api daily quota limit"
	case 45011:
		return "api minute-quota reach limit, must slower, retry next minute"
	case 45015:
		return "response out of time limit or subscription is canceled"
	case 45047:
		return "out of response count limit"
	case 48006:
		return "forbid to clear quota because of reaching the limit"
	case 76003:
		return "cgi_path error"
	case 76021:
		return "cgi_path not found"
	case 76022:
		return "could not use this cgi_path, no permission"
	case 45029:
		return "qrcode count out of limit"
	case 47001:
		return "data format error"
	case 85096:
		return "scancode_time is reserved"
	case 89002:
		return "open not exists"
	case 89300:
		return "invalid order"
	case 87007:
		return "session_key is not existed or expired"
	case 87008:
		return "invalid sig_method"
	case 87009:
		return "invalid signature"
	}
	return errorTextOfShipping(errcode)
}

// errorTextOfShipping is the last part of errorText.
func errorTextOfShipping(errcode int) string {
	switch errcode {
	case 10060001:
		return "支付单不存在"
	case 10060002:
		return "支付单已完成发货，无法继续发货"
	case 10060003:
		return "支付单已使用重新发货机会"
	case 10060004:
		return "支付单处于不可发货的状态"
	case 10060005:
		return "物流类型有误"
	case 10060006:
		return "非快递发货时不允许分拆发货"
	case 10060007:
		return "分拆发货模式下必须填写is_all_delivered"
	case 10060008, 10060020:
		return "商品描述不能为空"
	case 10060009:
		return "商品描述太长"
	case 10060011:
		return "last_index有误"
	case 10060014:
		return "参数错误"
	case 10060023:
		return "发货信息未更新"
	case 10060024:
		return "物流信息列表太长"
	case 10060025:
		return "物流公司编码太长"
	case 10060026:
		return "物流单号太长"
	case 10060028:
		return "支付单未发货"
	case 10060029:
		return "签收时间早于发货时间"
	case 10060030:
		return "支付单已使用确认收货提醒机会"
	case 10060032:
		return "非快递发货不支持确认收货提醒"
	case 10060031:
		return "订单不属于该用户"
	case 268485194, 268485195, 268485196, 268485197:
		return "order_key有误"
	case 268485216:
		return "upload_time格式有误"
	case 268485224:
		return "发货模式有误"
	case 268485226, 268485227:
		return "物流单号或物流公司编码不能为空"
	case 268485228:
		return "统一发货模式下物流信息列表长度必须为1"
	}
	return errorTextOfMessages(errcode)
}

// errorTextOfMessages is errorText for links, messages and content checks.
func errorTextOfMessages(errcode int) string {
	switch errcode {
	case 40004:
		return "invalid media type"
	case 40037:
		return "invalid template_id"
	case 40066:
		return "invalid url"
	case 40165:
		return "invalid weapp pagepath"
	case 40212:
		return "invalid query"
	case 40225:
		return "invalid page title"
	case 43101:
		return "user refuse to accept the msg"
	case 43104:
		return "appid and openid not match"
	case 43107:
		return "subscribe message ability is banned"
	case 43108:
		return "concurrent sending to the same user"
	case 44990, 44991:
		return "reach max api frequency limit"
	case 44993:
		return "reach max api daily frequency limit"
	case 45002:
		return "content size out of limit"
	case 45168:
		return "hit sensitive word"
	case 61010:
		return "user is not active in the last two hours"
	case 85079:
		return "miniprogram has no online release"
	case 85400:
		return "reach max permanent link limit"
	case 85401:
		return "expire time out of range"
	case 85402:
		return "invalid env_version"
	case 85403:
		return "link not exist"
	case 85407:
		return "no permission to use this ability"
	case 87014:
		return "risky content"
	case 87020:
		return "repeated request limit"
	}
	return "error"
}

var (
	errEmptyBody   = errors.New("the body is empty")
	errGarbage     = errors.New("the body is not the JSON object that the call wants")
	errTrailing    = errors.New("something follows the JSON object")
	errNotAnObject = errors.New("the body is JSON but not an object")
	errNotUTF8     = errors.New("the body is not UTF-8")
	errHalfRune    = errors.New("the body holds half of a surrogate pair (\\ud800 to \\udfff alone)")
)

// decode reads a JSON object into v. Unknown fields are ignored; a wrong type is an error.
func decode(body []byte, v any) error {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return errEmptyBody
	case !utf8.Valid(body): // NB! Go's decoder would replace it by U+FFFD, and the order would get another text
		return errNotUTF8
	case hasHalfRune(body):
		return errHalfRune
	}
	if bytes.TrimSpace(body)[0] != '{' {
		return errNotAnObject
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errGarbage, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// hasHalfRune tells whether a JSON text escapes one half of a surrogate pair without the other.
func hasHalfRune(body []byte) bool {
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		unit, escaped := utf16Unit(body[i:])
		if !escaped || !utf16.IsSurrogate(unit) {
			i++ // note: skip the escaped character, which may be a backslash
			continue
		}
		next, pair := utf16Unit(body[min(i+6, len(body)):])
		if !pair || utf16.DecodeRune(unit, next) == utf8.RuneError {
			return true
		}
		i += 11
	}
	return false
}

// utf16Unit reads \uXXXX at the beginning of text.
func utf16Unit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// decodeOr reads the body of an api.weixin.qq.com call; garbage is that call's errcode for bad JSON.
func (c *call) decodeOr(garbage int, v any) (refusal reply, ok bool) {
	err := decode(c.body, v)
	switch {
	case errors.Is(err, errEmptyBody):
		return c.refuse(44002, err.Error()), false
	case err != nil:
		return c.refuse(garbage, err.Error()), false
	}
	return reply{}, true
}

// isJSONType accepts application/json with or without parameters.
func isJSONType(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

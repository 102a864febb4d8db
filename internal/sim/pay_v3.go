package sim

import (
	"encoding/json"
	"strings"

	"wxbase/internal/sim/wire"
)

// The numbers at the end of Request-Id, with which WeChat Pay's support tells refusals apart.
const (
	numParam        = 268435461
	numOutOfRange   = 268435464
	numSign         = 268443699
	numMchMismatch  = 268447843
	numOrderInvalid = 268447914
	numOrderMissing = 268512771
	numPaid         = 268449538
	numOpenID       = 268501013
	numReentry      = 268498688
	numAppMismatch  = 268445527
	numRate         = 268447840
	numExtraParam   = 270924358
	numSystem       = 268435457
	numFunds        = 268435470 // note: these three are invented, WeChat's are not documented
	numAccount      = 268435471
	numBill         = 268435472
)

// payError is a refusal of WeChat Pay v3.
type payError struct {
	status  int
	code    string
	numeric int
	message string
	detail  *payDetail
	reason  string   // for GET /_sim/calls only
	finding *finding // for GET /_sim/calls only: what is wrong with a signature
}

// payDetail names the offending field.
type payDetail struct {
	Location string `json:"location"` // body, url or query
	Field    string `json:"field"`
	Value    any    `json:"value,omitempty"`
	Issue    string `json:"issue"`
}

// reply is the unsigned answer: WeChat Pay does not sign its 4xx.
func (e payError) reply(*call) reply {
	reason, zh, field := or(e.reason, e.message), or(inChinese(e.reason), e.message), (*fieldSaid)(nil)
	if e.detail != nil {
		field = e.detail.said()
		reason, zh = or(e.reason, field.text()), e.detail.Field+"："+e.detail.Issue
	}
	return reply{
		status: e.status, contentType: payJSON, code: e.code, numeric: e.numeric, reason: reason, reasonZH: zh, field: field, finding: e.finding,
		body: encode(struct {
			Code    string     `json:"code"`
			Detail  *payDetail `json:"detail,omitempty"` // note: before the message, as in production
			Message string     `json:"message"`
		}{e.code, e.detail, e.message}),
	}
}

const payJSON = "application/json; charset=utf-8"

// signError is the 401 for a problem with Authorization; text is WeChat's, reason and finding are ours.
func signError(text, reason string, found *finding) *payError {
	return &payError{status: 401, code: "SIGN_ERROR", numeric: numSign, message: text, reason: reason, finding: found}
}

// paramError is the 400 that names a field. Location is body, url or query.
func paramError(numeric int, location, field string, value any, issue string) payError {
	return payError{
		status: 400, code: "PARAM_ERROR", numeric: numeric, message: "参数错误",
		detail: &payDetail{Location: location, Field: field, Value: value, Issue: issue},
	}
}

// orderMissing is the 404 of an unknown number or transaction.
func orderMissing() payError {
	return payError{status: 404, code: "ORDER_NOT_EXIST", numeric: numOrderMissing, message: "订单不存在", reason: "no such order of this merchant"}
}

// orderPaid is the refusal of prepay and close after the payment: the caller must query and accept it as paid.
func orderPaid() payError {
	return payError{status: 400, code: "ORDER_PAID", numeric: numPaid, message: "该订单已支付", reason: "the order is paid"}
}

// systemError is the 500 after which the same request may be repeated.
func systemError(reason string) payError {
	return payError{status: 500, code: "SYSTEM_ERROR", numeric: numSystem, message: "系统异常，请稍后重试", reason: reason}
}

// okPay is a 200 of WeChat Pay; send signs it.
func okPay(fields any) reply {
	return reply{status: 200, contentType: payJSON, body: encode(fields)}
}

// decodePay reads a v3 body as an object.
func decodePay(body []byte) (map[string]any, *payError) {
	var fields map[string]any
	if err := decode(body, &fields); err != nil {
		e := payError{
			status: 400, code: "PARAM_ERROR", numeric: numParam, message: "请求报文不是合法的JSON", reason: err.Error(),
			detail: &payDetail{Location: "body", Field: "/", Issue: "请求报文不是合法的JSON"},
		}
		return nil, &e
	}
	return fields, nil
}

// integer reads a checked number out of decoded JSON.
func integer(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

// text reads a string out of decoded JSON, empty for another type.
func text(v any) string {
	t, _ := v.(string)
	return t
}

// object reads an object out of decoded JSON, nil for another type.
func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

// queryMchID checks the mchid in the query of a GET.
func queryMchID(c *call) *payError {
	mchid := c.query.Get("mchid")
	if mchid == "" {
		e := paramError(numParam, "query", "mchid", nil, "缺少必填参数mchid")
		return &e
	}
	return ownMchID(c, "query", "mchid", mchid)
}

// ownMchID checks that the mchid in a message is the signing one.
func ownMchID(c *call, location, field, mchid string) *payError {
	if mchid == c.seller.MchID {
		return nil
	}
	e := paramError(numMchMismatch, location, field, mchid, "mchid与Authorization中的mchid不一致")
	return &e
}

// validNumber is the shape of out_trade_no.
func validNumber(number string) bool {
	return len(number) >= 6 && len(number) <= 32 && strings.Trim(number, wire.Alnum+"_-|*") == ""
}

package wxpay

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const (
	opPrepay      = "prepay"
	opSignPay     = "request payment"
	opQuery       = "query"
	opClose       = "close"
	opRefund      = "refund"
	opQueryRefund = "query refund"
	opBill        = "trade bill"
	opBillFile    = "bill download"
	opCerts       = "certificates"

	opTransfer       = "transfer"
	opQueryTransfer  = "query transfer"
	opCancelTransfer = "cancel transfer"

	codeNoBill = "NO_STATEMENT_EXIST" // nothing happened that day

	maxMessageLen = 256 // characters
)

// classify turns what the SDK returned into an [*Error], or nil when the answer may be read.
func classify(op string, result *core.APIResult, err error) error {
	if result != nil && result.Response != nil && result.Response.StatusCode == http.StatusAccepted {
		// 202 means: accepted, ask the same again. It is not a result, verified or not.
		return newError(op, result, KindBusy, "accepted, repeat the same request")
	}
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[*core.APIError](err); ok {
		return refusal(op, api)
	}
	kind, cause := KindUnknown, err
	sent, left := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, errUnverified):
		kind = KindUnverified
	case errors.Is(err, errRefusedHost):
		kind, cause = KindConfig, errRefusedHost
	case left:
		kind, cause = KindNetwork, withoutAddress(sent)
	}
	e := newError(op, result, kind, cause.Error())
	e.cause = cause
	return e
}

// withoutAddress keeps only the cause: *url.Error prints the whole address, and transports nest it.
func withoutAddress(err error) error {
	for {
		sent, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = sent.Err
	}
}

// refusal reads an answer outside 2xx. WeChat often leaves these unsigned, so they end a call but never prove a
// payment.
func refusal(op string, api *core.APIError) *Error {
	e := &Error{
		Op: op, Status: api.StatusCode, Code: cleanCode(api.Code), Message: cleanText(api.Message),
		RequestID: cleanText(api.Header.Get(consts.RequestID)),
	}
	e.Kind = kindOf(op, e.Status, e.Code)
	if e.Code == "" && e.Message == "" {
		e.Message = "answer is not WeChat Pay's"
	}
	return e
}

// kindOf decides by status and code only: WeChat rewords its messages.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012081717 (HTTP状态码和错误码).
func kindOf(op string, status int, code string) Kind {
	switch {
	case status == http.StatusTooManyRequests || status >= 500:
		return KindBusy
	case status == http.StatusUnauthorized && code != "":
		return KindSign
	case op == opCerts && status == http.StatusNotFound:
		// merchants since late 2024 have no certificates: another verify mode is needed.
		return KindConfig
	case code == "TRADE_ERROR" && op == opClose:
		// the documents disagree about how a paid order refuses to close; a query is right in every case.
		return KindPaid
	case code == "INVALID_REQUEST" && op == opBillFile:
		// the address has expired; the next call gets a new one.
		return KindBusy
	case code == "NOT_FOUND" && (op == opQueryTransfer || op == opCancelTransfer):
		// NB! of a payment or a refund it would be a wrong path: these have codes of their own.
		return KindNotFound
	case code != "":
		return kindOfCode(code)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		// NB! an empty 404 is a wrong path, not a missing order.
		return KindConfig
	}
	return KindUnknown
}

// kindOfCode knows the codes as spelled in today's documents and in those of 2020.
func kindOfCode(code string) Kind {
	switch code {
	case "PARAM_ERROR", "INVALID_REQUEST", "INVALID_TRANSACTIONID":
		return KindParam
	case "SIGN_ERROR", "SIGNERROR":
		return KindSign
	case "APPID_MCHID_NOT_MATCH", "APPID_NOT_EXIST", "MCH_NOT_EXISTS", "MCHID_NOT_EXIST":
		return KindConfig
	case "ORDER_PAID", "ORDERPAID":
		return KindPaid
	case "ORDER_CLOSED", "ORDERCLOSED":
		return KindClosed
	case "OUT_TRADE_NO_USED", "REFUND_FEE_MISMATCH":
		return KindReused
	case "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", codeNoBill:
		return KindNotFound
	case "NO_AUTH", "NOAUTH", "RULE_LIMIT", "RULELIMIT", "TRADE_ERROR", "ACCOUNT_ERROR", "ACCOUNTERROR":
		return KindDenied
	case "NOT_ENOUGH", "NOTENOUGH":
		return KindNotEnough
	case "TRADE_OVERDUE":
		return KindOverdue
	case "USER_ACCOUNT_ABNORMAL", "USER_ERROR":
		return KindPayerAccount
	case "STATEMENT_CREATING":
		return KindNotReady
	case "SYSTEM_ERROR", "SYSTEMERROR", "SERVICE_UNAVAILABLE", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "USERPAYING":
		return KindBusy
	}
	return KindUnknown
}

// newError describes an answer, or a missing one.
func newError(op string, result *core.APIResult, kind Kind, message string) *Error {
	e := &Error{Op: op, Kind: kind, Message: cleanText(message)}
	if result != nil && result.Response != nil {
		e.Status = result.Response.StatusCode
		e.RequestID = cleanText(result.Response.Header.Get(consts.RequestID))
	}
	return e
}

// paramError is for a call that was not sent.
func paramError(op string, cause error) *Error {
	e := newError(op, nil, KindParam, cause.Error())
	e.cause = cause
	return e
}

// answerError is for a verified answer that cannot be used.
func answerError(op string, result *core.APIResult, message string) *Error {
	return newError(op, result, KindUnknown, message)
}

// cleanText makes foreign text safe for one line of a log.
func cleanText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxMessageLen {
		text = string(runes[:maxMessageLen])
	}
	return text
}

// cleanCode drops a code that does not look like one, so that foreign text does not reach decisions.
func cleanCode(code string) string {
	if checkToken("code", code, 64) != nil {
		return ""
	}
	return code
}

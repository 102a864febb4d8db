package v2

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"wxbase/internal/wxpay"
)

const maxMessageLen = 256 // characters

var (
	errNotWeChat = errors.New("answer is not WeChat Pay's")
	errNotOurs   = errors.New("answer is about another merchant or mini program")
	errNotAsked  = errors.New("answer is about another order")
)

// networkError is for an answer that came in part or not at all: the outcome is unknown.
func networkError(op string, res *http.Response, err error) *wxpay.Error {
	// note: *url.Error prints the whole address; keep only the cause.
	if sent, ok := errors.AsType[*url.Error](err); ok {
		err = sent.Err
	}
	return newError(op, res, wxpay.KindNetwork, err)
}

// refusedByStatus returns nil for a 200, the status of all of WeChat's answers. Any other status comes from a gateway
// in between.
func refusedByStatus(op string, res *http.Response) error {
	kind := wxpay.KindUnknown
	switch status := res.StatusCode; {
	case status == http.StatusOK:
		return nil
	case status == http.StatusAccepted, status == http.StatusTooManyRequests, status >= 500:
		kind = wxpay.KindBusy
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		kind = wxpay.KindConfig
	}
	return newError(op, res, kind, errNotWeChat)
}

// refusedInWords reads a return_code FAIL: unsigned, without a code, and final unless it says to wait. Only return_msg
// tells one from another.
func refusedInWords(op string, res *http.Response, message string) *wxpay.Error {
	return newRefusal(op, res, kindOfWords(message), message)
}

// kindOfWords prefers asking again: repeating a call with its number is harmless.
func kindOfWords(message string) wxpay.Kind {
	meanings := []struct {
		kind  wxpay.Kind
		words []string
	}{
		{wxpay.KindSign, []string{"签名", "sign"}},
		{wxpay.KindReused, []string{"订单号重复"}},
		{wxpay.KindBusy, []string{"系统", "处理中", "繁忙", "超时", "频率", "频繁", "稍后", "重试", "system", "busy", "timeout", "frequen", "retry"}},
		{wxpay.KindConfig, []string{"证书", "商户号", "mch_id", "mchid", "appid", "cert"}},
	}
	text := strings.ToLower(message)
	for _, meaning := range meanings {
		for _, word := range meaning.words {
			if strings.Contains(text, word) {
				return meaning.kind
			}
		}
	}
	return wxpay.KindParam
}

// refusedByCode reads a signed refusal. An unknown code leaves the outcome unknown, because there is no status to tell
// a busy system from a broken rule.
func refusedByCode(op string, res *http.Response, f fields) *wxpay.Error {
	e := newRefusal(op, res, wxpay.KindUnknown, f["err_code_des"])
	if isToken(f["err_code"], 64) {
		e.Code = f["err_code"]
	}
	if f["result_code"] == wordFail {
		e.Kind = kindOf(op, e.Code, f["err_code_des"])
	}
	return e
}

// kindOf adds the codes whose meaning depends on the call to kindOfCode.
func kindOf(op, code, description string) wxpay.Kind {
	switch {
	case code == "INVALID_REQUEST" && op == opPrepay && strings.Contains(description, "订单号重复"):
		// "201 商户订单号重复": one code for a malformed call and for a used number with other parameters.
		return wxpay.KindReused
	case op == opClose && (code == "TRADE_STATE_ERROR" || code == "TRADE_ERROR"):
		// the documents disagree about how a paid order refuses to close; a query is right in every case.
		return wxpay.KindPaid
	}
	return kindOfCode(code)
}

// kindOfCode knows the codes of all calls.
//
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_1 (统一下单, 错误码) and the pages beside it.
func kindOfCode(code string) wxpay.Kind {
	switch code {
	case "INVALID_REQUEST", "LACK_PARAMS", "PARAM_ERROR", "XML_FORMAT_ERROR", "REQUIRE_POST_METHOD", "POST_DATA_EMPTY", "NOT_UTF8",
		"INVALID_TRANSACTIONID", "REFUND_FEE_INVALID", "ERROR":
		return wxpay.KindParam
	case "SIGNERROR", "SIGN_ERROR":
		return wxpay.KindSign
	case "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH", "CERT_ERROR":
		return wxpay.KindConfig
	case "ORDERPAID":
		return wxpay.KindPaid
	case "ORDERCLOSED":
		return wxpay.KindClosed
	case "OUT_TRADE_NO_USED", "REFUND_FEE_MISMATCH":
		return wxpay.KindReused
	case "ORDERNOTEXIST", "REFUNDNOTEXIST":
		return wxpay.KindNotFound
	case "NOTENOUGH":
		return wxpay.KindNotEnough
	case "TRADE_OVERDUE":
		return wxpay.KindOverdue
	case "USER_ACCOUNT_ABNORMAL":
		return wxpay.KindPayerAccount
	case "NOAUTH", "RULELIMIT", "TRADE_STATE_ERROR", "TRADE_ERROR", "ACCOUNTERROR":
		return wxpay.KindDenied
	case "SYSTEMERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED", "FREQ_LIMIT", "INVALID_REQ_TOO_MUCH", "USERPAYING":
		return wxpay.KindBusy
	}
	return wxpay.KindUnknown
}

// answerError is for a verified answer that cannot be used. Its call may have taken effect.
func answerError(op string, kind wxpay.Kind, cause error) *wxpay.Error {
	e := newError(op, nil, kind, cause)
	e.Status = http.StatusOK
	return e
}

// paramError is for a call that was not sent.
func paramError(op string, cause error) *wxpay.Error {
	return newError(op, nil, wxpay.KindParam, cause)
}

// newError is for a failure that we found.
func newError(op string, res *http.Response, kind wxpay.Kind, cause error) *wxpay.Error {
	return newRefusal(op, res, kind, cause.Error()).WithCause(cause)
}

// newRefusal describes an answer, or a missing one.
func newRefusal(op string, res *http.Response, kind wxpay.Kind, message string) *wxpay.Error {
	e := &wxpay.Error{Op: op, Kind: kind, Message: cleanText(message)}
	if res != nil {
		e.Status, e.RequestID = res.StatusCode, cleanText(res.Header.Get("Request-ID"))
	}
	return e
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

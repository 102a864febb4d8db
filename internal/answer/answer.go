package answer

import (
	"errors"
	"net/http"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/conflict"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// Fail makes the answer for a problem. Only the log gets the cause, with WeChat's errcode and request id if there are
// any.
//
// note: when the cause is something that an operator added to the database, the answer says so instead of p's text: a
// repeat does not help, and the owner can fix it.
func Fail(p Problem, cause error) *router.ApiError {
	conflict, isConflict := conflict.In(cause)
	if isConflict && p.Status >= http.StatusInternalServerError {
		p = SchemaConflict
	}
	err := apis.NewApiError(p.Status, p.EN, cause)
	err.Data = map[string]any{"code": p.Code}
	if p == SchemaConflict {
		err.Data["table"], err.Data["field"] = conflict.Table, conflict.Field
	}
	if we, ok := errors.AsType[*wechat.Error](cause); ok {
		if we.Errcode != 0 { // zero when WeChat did not answer
			err.Data["errcode"] = we.Errcode
		}
		if we.RID != "" {
			err.Data["rid"] = we.RID
		}
	}
	if pe, ok := errors.AsType[*wxpay.Error](cause); ok && pe.RequestID != "" {
		err.Data["rid"] = pe.RequestID
	}
	return err
}

// With is Fail with one more fact for the client, such as the missing product.
func With(p Problem, key string, value any) *router.ApiError {
	err := Fail(p, nil)
	err.Data[key] = value
	return err
}

// Field is Fail for a field of the body, which it names.
func Field(p Problem, field, reason string) *router.ApiError {
	err := With(p, "field", field)
	if reason != "" {
		err.Data["reason"] = reason
	}
	return err
}

// Or returns an answer made deeper down, such as the 413 of a long body, and wraps any other error.
func Or(err error, otherwise Problem) error {
	if answer, ok := errors.AsType[*router.ApiError](err); ok {
		return answer
	}
	return Fail(otherwise, err)
}

// FromWechat turns an error of a server API call into an answer.
func FromWechat(cause error) *router.ApiError {
	var we *wechat.Error
	switch {
	case errors.Is(cause, settings.ErrNotConfigured):
		return Fail(NotConfigured, cause)
	case errors.Is(cause, wechat.ErrMalformed): // note: it matches ErrDecrypt too, and a new login does not help
		return Fail(DataMalformed, cause)
	case errors.Is(cause, wechat.ErrDecrypt):
		return Fail(SessionStale, cause)
	case errors.Is(cause, wechat.ErrWatermark):
		return Fail(Watermark, cause)
	case errors.As(cause, &we):
		return Fail(problemOf(we.Kind), cause)
	default:
		return Fail(Busy, cause)
	}
}

// FromCode is FromWechat for the exchange of a one-time code: a malformed code is an invalid one.
func FromCode(cause error) *router.ApiError {
	if _, ok := errors.AsType[*wechat.FieldError](cause); ok {
		return Fail(CodeInvalid, cause)
	}
	return FromWechat(cause)
}

func problemOf(kind wechat.Kind) Problem {
	switch kind {
	case wechat.KindCodeInvalid:
		return CodeInvalid
	case wechat.KindCodeUsed:
		return CodeUsed
	case wechat.KindRisk:
		return Risk
	case wechat.KindRate:
		return WxRate
	case wechat.KindConfig, wechat.KindUnsupported, wechat.KindToken:
		return WxConfig
	case wechat.KindSession:
		return SessionStale
	case wechat.KindArgs:
		return WxArgs
	case wechat.KindQuota:
		return WxQuota
	case wechat.KindBadAnswer, wechat.KindUnknown:
		return WxAnswer
	case wechat.KindState:
		return WxState
	case wechat.KindBusy, wechat.KindNetwork:
		return WxBusy
	default:
		return WxBusy
	}
}

// FromPay turns an error of a payment call into an answer.
func FromPay(cause error) *router.ApiError {
	var pe *wxpay.Error
	switch {
	case errors.Is(cause, settings.ErrNotConfigured):
		return Fail(NotConfigured, cause)
	case !errors.As(cause, &pe):
		return Fail(PayBusy, cause)
	case pe.OutcomeUnknown():
		return Fail(PayBusy, cause)
	case pe.Kind == wxpay.KindSign, pe.Kind == wxpay.KindConfig, pe.Kind == wxpay.KindDenied:
		return Fail(PayConfig, cause)
	default:
		return Fail(PayRefused, cause)
	}
}

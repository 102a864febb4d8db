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

// Fail makes the answer for a problem. The cause goes to the log only; WeChat's errcode and request id go along, where there are any.
//
// note: where the cause is something that an operator has added to the database, the answer says so in place of what p says: trying again does
// not help, and the owner can mend it.
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
		if we.Errcode != 0 { // none when WeChat did not get to answer
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

// With is fail with one more fact for the client, such as which product is missing.
func With(p Problem, key string, value any) *router.ApiError {
	err := Fail(p, nil)
	err.Data[key] = value
	return err
}

// Field is fail for a field of the body, which it names.
func Field(p Problem, field, reason string) *router.ApiError {
	err := With(p, "field", field)
	if reason != "" {
		err.Data["reason"] = reason
	}
	return err
}

// Or passes on an answer that was made deeper down, such as the 413 of a body that is too long, and wraps everything else.
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
	case errors.Is(cause, wechat.ErrMalformed): // note: it matches ErrDecrypt too, and no new login mends it
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

// FromCode is FromWechat where a one-time code is redeemed: what cannot even be a code is an invalid one.
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

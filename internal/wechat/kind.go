package wechat

import "errors"

// Kind sorts failures by what can be done about them. The set is closed.
type Kind string

// The kinds.
const (
	// KindBusy means: WeChat is busy, or the call was held back (ErrOpen, ErrCrowded); the same request soon works.
	KindBusy Kind = "busy"
	// KindCodeInvalid means: the one-time code is wrong, expired, or of another app; the phone gets a new one.
	KindCodeInvalid Kind = "code_invalid"
	// KindCodeUsed means: the one-time code was used before; the phone gets a new one.
	KindCodeUsed Kind = "code_used"
	// KindRisk means: WeChat considers the user or the content risky.
	KindRisk Kind = "risk"
	// KindRate means: too many calls in this second or minute.
	KindRate Kind = "rate"
	// KindToken means: the access token was refused, also after renewal.
	KindToken Kind = "token"
	// KindConfig means: the owner must correct credentials, whitelist or account.
	KindConfig Kind = "config"
	// KindSession means: the session_key is stale; the user logs in again.
	KindSession Kind = "session"
	// KindArgs means: the request is wrong and stays wrong.
	KindArgs Kind = "args"
	// KindQuota means: a daily, monthly or lifetime quota is used up.
	KindQuota Kind = "quota"
	// KindUnsupported means: the account lacks this ability.
	KindUnsupported Kind = "unsupported"
	// KindState means: the state of the user, order, link or program does not allow it.
	KindState Kind = "state"
	// KindNetwork means: no answer, or one from an edge server only. See [Error.MaybeDone].
	KindNetwork Kind = "network"
	// KindBadAnswer means: an invalid answer: not JSON, not an image, too large, of another app.
	KindBadAnswer Kind = "bad_answer"
	// KindUnknown means: an errcode outside of the table, or an error of another package.
	KindUnknown Kind = "unknown"
)

// Kinds returns every kind, for documents and metrics.
func Kinds() []Kind {
	return []Kind{
		KindBusy, KindCodeInvalid, KindCodeUsed, KindRisk, KindRate, KindToken, KindConfig, KindSession, KindArgs,
		KindQuota, KindUnsupported, KindState, KindNetwork, KindBadAnswer, KindUnknown,
	}
}

// Retryable reports whether the same request may succeed within minutes without a change by anyone. For a request with
// a one-time code use [Error.Retryable], which knows whether the code may be used up.
func (k Kind) Retryable() bool { return k == KindBusy || k == KindNetwork || k == KindRate }

// KindOf returns the kind of an error of this package, KindUnknown for any other, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindUnknown
}

package wechat

import "errors"

// Kind sorts failures by what can be done about them. The set is closed.
type Kind string

// The kinds.
const (
	// KindBusy means: WeChat is busy, or we hold back (ErrOpen, ErrCrowded); the same request works in a moment.
	KindBusy Kind = "busy"
	// KindCodeInvalid means: the one-time code is wrong, expired, or of another app; the phone gets a new one.
	KindCodeInvalid Kind = "code_invalid"
	// KindCodeUsed means: the one-time code was used before; the phone gets a new one.
	KindCodeUsed Kind = "code_used"
	// KindRisk means: WeChat holds the user or the content for risky.
	KindRisk Kind = "risk"
	// KindRate means: too many calls in this second or minute.
	KindRate Kind = "rate"
	// KindToken means: the access token was refused, after renewal too.
	KindToken Kind = "token"
	// KindConfig means: the owner must mend credentials, whitelist or account.
	KindConfig Kind = "config"
	// KindSession means: the session_key is stale; the user logs in again.
	KindSession Kind = "session"
	// KindArgs means: the request is wrong and stays wrong.
	KindArgs Kind = "args"
	// KindQuota means: a daily, monthly or lifetime count is used up.
	KindQuota Kind = "quota"
	// KindUnsupported means: the account has not got this ability.
	KindUnsupported Kind = "unsupported"
	// KindState means: the user, order, link or program is not in a state that allows it.
	KindState Kind = "state"
	// KindNetwork means: no answer, or one from an edge server only. See [Error.MaybeDone].
	KindNetwork Kind = "network"
	// KindBadAnswer means: an answer that is none: not JSON, not an image, too large, of another app.
	KindBadAnswer Kind = "bad_answer"
	// KindUnknown means: an errcode the table has not got, or an error of another package.
	KindUnknown Kind = "unknown"
)

// Kinds returns every kind, for documents and metrics.
func Kinds() []Kind {
	return []Kind{
		KindBusy, KindCodeInvalid, KindCodeUsed, KindRisk, KindRate, KindToken, KindConfig, KindSession, KindArgs,
		KindQuota, KindUnsupported, KindState, KindNetwork, KindBadAnswer, KindUnknown,
	}
}

// Retryable reports whether the same request may work within minutes with nobody changing anything. Of a request
// with a one-time code ask [Error.Retryable] instead, which knows whether the code may be spent.
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

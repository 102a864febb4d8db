package wechat

import "errors"

// SurelyNotDone tells whether WeChat cannot have made, and counted, what was asked for.
func SurelyNotDone(outcome error) bool {
	if outcome == nil {
		return false
	}
	we, ok := errors.AsType[*Error](outcome)
	return !ok || !we.MaybeDone
}

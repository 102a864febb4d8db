package wechat

import "errors"

// SurelyNotDone tells whether the request certainly had no effect at WeChat, and was not counted.
func SurelyNotDone(outcome error) bool {
	if outcome == nil {
		return false
	}
	we, ok := errors.AsType[*Error](outcome)
	return !ok || !we.MaybeDone
}

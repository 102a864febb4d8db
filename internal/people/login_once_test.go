package people

import (
	"strconv"
	"testing"
	"time"
)

// TestLoginsForgetTheOldest: a flood of logins used to clear all of them.
func TestLoginsForgetTheOldest(t *testing.T) {
	t.Parallel()
	var l OnceCodes[PastLogin]
	now := time.Now()
	for n := range CodeKept + 1 {
		l.Keep(strconv.Itoa(n), PastLogin{User: "u"}, now)
	}
	if _, ok := l.Recall("0", now); ok {
		t.Error("the oldest: got it, want it forgotten")
	}
	for _, key := range []string{"1", strconv.Itoa(CodeKept)} {
		if _, ok := l.Recall(key, now); !ok {
			t.Errorf("login %s: got it forgotten", key)
		}
	}
	if _, ok := l.Recall("1", now.Add(CodeLife)); ok {
		t.Error("an old one: got it, want it forgotten")
	}
}

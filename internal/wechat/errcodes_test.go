package wechat_test

import (
	"slices"
	"testing"

	"wxbase/internal/wechat"
)

func TestErrcodes(t *testing.T) {
	t.Parallel()
	retries := []wechat.Retry{
		wechat.RetryNever, wechat.RetryBackoff, wechat.RetryRefresh, wechat.RetryWindow, wechat.RetryDay, wechat.RetryAction,
	}
	last, ranges := -2, false
	for _, row := range wechat.Errcodes() {
		if !slices.Contains(wechat.Kinds(), row.Kind) || !slices.Contains(retries, row.Retry) || row.EN == "" || row.ZH == "" {
			t.Errorf("got row %+v, want a kind, a retry rule and both hints", row)
		}
		if got := wechat.LookupErrcode(row.Code); got != row && row.Last == 0 {
			t.Errorf("got %+v for %d, want its own row", got, row.Code)
		}
		if row.Last != 0 {
			ranges = true
			continue
		}
		if ranges || row.Code <= last {
			t.Errorf("got %d after %d, want single codes in order before ranges", row.Code, last)
		}
		last = row.Code
	}
}

func TestErrcodesIsACopy(t *testing.T) {
	t.Parallel()
	wechat.Errcodes()[0].EN = "changed"
	if got := wechat.LookupErrcode(-1).EN; got == "changed" {
		t.Error("got the table changed through its copy")
	}
}

func TestLookupErrcode(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		code  int
		kind  wechat.Kind
		retry wechat.Retry
	}{
		{-1, wechat.KindBusy, wechat.RetryBackoff},
		{40001, wechat.KindToken, wechat.RetryRefresh},
		{40014, wechat.KindToken, wechat.RetryRefresh},
		{42001, wechat.KindToken, wechat.RetryRefresh},
		{41001, wechat.KindToken, wechat.RetryNever},
		{40029, wechat.KindCodeInvalid, wechat.RetryNever},
		{40163, wechat.KindCodeUsed, wechat.RetryNever},
		{40226, wechat.KindRisk, wechat.RetryNever},
		{45011, wechat.KindRate, wechat.RetryWindow},
		{45009, wechat.KindQuota, wechat.RetryDay},
		{87009, wechat.KindSession, wechat.RetryNever},
		{40235, wechat.KindConfig, wechat.RetryNever},
		{40240, wechat.KindConfig, wechat.RetryAction},
		{10060012, wechat.KindBusy, wechat.RetryBackoff},
		{10060013, wechat.KindArgs, wechat.RetryNever},
		{268485216, wechat.KindArgs, wechat.RetryNever},
		{12345, wechat.KindUnknown, wechat.RetryNever},
	}
	for _, s := range scenarios {
		got := wechat.LookupErrcode(s.code)
		if got.Kind != s.kind || got.Retry != s.retry {
			t.Errorf("%d: got %s, %s, want %s, %s", s.code, got.Kind, got.Retry, s.kind, s.retry)
		}
	}
}

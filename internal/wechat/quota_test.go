package wechat_test

import (
	"testing"
	"time"

	"wxbase/internal/wechat"
)

func TestQuota(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		want         wechat.Quota
		kind         wechat.Kind
	}{
		{
			"with a rate",
			`{"errcode":0,"errmsg":"ok","quota":{"daily_limit":500000,"used":"12","remain":499988},"rate_limit":{"call_count":6000,"refresh_second":60}}`,
			wechat.Quota{DailyLimit: 500_000, Used: 12, Remain: 499_988, RateCount: 6000, RateWindow: time.Minute},
			"",
		},
		{"without a rate", `{"quota":{"daily_limit":0,"used":0,"remain":0}}`, wechat.Quota{}, ""},
		{"nothing", `{"errcode":0,"errmsg":"ok"}`, wechat.Quota{}, wechat.KindBadAnswer},
		{"a path nobody knows", `{"errcode":76021}`, wechat.Quota{}, wechat.KindArgs},
		{"a path without a quota", `{"errcode":76022}`, wechat.Quota{}, wechat.KindUnsupported},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, sent(t, "/cgi-bin/openapi/quota/get", `{"cgi_path":"/wxa/generatescheme"}`, s.answer))
			got, err := c.Quota(t.Context(), "/wxa/generatescheme")
			wantKind(t, err, s.kind)
			if got != s.want {
				t.Errorf("got %+v, want %+v", got, s.want)
			}
		})
	}
}

func TestQuotaOfNoPath(t *testing.T) {
	t.Parallel()
	a, c := serve(t, answer(`{}`))
	for _, path := range []string{"", "wxa/generatescheme", "/wxa/a?b=c", "/a b"} {
		_, err := c.Quota(t.Context(), path)
		wantField(t, err, "cgi_path")
	}
	if n := a.calls.Load(); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

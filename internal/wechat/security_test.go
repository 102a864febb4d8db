package wechat_test

import (
	"slices"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

func text(content string) wechat.TextCheck {
	return wechat.TextCheck{Content: content, Scene: wechat.SceneComment, OpenID: openID}
}

func TestCheckTextSendsItsBody(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sent(t, "/wxa/msg_sec_check",
		`{"content":"<你好> & more","version":2,"scene":1,"openid":"`+openID+`","title":"t","nickname":"n","signature":"s"}`,
		`{"errcode":0,"errmsg":"ok","result":{"suggest":"risky","label":20001},"detail":[
			{"strategy":"content_model","errcode":0,"suggest":"risky","label":20006,"prob":90},
			{"strategy":"keyword","errcode":0,"suggest":"pass","label":"20006","level":"20","keyword":"词"},
			{"strategy":"broken","errcode":-1,"suggest":"pass","label":100}],"trace_id":"60ae120f-371d5872-7941a05b"}`))
	got, err := c.CheckText(t.Context(), wechat.TextCheck{
		Content: "<你好> & more", Scene: wechat.SceneProfile, OpenID: openID, Title: "t", Nickname: "n", Signature: "s",
	})
	want := []wechat.CheckDetail{
		{Strategy: "content_model", Suggest: wechat.SuggestRisky, Label: wechat.LabelCrime, Prob: 90},
		{Strategy: "keyword", Suggest: wechat.SuggestPass, Label: wechat.LabelCrime, Level: 20, Keyword: "词"},
	}
	if err != nil || got.Suggest != wechat.SuggestRisky || got.Label != wechat.LabelPolitics || got.Passed() ||
		got.TraceID != "60ae120f-371d5872-7941a05b" || !slices.Equal(got.Details, want) {
		t.Errorf("got %+v, %v, want the official sample", got, err)
	}
}

func TestCheckTextAnswers(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		kind         wechat.Kind
		suggest      wechat.Suggest
		label        wechat.CheckLabel
		trace        string
	}{
		{"pass", `{"result":{"suggest":"pass","label":"100"},"trace_id":"t"}`, "", wechat.SuggestPass, wechat.LabelNormal, "t"},
		{"review", `{"errcode":"0","result":{"suggest":"review","label":10001},"detail":[]}`, "", wechat.SuggestReview, wechat.LabelAds, ""},
		{"risky as version 1 says it", `{"errcode":87014,"errMsg":"risky content"}`, "", wechat.SuggestRisky, wechat.LabelOther, ""},
		{"risky as version 1 says it, with a request id", `{"errcode":87014,"errmsg":"risky content rid: 62de9a0b-7149b5f1-2eee4908"}`, "", wechat.SuggestRisky, wechat.LabelOther, "62de9a0b-7149b5f1-2eee4908"},
		{"version 1's pass is no pass", `{"errcode":0,"errmsg":"ok"}`, wechat.KindBadAnswer, "", 0, ""},
		{"a suggestion that is none", `{"result":{"suggest":"PASS","label":100}}`, wechat.KindBadAnswer, "", 0, ""},
		{"not JSON", `ok`, wechat.KindBadAnswer, "", 0, ""},
		{"away for 2 hours", `{"errcode":61010,"errmsg":"code is expired"}`, wechat.KindState, "", 0, ""},
		{"another app's user", `{"errcode":43104}`, wechat.KindArgs, "", 0, ""},
		{"too many this minute", `{"errcode":44991}`, wechat.KindRate, "", 0, ""},
		{"too many today", `{"errcode":45009}`, wechat.KindQuota, "", 0, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, answer(s.answer))
			got, err := c.CheckText(t.Context(), text("你好"))
			wantKind(t, err, s.kind)
			if got.Suggest != s.suggest || got.Label != s.label || got.TraceID != s.trace || got.Passed() != (s.suggest == wechat.SuggestPass) {
				t.Errorf("got %+v, want %s %d %s", got, s.suggest, s.label, s.trace)
			}
		})
	}
}

func TestCheckMedia(t *testing.T) {
	t.Parallel()
	request := wechat.MediaCheck{URL: "https://example.com/a.png?x=1", Kind: wechat.MediaImage, Scene: wechat.SceneForum, OpenID: openID}
	_, c := serve(t, sent(t, "/wxa/media_check_async",
		`{"media_url":"https://example.com/a.png?x=1","media_type":2,"version":2,"scene":3,"openid":"`+openID+`"}`,
		`{"errcode":0,"errmsg":"ok","trace_id":"967e945cd8a3e458f3c74dcb886068e9"}`))
	if got, err := c.CheckMedia(t.Context(), request); err != nil || got != "967e945cd8a3e458f3c74dcb886068e9" {
		t.Errorf("got %q, %v, want the trace id", got, err)
	}
	for errcode, kind := range map[string]wechat.Kind{
		`{"errcode":0}`: wechat.KindBadAnswer, `{"errcode":40004}`: wechat.KindArgs, `{"errcode":87020}`: wechat.KindRate,
		`{"errcode":61010}`: wechat.KindState,
	} {
		_, c := serve(t, answer(errcode))
		got, err := c.CheckMedia(t.Context(), request)
		wantKind(t, err, kind)
		if got != "" {
			t.Errorf("got %q with %v, want no trace id", got, err)
		}
	}
}

func TestValidateChecks(t *testing.T) {
	t.Parallel()
	words := func(change func(*wechat.TextCheck)) error {
		c := text("你好")
		change(&c)
		return wechat.ValidateTextCheck(c)
	}
	media := func(change func(*wechat.MediaCheck)) error {
		c := wechat.MediaCheck{URL: "http://example.com/a.mp3", Kind: wechat.MediaAudio, Scene: wechat.SceneSocial, OpenID: openID}
		change(&c)
		return wechat.ValidateMediaCheck(c)
	}
	scenarios := []struct {
		name  string
		err   error
		field string
	}{
		{"the longest text", words(func(c *wechat.TextCheck) { c.Content = strings.Repeat("字", 2500) }), ""},
		{"a text too long", words(func(c *wechat.TextCheck) { c.Content = strings.Repeat("字", 2501) }), "content"},
		{"no text", words(func(c *wechat.TextCheck) { c.Content = "" }), "content"},
		{"a text of lines", words(func(c *wechat.TextCheck) { c.Content = "a\nb" }), ""},
		{"a text that is not UTF-8", words(func(c *wechat.TextCheck) { c.Content = "\xff" }), "content"},
		{"a title that is not UTF-8", words(func(c *wechat.TextCheck) { c.Title = "\xff" }), "title"},
		{"scene 0", words(func(c *wechat.TextCheck) { c.Scene = 0 }), "scene"},
		{"scene 1", words(func(c *wechat.TextCheck) { c.Scene = 1 }), ""},
		{"scene 4", words(func(c *wechat.TextCheck) { c.Scene = 4 }), ""},
		{"scene 5", words(func(c *wechat.TextCheck) { c.Scene = 5 }), "scene"},
		{"no author", words(func(c *wechat.TextCheck) { c.OpenID = "" }), "openid"},
		{"a signature in a profile", words(func(c *wechat.TextCheck) { c.Scene, c.Signature = 1, "s" }), ""},
		{"a signature in a comment", words(func(c *wechat.TextCheck) { c.Signature = "s" }), "signature"},
		{"a file", media(func(*wechat.MediaCheck) {}), ""},
		{"a file on disk", media(func(c *wechat.MediaCheck) { c.URL = "file:///etc/passwd" }), "media_url"},
		{"no address", media(func(c *wechat.MediaCheck) { c.URL = "" }), "media_url"},
		{"half an address", media(func(c *wechat.MediaCheck) { c.URL = "/a.png" }), "media_url"},
		{"an address too long", media(func(c *wechat.MediaCheck) { c.URL += strings.Repeat("a", 2048) }), "media_url"},
		{"a video", media(func(c *wechat.MediaCheck) { c.Kind = 3 }), "media_type"},
		{"a file without a scene", media(func(c *wechat.MediaCheck) { c.Scene = 0 }), "scene"},
		{"nobody's file", media(func(c *wechat.MediaCheck) { c.OpenID = "" }), "openid"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantField(t, s.err, s.field)
		})
	}
}

func TestWrongChecksAreNotSent(t *testing.T) {
	t.Parallel()
	a, c := serve(t, answer(`{}`))
	_, words := c.CheckText(t.Context(), wechat.TextCheck{})
	_, media := c.CheckMedia(t.Context(), wechat.MediaCheck{})
	wantKind(t, words, wechat.KindArgs)
	wantKind(t, media, wechat.KindArgs)
	if n := a.calls.Load() + a.fetches.Load(); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestCheckLabels(t *testing.T) {
	t.Parallel()
	for label, want := range map[wechat.CheckLabel][2]string{
		100: {"normal", "正常"}, 10001: {"ads", "广告"}, 20001: {"politics", "时政"}, 20002: {"porn", "色情"}, 20003: {"abuse", "辱骂"},
		20006: {"crime", "违法犯罪"}, 20008: {"fraud", "欺诈"}, 20012: {"vulgar", "低俗"}, 20013: {"copyright", "版权"},
		21000: {"other", "其他"}, 30000: {"30000", "30000"},
	} {
		if got := [2]string{label.String(), label.Chinese()}; got != want {
			t.Errorf("got %v for %d, want %v", got, int(label), want)
		}
	}
}

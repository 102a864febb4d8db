package sim_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func (w *apiSide) link(path string, body map[string]any) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/wxa/"+path+"?access_token="+w.token(), jsonText(w.t, body))
}

// scheme is a body of generatescheme; rest holds the fields outside of jump_wxa.
func scheme(target, rest map[string]any) map[string]any {
	body := map[string]any{"jump_wxa": target}
	maps.Copy(body, rest)
	return body
}

func (w *phoneSide) tap(text string, in map[string]any) answer {
	w.t.Helper()
	body := map[string]any{"url": text}
	maps.Copy(body, in)
	return w.call(http.MethodPost, "/_sim/people/p1/scan", jsonText(w.t, body))
}

func TestLinkRefusals(t *testing.T) {
	w := newWorld(t, sim.WithPages("pages/index/index", "pages/item/item"))
	now := w.clock.Now().Unix()
	const day, month = 24 * 3600, 30 * 24 * 3600
	fields := []struct {
		name string
		in   map[string]any
		want int
	}{
		{"nothing", map[string]any{}, 0},
		{"home page by its name", map[string]any{"path": "/pages/index/index"}, 0},
		{"unpublished page", map[string]any{"path": "pages/none/none"}, 40165},
		{"unpublished page of the trial version", map[string]any{"path": "pages/none/none", "env_version": "trial"}, 0},
		{"path with a query", map[string]any{"path": "pages/item/item?id=7"}, 40165},
		{"query of 1024", map[string]any{"query": strings.Repeat("a", 1024)}, 0},
		{"query of 1025", map[string]any{"query": strings.Repeat("a", 1025)}, 40212},
		{"query with a percent sign", map[string]any{"query": "id=%E9%9D%A2&x=!#$'()*+,/:;=?@-._~"}, 0},
		{"Chinese query", map[string]any{"query": "id=面"}, 40212},
		{"unknown version", map[string]any{"env_version": "beta"}, 85402},
		{"a minute", map[string]any{"is_expire": true, "expire_time": now + 60}, 0},
		{"less than a minute", map[string]any{"is_expire": true, "expire_time": now + 58}, 85401},
		{"in the past", map[string]any{"expire_time": now - day}, 85401},
		{"30 days", map[string]any{"expire_type": 0, "expire_time": now + month}, 0},
		{"more than 30 days", map[string]any{"expire_time": now + month + 1}, 85401},
		{"no time", map[string]any{"is_expire": true}, 85401},
		{"1 day", map[string]any{"expire_type": 1, "expire_interval": 1}, 0},
		{"30 days by interval", map[string]any{"expire_type": 1, "expire_interval": 30}, 0},
		{"0 days", map[string]any{"expire_type": 1, "expire_interval": 0}, 85401},
		{"31 days", map[string]any{"expire_type": 1, "expire_interval": 31}, 85401},
		{"no interval", map[string]any{"expire_type": 1}, 85401},
		{"never", map[string]any{"is_expire": false}, 0},
		{"unknown type", map[string]any{"expire_type": 2}, 40097},
		{"time as text", map[string]any{"expire_time": "soon"}, 47001},
	}
	target := func(in map[string]any) (target, rest map[string]any) {
		target, rest = map[string]any{}, map[string]any{}
		for name, v := range in {
			if name == "path" || name == "query" || name == "env_version" {
				target[name] = v
			} else {
				rest[name] = v
			}
		}
		return target, rest
	}
	for _, s := range fields {
		t.Run("scheme of "+s.name, func(t *testing.T) { wantErrcode(t, w.link("generatescheme", scheme(target(s.in))), s.want) })
		t.Run("link of "+s.name, func(t *testing.T) { wantErrcode(t, w.link("generate_urllink", s.in), s.want) })
	}
	shorts := []struct {
		name string
		in   map[string]any
		want int
	}{
		{"short of nothing", map[string]any{}, 40066},
		{"short of 1024", map[string]any{"page_url": "pages/item/item?" + strings.Repeat("a", 1008)}, 0},
		{"short of 1025", map[string]any{"page_url": "pages/item/item?" + strings.Repeat("a", 1009)}, 40066},
		{"short of an unpublished page", map[string]any{"page_url": "pages/none/none"}, 40066},
		{"short with a Chinese query", map[string]any{"page_url": "pages/item/item?a=面"}, 40066},
		{"short with a risky title", map[string]any{"page_url": "pages/item/item", "page_title": "代开发票"}, 40225},
		{"short with a line break", map[string]any{"page_url": "pages/item/item", "page_title": "a\nb"}, 40225},
	}
	for _, s := range shorts {
		t.Run(s.name, func(t *testing.T) { wantErrcode(t, w.link("genwxashortlink", s.in), s.want) })
	}
	wantErrcode(t, w.link("generate_urllink", map[string]any{"cloud_base": map[string]any{"env": "x"}}), 40097)
	wantErrcode(t, w.call(http.MethodPost, "/wxa/generatescheme?access_token="+w.token(), ""), 44002)
	wantErrcode(t, w.link("queryscheme", map[string]any{"scheme": "weixin://dl/business/?t=none"}), 85403)
	wantErrcode(t, w.link("query_urllink", map[string]any{"url_link": "x", "query_type": 2}), 40097)
}

func TestLinksOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := map[string]any{"path": "/pages/item/item", "query": "id=7&scene=a%3D1"}
	made := map[string]string{
		"scheme": w.link("generatescheme", scheme(target, map[string]any{"expire_type": 1, "expire_interval": 2})).text("openlink"),
		"link":   w.link("generate_urllink", map[string]any{"path": "pages/item/item", "query": "id=7&scene=a%3D1", "expire_type": 1, "expire_interval": 2}).text("url_link"),
		"short":  w.link("genwxashortlink", map[string]any{"page_url": "pages/item/item?id=7&scene=a%3D1", "page_title": strings.Repeat("长", 21)}).text("link"),
		"kept":   w.link("genwxashortlink", map[string]any{"page_url": "pages/item/item?id=7&scene=a%3D1", "is_permanent": true}).text("link"),
	}
	for kind, prefix := range map[string]string{"scheme": "weixin://dl/business/?t=", "link": "https://wxaurl.cn/", "short": "#小程序://模拟小程序/" + strings.Repeat("长", 20) + "/", "kept": "#小程序://模拟小程序/"} {
		if !strings.HasPrefix(made[kind], prefix) {
			t.Errorf("%s: got %q, want it to begin with %s", kind, made[kind], prefix)
		}
		a := w.tap(made[kind], nil)
		if a.text("appid") != w.app.AppID || a.text("path") != "pages/item/item" || a.text("query") != "id=7&scene=a%3D1" || a.text("scene") != "a=1" || a.text("env") != "release" {
			t.Errorf("%s: got %d %s, want the page and its query", kind, a.status, a.body)
		}
	}
	info := w.link("queryscheme", map[string]any{"scheme": made["scheme"]})
	told, _ := info.json["scheme_info"].(map[string]any)
	quota, _ := info.json["quota_info"].(map[string]any)
	now := float64(w.clock.Now().Unix())
	if told["appid"] != w.app.AppID || told["path"] != "/pages/item/item" || told["create_time"] != now || told["expire_time"] != now+2*86400 || quota["remain_visit_quota"] != 3_000_000.0-2 {
		t.Errorf("got %s, want what was made and what is left", info.body)
	}
	wantErrcode(t, w.link("query_urllink", map[string]any{"url_link": made["link"], "query_type": 1}), 0)
	wantErrcode(t, w.link("query_urllink", map[string]any{"url_link": made["scheme"]}), 85403)

	trial := w.link("generate_urllink", map[string]any{"env_version": "trial"}).text("url_link")
	if a := w.tap(trial, map[string]any{"inside": true}); a.status != 409 {
		t.Errorf("got %d, want a link to the trial version refused inside WeChat", a.status)
	}
	if a := w.tap(trial, nil); a.text("path") != "pages/index/index" || a.text("env") != "trial" {
		t.Errorf("got %s, want the home page", a.body)
	}

	w.close()
	w = openWorld(t, w.dir, w.clock)
	for after, want := range []struct {
		wait          time.Duration
		scheme, short int
	}{{0, 200, 200}, {48*time.Hour - time.Second, 200, 200}, {time.Second, 409, 200}, {28 * 24 * time.Hour, 409, 409}} {
		w.clock.Add(want.wait)
		if a := w.tap(made["scheme"], nil); a.status != want.scheme {
			t.Errorf("%d: got %d %s for the scheme, want %d", after, a.status, a.body, want.scheme)
		}
		if a := w.tap(made["short"], nil); a.status != want.short {
			t.Errorf("%d: got %d %s for the short link, want %d", after, a.status, a.body, want.short)
		}
		if a := w.tap(made["kept"], nil); a.status != 200 {
			t.Errorf("%d: got %d for the permanent link, want 200", after, a.status)
		}
	}
	if a := w.tap("https://wxaurl.cn/nobody", nil); a.status != 404 {
		t.Errorf("got %d for an unknown link, want 404", a.status)
	}
}

// Every quota, made small: the last call within it passes and the next does not.
func TestQuotas(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		quota, path string
		body        map[string]any
		want        int
	}{
		{"codesPerMinute", "/wxa/getwxacodeunlimit", map[string]any{"scene": "a"}, 45009},
		{"countedCodes", "/wxa/getwxacode", map[string]any{"path": "a"}, 45029},
		{"linksPerSecond", "/wxa/generatescheme", map[string]any{}, 44990},
		{"linksPerDay", "/wxa/generate_urllink", map[string]any{}, 44993},
		{"shortLinksPerDay", "/wxa/genwxashortlink", map[string]any{"page_url": "a"}, 45009},
		{"permanentShortLinks", "/wxa/genwxashortlink", map[string]any{"page_url": "a", "is_permanent": true}, 85400},
		{"textsPerMinute", "/wxa/msg_sec_check", map[string]any{"content": "a"}, 44991},
		{"textsPerDay", "/wxa/msg_sec_check", map[string]any{"content": "a"}, 45009},
		{"mediaPerMinute", "/wxa/media_check_async", nil, 44991},
		{"mediaPerDay", "/wxa/media_check_async", nil, 45009},
		{"sameMediaPerMinute", "/wxa/media_check_async", nil, 87020},
	}
	for _, s := range scenarios {
		t.Run(s.quota, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			openid, _ := w.login("p1")
			if s.body == nil {
				s.body = map[string]any{"media_url": "https://shop.example.com/a.png", "media_type": 2, "version": 2, "scene": 1, "openid": openid}
			}
			if a := w.device(http.MethodPost, "/quotas", map[string]any{s.quota: 2}); a.json[s.quota] != 2.0 {
				t.Fatalf("got %s, want 2", a.body)
			}
			for range 2 {
				if a := w.call(http.MethodPost, s.path+"?access_token="+w.token(), jsonText(t, s.body)); a.number("errcode") != 0 {
					t.Fatalf("got %s within the quota", a.body)
				}
			}
			w.close()
			w = openWorld(t, w.dir, w.clock)
			if s.quota != "countedCodes" && s.quota != "permanentShortLinks" { // a restart forgets the windows
				for range 2 {
					w.call(http.MethodPost, s.path+"?access_token="+w.token(), jsonText(t, s.body))
				}
			}
			wantErrcode(t, w.call(http.MethodPost, s.path+"?access_token="+w.token(), jsonText(t, s.body)), s.want)
			w.device(http.MethodDelete, "/quotas", nil)
			if a := w.call(http.MethodPost, s.path+"?access_token="+w.token(), jsonText(t, s.body)); a.number("errcode") != 0 {
				t.Errorf("got %s with WeChat's own quota, want it to pass", a.body)
			}
		})
	}
	w := newWorld(t)
	for _, body := range []string{`{"other":1}`, `{"linksPerDay":-1}`, `{"linksPerDay":"x"}`} {
		if a := w.call(http.MethodPost, "/_sim/quotas", body); a.status != 400 {
			t.Errorf("%s: got %d %s, want 400", body, a.status, a.body)
		}
	}
}

func TestOpensPerDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.device(http.MethodPost, "/quotas", map[string]any{"opensPerDay": 1})
	link := w.link("generate_urllink", map[string]any{}).text("url_link")
	if a := w.tap(link, nil); a.status != 200 {
		t.Fatalf("got %d %s, want the first to open", a.status, a.body)
	}
	if a := w.tap(link, nil); a.status != 409 || !strings.Contains(a.text("error"), "85406") {
		t.Errorf("got %d %s, want the second refused", a.status, a.body)
	}
	w.clock.Add(24 * time.Hour)
	if a := w.tap(link, nil); a.status != 200 {
		t.Errorf("got %d %s, want it to open the day after", a.status, a.body)
	}
}

// Unpublished pages have their own quota; a repeated one is free.
func TestUncheckedPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithPages("pages/index/index"))
	w.device(http.MethodPost, "/quotas", map[string]any{"uncheckedPages": 1})
	draw := func(page, scene string) answer {
		return w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+w.token(), fmt.Sprintf(`{"page":%q,"scene":%q,"check_path":false}`, page, scene))
	}
	check := func() {
		t.Helper()
		for _, s := range []struct {
			page, scene string
			want        int
		}{{"pages/new/a", "1", 0}, {"pages/new/a", "2", 0}, {"pages/new/b", "1", 41030}, {"pages/index/index", "1", 0}} {
			if a := draw(s.page, s.scene); a.number("errcode") != s.want {
				t.Errorf("%s: got %.200s, want %d", s.page, a.body, s.want)
			}
		}
	}
	check()
	w.close()
	w = openWorld(t, w.dir, w.clock, sim.WithPages("pages/index/index"))
	check()
}

// Counted codes are counted once each, also when many are made concurrently.
func TestCountedCodesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.device(http.MethodPost, "/quotas", map[string]any{"countedCodes": 5})
	token := w.token()
	results := make(chan int, 12)
	for i := range 12 {
		req := w.request(http.MethodPost, "/wxa/getwxacode?access_token="+token, fmt.Sprintf(`{"path":"a?n=%d"}`, i))
		go func() {
			a, err := send(req)
			if err != nil {
				results <- -1
				return
			}
			results <- a.number("errcode")
		}()
	}
	seen := map[int]int{}
	for range 12 {
		seen[<-results]++
	}
	if seen[0] != 5 || seen[45029] != 7 {
		t.Errorf("got %v, want 5 made and 7 refused", seen)
	}
}

// The broken answers of a code call.
func TestCodeFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	draw := func() answer {
		return w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+token, `{"scene":"a"}`)
	}
	whole := draw()
	for kind, check := range map[string]func(a answer) bool{
		"truncated": func(a answer) bool {
			return a.header.Get("Content-Type") == "image/jpeg" && len(a.body) == len(whole.body)/2 && strings.HasPrefix(string(whole.body), string(a.body))
		},
		"45009": func(a answer) bool {
			return a.number("errcode") == 45009 && strings.Contains(a.text("errmsg"), "rid: ")
		},
		"html":  func(a answer) bool { return strings.HasPrefix(string(a.body), "<html>") },
		"empty": func(a answer) bool { return a.status == 200 && len(a.body) == 0 },
	} {
		w.fault(map[string]any{"on": "getwxacodeunlimit", "kind": kind})
		if a := draw(); !check(a) {
			t.Errorf("%s: got %d %.200s, want the fault", kind, a.status, a.body)
		}
	}
	w.fault(map[string]any{"on": "genwxashortlink", "kind": "43104"})
	wantErrcode(t, w.link("genwxashortlink", map[string]any{"page_url": "a"}), 43104)
	if a := w.call(http.MethodPost, "/_sim/faults", `{"on":"getwxacode","kind":"43104"}`); a.status != 400 {
		t.Errorf("got %d for the errcode of another call, want 400", a.status)
	}
}

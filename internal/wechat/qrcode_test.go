package wechat_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

func TestCodesSendTheirBody(t *testing.T) {
	t.Parallel()
	no := false
	type method func(*wechat.Client, context.Context, wechat.CodeRequest) (wechat.Image, error)
	scenarios := []struct {
		name       string
		call       method
		request    wechat.CodeRequest
		path, body string
	}{
		{
			"unlimited", (*wechat.Client).UnlimitedCode,
			wechat.CodeRequest{
				Scene: "a=1&b=2", Page: "pages/index/index", CheckPath: &no, Width: 280,
				LineColor: &wechat.Color{R: 255}, IsHyaline: true, EnvVersion: "trial",
			},
			"/wxa/getwxacodeunlimit",
			`{"scene":"a=1&b=2","page":"pages/index/index","check_path":false,"width":280,` +
				`"line_color":{"r":255,"g":0,"b":0},"is_hyaline":true,"env_version":"trial"}`,
		},
		{
			"unlimited with defaults", (*wechat.Client).UnlimitedCode,
			wechat.CodeRequest{Scene: "1"},
			"/wxa/getwxacodeunlimit", `{"scene":"1"}`,
		},
		{
			"plain", (*wechat.Client).Code,
			wechat.CodeRequest{Path: "pages/a?name=中&x=<", AutoColor: true},
			"/wxa/getwxacode", `{"path":"pages/a?name=中&x=<","auto_color":true}`,
		},
		{
			"square", (*wechat.Client).QRCode,
			wechat.CodeRequest{Path: "pages/a", Width: 1280},
			"/cgi-bin/wxaapp/createwxaqrcode", `{"path":"pages/a","width":1280}`,
		},
	}
	picture := pngOf(t, 280, 280)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.URL.Path != s.path || string(body) != s.body || r.URL.RawQuery != "access_token=70_token" {
					t.Errorf("got %s %s, want %s %s", r.URL, body, s.path, s.body)
				}
				w.Header().Set("Content-Type", "text/plain") // the header must not matter
				_, _ = w.Write(picture)
			})
			img, err := s.call(c, t.Context(), s.request)
			if err != nil || img.Format != "png" || len(img.Bytes) != len(picture) {
				t.Errorf("got %s of %d bytes, %v, want the picture", img.Format, len(img.Bytes), err)
			}
		})
	}
}

func TestCodeAnswersThatAreNoImage(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		kind         wechat.Kind
		err          error
	}{
		{"errcode labelled as a picture", `{"errcode":41030,"errmsg":"invalid page rid: 62de9a0b-7149b5f1-2eee4908"}`, wechat.KindArgs, nil},
		{"rate", `{"errcode":45011}`, wechat.KindRate, nil},
		{"used up", `{"errcode":45029}`, wechat.KindQuota, nil},
		{"JSON without errcode", `{"buffer":"x"}`, wechat.KindBadAnswer, wechat.ErrImageJSON},
		{"web page", `<html></html>`, wechat.KindBadAnswer, wechat.ErrImageHTML},
		{"nothing", ``, wechat.KindBadAnswer, wechat.ErrEmpty},
		{"cut off", string(jpegOf(t, 300, 300)[:400]), wechat.KindBadAnswer, wechat.ErrImageTruncated},
		{"too large", strings.Repeat("x", 2<<20+1), wechat.KindBadAnswer, wechat.ErrTooLarge},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "image/jpeg")
				answer(s.answer)(w, r)
			})
			_, err := c.UnlimitedCode(t.Context(), wechat.CodeRequest{Scene: "a"})
			wantKind(t, err, s.kind)
			if s.err != nil && !errors.Is(err, s.err) {
				t.Errorf("got %v, want %v", err, s.err)
			}
		})
	}
}

func TestValidateCode(t *testing.T) {
	t.Parallel()
	type request = wechat.CodeRequest
	const plain, square = wechat.CodePlain, wechat.CodeSquare
	yes := true
	scenarios := []struct {
		name    string
		request request
		field   string // "": the request is valid
	}{
		{"every scene character 1", request{Scene: "azAZ09!#$&'()*+,/:;=?@-._~"}, ""},
		{"scene of 32", request{Scene: strings.Repeat("a", 32)}, ""},
		{"scene of 33", request{Scene: strings.Repeat("a", 33)}, "scene"},
		{"no scene", request{}, "scene"},
		{"percent sign", request{Scene: "a%20"}, "scene"},
		{"space", request{Scene: "a b"}, "scene"},
		{"Chinese scene", request{Scene: "中"}, "scene"},
		{"page", request{Scene: "a", Page: "pages/index/index"}, ""},
		{"page with a slash", request{Scene: "a", Page: "/pages/index"}, "page"},
		{"page with a query", request{Scene: "a", Page: "pages/index?a=1"}, "page"},
		{"page with a space", request{Scene: "a", Page: "pages/in dex"}, "page"},
		{"page not UTF-8", request{Scene: "a", Page: "\xff"}, "page"},
		{"reserved name", request{Scene: "a", Page: "scancode_time"}, "page"},
		{"path with unlimited", request{Scene: "a", Path: "p"}, "path"},
		{"width 0", request{Scene: "a"}, ""},
		{"width 280", request{Scene: "a", Width: 280}, ""},
		{"width 1280", request{Scene: "a", Width: 1280}, ""},
		{"width 279", request{Scene: "a", Width: 279}, "width"},
		{"width 1281", request{Scene: "a", Width: 1281}, "width"},
		{"negative width", request{Scene: "a", Width: -1}, "width"},
		{"develop", request{Scene: "a", EnvVersion: "develop"}, ""},
		{"unknown version", request{Scene: "a", EnvVersion: "beta"}, "env_version"},
		{"colour", request{Scene: "a", LineColor: &wechat.Color{R: 255, G: 255, B: 255}}, ""},
		{"colour of 256", request{Scene: "a", LineColor: &wechat.Color{B: 256}}, "line_color"},
		{"colour below 0", request{Scene: "a", LineColor: &wechat.Color{G: -1}}, "line_color"},
		{"two colours", request{Scene: "a", AutoColor: true, LineColor: &wechat.Color{}}, "line_color"},
		{"plain", request{Kind: plain, Path: "pages/a?x=1", EnvVersion: "trial"}, ""},
		{"plain without path", request{Kind: plain}, "path"},
		{"plain of 1024 characters", request{Kind: plain, Path: strings.Repeat("中", 1024)}, ""},
		{"plain of 1025 characters", request{Kind: plain, Path: strings.Repeat("a", 1025)}, "path"},
		{"plain with scene", request{Kind: plain, Path: "a", Scene: "a"}, "scene"},
		{"plain with page", request{Kind: plain, Path: "a", Page: "a"}, "page"},
		{"plain with check", request{Kind: plain, Path: "a", CheckPath: &yes}, "check_path"},
		{"square of 128 characters", request{Kind: square, Path: strings.Repeat("a", 128)}, ""},
		{"square of 129 characters", request{Kind: square, Path: strings.Repeat("a", 129)}, "path"},
		{"square with version", request{Kind: square, Path: "a", EnvVersion: "trial"}, "env_version"},
		{"square with a ground", request{Kind: square, Path: "a", IsHyaline: true}, "is_hyaline"},
		{"square of a wrong width", request{Kind: square, Path: "a", Width: 1}, "width"},
		{"unknown kind", request{Kind: "round", Scene: "a"}, "kind"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			err := wechat.ValidateCode(s.request)
			if s.field == "" {
				wantKind(t, err, "")
				return
			}
			wantKind(t, err, wechat.KindArgs)
			if f, ok := errors.AsType[*wechat.FieldError](err); !ok || f.Field != s.field {
				t.Errorf("got %v, want a fault of %s", err, s.field)
			}
		})
	}
}

func TestWrongCodeIsNotSent(t *testing.T) {
	t.Parallel()
	a, c := serve(t, answer(""))
	_, err := c.UnlimitedCode(t.Context(), wechat.CodeRequest{Scene: "a b"})
	wantKind(t, err, wechat.KindArgs)
	if a.calls.Load()+a.fetches.Load() != 0 {
		t.Errorf("got %d calls, want none", a.calls.Load()+a.fetches.Load())
	}
}

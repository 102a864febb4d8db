package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/sim"
	"wxbase/internal/wechat"
)

// onePixel is a PNG.
const onePixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9ccd\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82"

// detailPath is an order's page as the order centre wants it.
const detailPath = "pages/order/detail?id=" + wechat.OrderPathMark

// weChat is a client of the server API with the app's credentials, as the doctor makes one.
func (s *survivor) weChat() *wechat.Client {
	s.t.Helper()
	var config sim.Config
	decode(s.t, s.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config)
	app := config.Apps[0]
	return wechat.New(wechat.App{AppID: app.AppID, Secret: app.Secret, APIBase: config.APIBase}, wechat.WithNow(s.Clock.Now))
}

// heard passes an error of the client on, and fails the test for one that does not say what can be done about it.
func (s *survivor) heard(err error) error {
	s.t.Helper()
	if we, ok := errors.AsType[*wechat.Error](err); err != nil && (!ok || we.Kind == "") {
		s.t.Errorf("got %v, want an error of a kind", err)
	}
	return err
}

// asClient is an errand of the client alone: a call that no route makes. It is about a text that is made first.
func asClient(about func(s *survivor) string, act func(ctx context.Context, c *wechat.Client, text string) error) errand {
	return errand{
		prepare: func(s *survivor) any { return about(s) },
		act: func(s *survivor, ready any) error {
			text, _ := ready.(string)
			return s.heard(act(s.t.Context(), s.weChat(), text))
		},
	}
}

// linkOf makes a link of a kind.
func linkOf(kind string) func(s *survivor) string {
	return func(s *survivor) string {
		link := map[string]any{"kind": kind, "path": "pages/a/a", "query": "id=" + s.next()}
		return s.Must(http.MethodPost, "/api/wx/links", s.Superuser(), link).Text("url")
	}
}

// opens is an errand that asks what a link opens.
func opens(kind string, ask func(*wechat.Client, context.Context, string) (wechat.LinkInfo, error)) errand {
	return asClient(linkOf(kind), func(ctx context.Context, c *wechat.Client, link string) error {
		info, err := ask(c, ctx, link)
		if err == nil && info.Path != "pages/a/a" {
			return fmt.Errorf("it opens %q", info.Path)
		}
		return err
	})
}

// doctorSays is an errand of the doctor's: one of its checks is well, or not known for now; what WeChat did not say is no problem found.
func doctorSays(check string, prepare func(s *survivor)) errand {
	return errand{
		prepare: func(s *survivor) any { prepare(s); return nil },
		act: func(s *survivor, _ any) error {
			got := s.Call(http.MethodPost, "/api/wx/admin/doctor", s.Superuser(), nil)
			if err := s.told(got); err != nil {
				return err
			}
			var said struct {
				Findings []struct{ Check, Code, State string } `json:"findings"`
			}
			decode(s.t, got.Body, &said)
			for _, f := range said.Findings {
				switch {
				case f.Check != check:
				case f.State == "ok":
					return nil
				case f.State != "skipped":
					s.t.Errorf("got %s %s by a fault, want nothing said", f.State, f.Code)
					return errors.New(f.Code)
				default:
					return errors.New(f.Code)
				}
			}
			return errors.New("the doctor has not looked")
		},
	}
}

// officeErrands are calls that the dashboard, the doctor and a shop's own code make, and no buyer waits for.
func officeErrands() map[string]errand {
	orderPath := func(s *survivor) {
		if err := s.weChat().SetOrderPath(s.t.Context(), detailPath); err != nil {
			s.t.Fatal(err)
		}
	}
	return map[string]errand{
		"queryscheme":   opens("scheme", (*wechat.Client).SchemeInfo),
		"query_urllink": opens("link", (*wechat.Client).URLLinkInfo),
		"quota_get":     asClient(linkOf("scheme"), quotaTells),
		"update_order_detail_path": asClient(func(*survivor) string { return detailPath }, func(ctx context.Context, c *wechat.Client, path string) error {
			if err := c.SetOrderPath(ctx, path); err != nil {
				return err
			}
			got, err := c.OrderPath(ctx)
			if err == nil && got != path {
				return fmt.Errorf("it is %q", got)
			}
			return err
		}),
		"set_msg_jump_path": {
			prepare: func(*survivor) any { return nil },
			act: func(s *survivor, _ any) error {
				return s.told(s.Call(http.MethodPost, "/api/wx/admin/order-pages", s.Superuser(), map[string]any{"messagePath": "pages/order/order"}))
			},
		},
		"opspecialorder": onOrder(func(s *survivor) apptest.Answer { o := s.paid(); s.Clock.Advance(3 * time.Second); return o }, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.Call(http.MethodPost, "/api/wx/orders/"+o.Text("id")+"/presale", s.Superuser(), map[string]any{"shipBy": s.Clock.Now().Add(20 * 24 * time.Hour)})
		}),
		"charge_usage": doctorSays("phoneQuota", func(*survivor) {}),
		"media_upload": asClient(func(*survivor) string { return onePixel }, func(ctx context.Context, c *wechat.Client, picture string) error {
			_, err := c.UploadImage(ctx, "a.png", []byte(picture))
			return err
		}),
		"custom_send": asClient(talks, func(ctx context.Context, c *wechat.Client, openID string) error {
			return c.SendCustom(ctx, wechat.CustomMessage{ToUser: openID, Text: "在的"})
		}),
		"custom_typing": asClient(talks, func(ctx context.Context, c *wechat.Client, openID string) error {
			_ = c.SetTyping(ctx, openID, false) // the last try may have been heard
			return c.SetTyping(ctx, openID, true)
		}),
		"media_get": asClient(sendsPicture, func(ctx context.Context, c *wechat.Client, mediaID string) error {
			got, err := c.TempMedia(ctx, mediaID)
			if err == nil && string(got) != onePixel {
				return fmt.Errorf("got %d bytes, want the picture", len(got))
			}
			return err
		}),
		"get_order_detail_path": doctorSays("orderPath", orderPath),
		"is_trade_managed":      doctorSays("token", func(*survivor) {}),
		"get_delivery_list": {
			prepare: func(s *survivor) any { s.Clock.Advance(25 * time.Hour); return nil }, // the list is remembered for a day
			act:     carriersThere,
		},
		"certificates": onOrder(freshCertificate, func(s *survivor, o apptest.Answer) apptest.Answer {
			return s.buyer.Call(http.MethodPost, payPath(o), nil)
		}),
	}
}

// talks lets the buyer write to the shop, which may then answer, and returns their openid.
func talks(s *survivor) string {
	s.t.Helper()
	s.Must(http.MethodPost, "/_sim/people/"+s.buyer.ID+"/chat", "", map[string]any{"text": "在吗"})
	identity, err := s.FindFirstRecordByData("wx_identities", "user", s.buyer.User)
	if err != nil {
		s.t.Fatal(err)
	}
	return identity.GetString("openid")
}

// sendsPicture lets the buyer send a picture, waits until the server has fetched it, and returns its media_id.
func sendsPicture(s *survivor) (mediaID string) {
	s.t.Helper()
	before := rows(s.t, s.App, "wx_chat_messages")
	s.Must(http.MethodPost, "/_sim/people/"+s.buyer.ID+"/chat", "", map[string]any{"picture": []byte(onePixel)})
	eventually(s.t, "the picture is here", func() bool {
		found, err := s.FindRecordsByFilter("wx_chat_messages", "kind = 'image'", "-created", 1, 0)
		if err != nil || len(found) == 0 || rows(s.t, s.App, "wx_chat_messages") == before {
			return false
		}
		mediaID = found[0].GetString("mediaId")
		return found[0].GetString("pictureState") == "KEPT"
	})
	return mediaID
}

// quotaTells asks how many links may be made today.
func quotaTells(ctx context.Context, c *wechat.Client, _ string) error {
	quota, err := c.Quota(ctx, schemePath)
	if err == nil && (quota.Used < 1 || quota.Remain < 1) {
		return fmt.Errorf("got %+v", quota)
	}
	return err
}

// carriersThere asks for the delivery companies, as the page does on which a parcel is sent off.
func carriersThere(s *survivor, _ any) error {
	got := s.Call(http.MethodGet, "/api/wx/admin/carriers", s.Superuser(), nil)
	if err := s.told(got); err != nil {
		return err
	}
	if !strings.Contains(string(got.Body), `"SF"`) {
		return fmt.Errorf("got %.200s", got.Body)
	}
	return nil
}

// freshCertificate lets WeChat Pay sign with a certificate that we have not seen, and makes an order. Its list is asked for once a minute
// at most.
func freshCertificate(s *survivor) apptest.Answer {
	s.Must(http.MethodPost, "/_sim/platform/rotate", "", nil)
	s.Clock.Advance(61 * time.Second)
	return s.buyer.Order("三鲜面", 1)
}

// TestEveryCallThatWeMakeHasAnErrand: a call that is added to the client wants a line above.
func TestEveryCallThatWeMakeHasAnErrand(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	have := map[string]bool{}
	for _, s := range surviveScenarios() {
		have[s.name] = true
	}
	names := map[string]string{}
	for _, ep := range list(t, app, "/_sim/endpoints") {
		names[fmt.Sprint(ep["path"])] = fmt.Sprint(ep["name"])
	}
	calls := pathsOf(t, filepath.Join("..", "internal", "wechat"))
	if len(calls) < 20 {
		t.Fatalf("got %d calls, want those of the client", len(calls))
	}
	for path := range calls {
		switch name, simulated := names[path]; {
		case !simulated:
			t.Errorf("%s is not simulated", path)
		case !have[name]:
			t.Errorf("%s (%s) has no errand", name, path)
		}
	}
}

// pathsOf finds the paths of WeChat's that a package's sources call.
func pathsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	path, paths := regexp.MustCompile(`path(?::|:=| :=| =) *("/(?:sns|wxa|wxaapi|cgi-bin)/[a-z0-9_/]+")`), map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range path.FindAllSubmatch(source, -1) {
			var text string
			if err := json.Unmarshal(found[1], &text); err != nil {
				t.Fatal(err)
			}
			paths[text] = true
		}
	}
	return paths
}

package sim_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

func (w *apiSide) secure(path string, body map[string]any) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/wxa/"+path+"?access_token="+w.token(), jsonText(w.t, body))
}

func textCheck(openid, content string) map[string]any {
	return map[string]any{"content": content, "version": 2, "scene": 2, "openid": openid}
}

func TestTextCheck(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	added := w.device(http.MethodPost, "/apps", nil)
	theirs := w.inApp(added.text("appid"), added.text("secret")).text("openid")
	scenarios := []struct {
		name    string
		change  map[string]any
		errcode int
		suggest string
		label   float64
	}{
		{"fine", nil, 0, "pass", 100},
		{"2500 characters", map[string]any{"content": strings.Repeat("面", 2500)}, 0, "pass", 100},
		{"2501 characters", map[string]any{"content": strings.Repeat("面", 2501)}, 45002, "", 0},
		{"nothing", map[string]any{"content": ""}, 44002, "", 0},
		{"risky", map[string]any{"content": "专业代开发票"}, 0, "risky", 10001},
		{"to be looked at", map[string]any{"content": "请加微信"}, 0, "review", 10001},
		{"the worst counts", map[string]any{"content": "加微信，赌博"}, 0, "risky", 20006},
		{"risky title", map[string]any{"title": "SIM-RISKY"}, 0, "risky", 21000},
		{"risky nickname", map[string]any{"nickname": "sim-review"}, 0, "review", 21000},
		{"WeChat's own sample", map[string]any{"content": "特3456书yuuo莞6543李zxcz蒜7782法fgnv级"}, 0, "risky", 20001},
		{"scene 0", map[string]any{"scene": 0}, 40129, "", 0},
		{"scene 5", map[string]any{"scene": 5}, 40129, "", 0},
		{"version 3", map[string]any{"version": 3}, 40097, "", 0},
		{"version as text", map[string]any{"version": "2"}, 47001, "", 0},
		{"no openid", map[string]any{"openid": ""}, 40003, "", 0},
		{"unknown openid", map[string]any{"openid": "o1"}, 40003, "", 0},
		{"openid of another mini program", map[string]any{"openid": theirs}, 43104, "", 0},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := textCheck(openid, "三鲜面两份")
			maps.Copy(body, s.change)
			a := w.secure("msg_sec_check", body)
			wantErrcode(t, a, s.errcode)
			result, _ := a.json["result"].(map[string]any)
			if s.errcode == 0 && (result["suggest"] != s.suggest || result["label"] != s.label || a.text("trace_id") == "" || len(a.json["detail"].([]any)) == 0) {
				t.Errorf("got %s, want %s %v", a.body, s.suggest, s.label)
			}
		})
	}
	// the call before it had versions
	wantErrcode(t, w.secure("msg_sec_check", map[string]any{"content": "色情"}), 87014)
	wantErrcode(t, w.secure("msg_sec_check", map[string]any{"content": "面"}), 0)
	if words := w.list("/security"); len(words) < 10 || words[0]["word"] == "" {
		t.Errorf("got %v, want the list of words", words)
	}
}

// The person must have used the mini program within two hours, in any way.
func TestTextCheckWantsAnActivePerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	check := func() answer { return w.secure("msg_sec_check", textCheck(openid, "面")) }
	w.clock.Add(2*time.Hour - time.Second)
	wantErrcode(t, check(), 0)
	w.clock.Add(time.Second)
	wantErrcode(t, check(), 61010)
	for name, use := range map[string]func(){
		"phone button": func() { w.device(http.MethodPost, "/people/p1/phone", map[string]any{}) },
		"scan":         func() { w.device(http.MethodPost, "/people/p1/scan", map[string]any{"scene": "a"}) },
		"login":        func() { w.code("p1") },
	} {
		use()
		if a := check(); a.number("errcode") != 0 {
			t.Errorf("%s: got %s, want the person to count as active", name, a.body)
		}
		w.clock.Add(3 * time.Hour)
		wantErrcode(t, check(), 61010)
	}
	w.code("p1")
	w.close()
	w = openWorld(t, w.dir, w.clock)
	wantErrcode(t, w.secure("msg_sec_check", textCheck(openid, "面")), 0)
}

func mediaCheckBody(openid, address string) map[string]any {
	return map[string]any{"media_url": address, "media_type": 2, "version": 2, "scene": 1, "openid": openid}
}

func TestMediaCheckRefusals(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	scenarios := []struct {
		name   string
		change map[string]any
		want   int
	}{
		{"good", nil, 0},
		{"audio", map[string]any{"media_type": 1}, 0},
		{"another type", map[string]any{"media_type": 3}, 40004},
		{"no address", map[string]any{"media_url": ""}, 40097},
		{"a path", map[string]any{"media_url": "/a.png"}, 40097},
		{"a file", map[string]any{"media_url": "file:///etc/passwd"}, 40097},
		{"old version", map[string]any{"version": 1}, 40097},
		{"no scene", map[string]any{"scene": 0}, 40097},
		{"unknown openid", map[string]any{"openid": "o1"}, 40003},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := mediaCheckBody(openid, "https://shop.example.com/a.png")
			maps.Copy(body, s.change)
			wantErrcode(t, w.secure("media_check_async", body), s.want)
		})
	}
	w.clock.Add(2 * time.Hour)
	wantErrcode(t, w.secure("media_check_async", mediaCheckBody(openid, "https://shop.example.com/b.png")), 61010)
}

// picture is a real PNG that may have a mark after its end.
func picture(t *testing.T, mark string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(blankPNG)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + mark
}

func TestMediaResults(t *testing.T) {
	t.Parallel()
	const local = "http://127.0.0.1:8090/a.png"
	scenarios := []struct {
		name, address, file string
		status              int
		wantGets            int
		want                map[string]string
	}{
		{"another machine's", "https://shop.example.com/a.png", "", 200, 0, map[string]string{"errcode": "0", "result.suggest": "pass", "result.label": "100"}},
		{"risky by its address", "https://shop.example.com/sim-risky.png", "", 200, 0, map[string]string{"result.suggest": "risky", "result.label": "20002", "detail.suggest": "risky"}},
		{"our own", local, picture(t, ""), 200, 1, map[string]string{"result.suggest": "pass"}},
		{"risky by its bytes", local, picture(t, "sim-risky"), 200, 1, map[string]string{"result.suggest": "risky"}},
		{"to be looked at", local, picture(t, "sim-review"), 200, 1, map[string]string{"result.suggest": "review", "result.label": "21000"}},
		{"not there", local, "", 404, 1, map[string]string{"errcode": "-1008", "result.suggest": ""}},
		{"no picture", local, "<html>", 200, 1, map[string]string{"errcode": "-1008", "result.suggest": ""}},
		{"too large", local, picture(t, strings.Repeat("x", 10<<20)), 200, 1, map[string]string{"errcode": "-1008"}},
		{"unreachable", local, "", 0, 1, map[string]string{"errcode": "-1008"}},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: func(_ int, r *http.Request) (int, error) {
				switch {
				case r.Method != http.MethodGet:
					return 200, nil
				case sc.status == 0:
					return 0, errors.New("connection refused")
				}
				return sc.status, nil
			}, body: sc.file}
			inPush(t, s, sim.Push{Mode: sim.PushPlain}, func(w *world) {
				openid, _ := w.login("p1")
				a := w.secure("media_check_async", mediaCheckBody(openid, sc.address))
				wantErrcode(t, a, 0)
				synctest.Wait()
				if n := len(s.deliveries()); n != 0 {
					t.Fatalf("got %d requests at once, want none before the result is due", n)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				got := s.deliveries()
				if len(got) != sc.wantGets+1 {
					t.Fatalf("got %d requests, want %d downloads and the result", len(got), sc.wantGets)
				}
				m, err := w.openPushed(got[len(got)-1], sim.PushPlain)
				if err != nil || m["Event"] != "wxa_media_check" || m["trace_id"] != a.text("trace_id") || m["appid"] != w.app.AppID || m["FromUserName"] != openid || m["version"] != "2" {
					t.Fatalf("got %v, %v, want the result", m, err)
				}
				for name, want := range sc.want {
					if m[name] != want {
						t.Errorf("%s: got %q, want %q", name, m[name], want)
					}
				}
			})
		})
	}
}

// A check that was open when the simulator ended finishes after the restart, once.
func TestMediaCheckSurvivesRestart(t *testing.T) {
	t.Parallel()
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	s := &shop{answer: always(200), body: "success"}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s, sim.WithPush("", sim.Push{URL: pushURL}), sim.WithMediaDelay(time.Minute))
		openid, _ := w.login("p1")
		wantErrcode(t, w.secure("media_check_async", mediaCheckBody(openid, "https://shop.example.com/a.png")), 0)
		w.close()
		w = newBubble(t, w.dir, s)
		w.sim.Start(t.Context())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(s.deliveries()); n != 1 {
			t.Fatalf("got %d results, want 1", n)
		}
		w.close()
		w = newBubble(t, w.dir, s)
		w.sim.Start(t.Context())
		time.Sleep(2 * time.Minute)
		if n := len(s.deliveries()); n != 1 {
			t.Errorf("got %d results after a second restart, want 1", n)
		}
		if rows := w.list("/media"); len(rows) != 1 || rows[0]["suggest"] != "pass" || rows[0]["doneAt"] == nil {
			t.Errorf("got %v, want the result in the books", fmt.Sprint(rows))
		}
	})
}

// Without an address the result is not sent, and the list of calls says so.
func TestMediaResultWithoutPush(t *testing.T) {
	t.Parallel()
	inBubble(t, &shop{answer: always(200)}, func(w *world) {
		openid, _ := w.login("p1")
		wantErrcode(w.t, w.secure("media_check_async", mediaCheckBody(openid, "https://shop.example.com/a.png")), 0)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if call := w.list("/calls")[0]; !strings.Contains(fmt.Sprint(call["reason"]), "no pushUrl") {
			w.t.Errorf("got %v, want it noted", call)
		}
	})
}

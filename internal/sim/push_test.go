package sim_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

const pushURL = "https://shop.example.com/push"

// inPush runs a test in a bubble, with a message push for the first mini program.
func inPush(t *testing.T, s *shop, p sim.Push, test func(w *world)) {
	t.Helper()
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	p.URL = pushURL
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s, sim.WithPush("", p))
		w.sim.Start(t.Context())
		test(w)
	})
}

// byHand pushes a text message of p1 and returns its row in the books.
func (w *apiSide) byHand() map[string]any {
	w.t.Helper()
	a := w.device(http.MethodPost, "/push", map[string]any{"person": "p1", "msgType": "text", "fields": map[string]any{"Content": "在吗 <b>&"}})
	synctest.Wait()
	return a.json
}

func sha1Of(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// flatten reads any XML or JSON message into texts by path, such as List.TemplateId.
func flatten(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	if raw[0] != '<' {
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("decode %s: %v", raw, err)
		}
		flattenJSON(out, "", v)
		return out
	}
	dec := xml.NewDecoder(strings.NewReader(string(raw)))
	var path []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("decode %s: %v", raw, err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			path = append(path, v.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			out[strings.Join(path[1:], ".")] += string(v)
		}
	}
}

func flattenJSON(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			flattenJSON(out, strings.TrimPrefix(path+"."+name, "."), inner)
		}
	case []any:
		for _, inner := range v {
			flattenJSON(out, path, inner)
		}
	default:
		out[path] += fmt.Sprint(v)
	}
}

var errPush = errors.New("refused")

// openPushed is a receiver written from the document: it checks the mode's signature, decrypts the message and compares
// the appid.
func (w *apiSide) openPushed(d delivery, mode string) (map[string]string, error) {
	w.t.Helper()
	u, err := url.Parse(d.url)
	if err != nil {
		w.t.Fatal(err)
	}
	q := u.Query()
	outside := flatten(w.t, d.body)
	if q.Get("signature") != sha1Of(w.app.PushToken, q.Get("timestamp"), q.Get("nonce")) {
		return nil, fmt.Errorf("%w: signature", errPush)
	}
	if mode == sim.PushPlain {
		return outside, nil
	}
	sealed := outside["Encrypt"]
	if q.Get("encrypt_type") != "aes" || q.Get("msg_signature") != sha1Of(w.app.PushToken, q.Get("timestamp"), q.Get("nonce"), sealed) {
		return nil, fmt.Errorf("%w: msg_signature", errPush)
	}
	plain, err := w.unseal(sealed)
	if err != nil {
		return nil, err
	}
	return flatten(w.t, plain), nil
}

func (w *apiSide) unseal(sealed string) ([]byte, error) {
	w.t.Helper()
	key, err := base64.StdEncoding.DecodeString(w.app.PushAESKey + "=")
	if err != nil {
		w.t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw)%32 != 0 {
		return nil, fmt.Errorf("%w: %d bytes", errPush, len(raw))
	}
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(raw, raw)
	pad := int(raw[len(raw)-1])
	if pad < 1 || pad > 32 {
		return nil, fmt.Errorf("%w: pad of %d", errPush, pad)
	}
	raw = raw[:len(raw)-pad]
	size := int(binary.BigEndian.Uint32(raw[16:20]))
	if size > len(raw)-20 || string(raw[20+size:]) != w.app.AppID {
		return nil, fmt.Errorf("%w: appid", errPush)
	}
	return raw[20 : 20+size], nil
}

func TestPushModesAndFormats(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{sim.PushPlain, sim.PushCompatible, sim.PushSafe} {
		for _, format := range []string{sim.PushJSON, sim.PushXML} {
			t.Run(mode+" "+format, func(t *testing.T) {
				t.Parallel()
				s := &shop{answer: always(200), body: "success"}
				inPush(t, s, sim.Push{Mode: mode, Format: format}, func(w *world) {
					openid, _ := w.login("p1")
					row := w.byHand()
					got := s.deliveries()
					if len(got) != 1 || !strings.HasPrefix(got[0].url, pushURL+"?") || !strings.Contains(got[0].url, "openid="+url.QueryEscape(openid)) {
						t.Fatalf("got %v, want one delivery that names the openid", got)
					}
					if isXML := got[0].body[0] == '<'; isXML != (format == sim.PushXML) {
						t.Errorf("got %s, want %s", got[0].body, format)
					}
					outside := flatten(t, got[0].body)
					if _, clear := outside["Content"]; clear == (mode == sim.PushSafe) {
						t.Errorf("got %v, want the text in the clear in every mode but the safe one", outside)
					}
					if _, sealed := outside["Encrypt"]; sealed == (mode == sim.PushPlain) {
						t.Errorf("got %v, want it encrypted in every mode but the plain one", outside)
					}
					m, err := w.openPushed(got[0], mode)
					if err != nil || m["Content"] != "在吗 <b>&" || m["FromUserName"] != openid || m["MsgType"] != "text" || len(m["MsgId"]) != 19 ||
						!strings.HasPrefix(m["ToUserName"], "gh_") || m["CreateTime"] != strconv.FormatInt(time.Now().Unix(), 10) {
						t.Errorf("got %v, %v, want the whole message", m, err)
					}
					note := w.list("/notifications")[0]
					if note["id"] != row["id"] || note["state"] != "DELIVERED" || note["event_type"] != "text" || note["format"] != "push" || note["appid"] != w.app.AppID {
						t.Errorf("got %v, want it in the books", note)
					}
				})
			})
		}
	}
}

func TestPushIsTriedFourTimes(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, body string
		answer     func(int, *http.Request) (int, error)
		want       int
	}{
		{"success at once", "success", always(200), 1},
		{"not even once", "success", always(500), 4},
		{"an answer that is none", `{"ok":true}`, always(200), 4},
		{"taken at the third", "success", func(n int, _ *http.Request) (int, error) { return map[bool]int{true: 200, false: 503}[n == 3], nil }, 3},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: sc.answer, body: sc.body}
			inPush(t, s, sim.Push{}, func(w *world) {
				start := time.Now()
				w.byHand()
				time.Sleep(time.Hour)
				got := s.deliveries()
				if len(got) != sc.want {
					t.Fatalf("got %d tries, want %d", len(got), sc.want)
				}
				nonces := map[string]bool{}
				for i, d := range got {
					if at := d.at.Sub(start); at != time.Duration(i)*5*time.Second {
						t.Errorf("try %d: got it after %v, want 5s between", i, at)
					}
					u, _ := url.Parse(d.url)
					nonces[u.Query().Get("nonce")] = true
					if _, err := w.openPushed(d, sim.PushSafe); err != nil {
						t.Errorf("try %d: %v", i, err)
					}
				}
				if len(nonces) != sc.want {
					t.Errorf("got nonces %v, want a new one with each try", nonces)
				}
				state := w.list("/notifications")[0]["state"]
				if want := map[bool]string{true: "GIVEN_UP", false: "DELIVERED"}[sc.want == 4]; state != want {
					t.Errorf("got %v, want %s", state, want)
				}
			})
		})
	}
}

func TestPushFaults(t *testing.T) {
	t.Parallel()
	refused := func(w *world, d delivery) error {
		_, err := w.openPushed(d, sim.PushSafe)
		return err
	}
	query := func(d delivery) url.Values {
		u, _ := url.Parse(d.url)
		return u.Query()
	}
	age := func(d delivery) time.Duration {
		seconds, _ := strconv.ParseInt(query(d).Get("timestamp"), 10, 64)
		return d.at.Truncate(time.Second).Sub(time.Unix(seconds, 0))
	}
	scenarios := []struct {
		kind  string
		check func(w *world, got []delivery) bool
	}{
		{"wrong_signature", func(w *world, got []delivery) bool { return errors.Is(refused(w, got[0]), errPush) }},
		{"no_signature", func(_ *world, got []delivery) bool {
			return !query(got[0]).Has("signature") && !query(got[0]).Has("msg_signature")
		}},
		{"stale_time", func(w *world, got []delivery) bool { return refused(w, got[0]) == nil && age(got[0]) == 10*time.Minute }},
		{"future_time", func(w *world, got []delivery) bool {
			return refused(w, got[0]) == nil && age(got[0]) == -10*time.Minute
		}},
		{"duplicate", func(w *world, got []delivery) bool {
			return len(got) == 2 && refused(w, got[0]) == nil && refused(w, got[1]) == nil && got[0].url != got[1].url
		}},
		{"concurrent", func(_ *world, got []delivery) bool { return len(got) == 3 }},
		{"replay", func(_ *world, got []delivery) bool {
			return len(got) == 2 && got[0].url == got[1].url && string(got[0].body) == string(got[1].body)
		}},
		{"lost", func(_ *world, got []delivery) bool { return len(got) == 0 }},
		{"late", func(_ *world, got []delivery) bool { return len(got) == 0 }},
		{"other_appid", func(w *world, got []delivery) bool { return strings.Contains(fmt.Sprint(refused(w, got[0])), "appid") }},
		{"other_key", func(w *world, got []delivery) bool { return errors.Is(refused(w, got[0]), errPush) }},
		{"bad_padding", func(w *world, got []delivery) bool {
			return strings.Contains(fmt.Sprint(refused(w, got[0])), "pad of 0")
		}},
		{"oversized", func(w *world, got []delivery) bool { return refused(w, got[0]) == nil && len(got[0].body) > 2<<20 }},
		{"downgrade", func(w *world, got []delivery) bool {
			m, err := w.openPushed(got[0], sim.PushPlain)
			return err == nil && m["MsgType"] == "text" && !query(got[0]).Has("msg_signature")
		}},
		{"extra_fields", func(w *world, got []delivery) bool {
			m, err := w.openPushed(got[0], sim.PushSafe)
			return err == nil && m["SimExtra.Since"] == "2026"
		}},
		{"xxe", func(w *world, got []delivery) bool {
			plain, err := w.unseal(flatten(w.t, got[0].body)["Encrypt"])
			return err == nil && strings.Contains(string(plain), "<!ENTITY")
		}},
	}
	for _, sc := range scenarios {
		t.Run(sc.kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: "success"}
			inPush(t, s, sim.Push{}, func(w *world) {
				w.fault(map[string]any{"on": "push", "kind": sc.kind})
				w.byHand()
				if got := s.deliveries(); !sc.check(w, got) {
					t.Errorf("got %d deliveries %.2000v, want the fault to strike", len(got), got)
				}
				time.Sleep(time.Hour)
				if n := len(s.deliveries()); n == 0 {
					t.Error("got no delivery within the hour, want one")
				}
				if left := w.list("/faults"); len(left) != 0 {
					t.Errorf("got %v left, want the fault used up", left)
				}
			})
		})
	}
}

// backend is a receiver on a real port; verdict is its answer to the console's GET.
func backend(t *testing.T, verdict func(q url.Values) string) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, verdict(r.URL.Query()))
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestPushAddressIsVerified(t *testing.T) {
	w := newWorld(t)
	path := "/_sim/apps/" + w.app.AppID + "/push"
	token := "NewToken1"
	good := backend(t, func(q url.Values) string {
		if q.Get("signature") != sha1Of(token, q.Get("timestamp"), q.Get("nonce")) {
			return "no"
		}
		return q.Get("echostr")
	})
	quoted := backend(t, func(q url.Values) string { return `"` + q.Get("echostr") + `"` })
	silent := backend(t, func(url.Values) string { return "" })
	scenarios := []struct {
		name, body string
		want       int
	}{
		{"quoted echo", `{"pushUrl":"` + quoted.URL + `"}`, 409},
		{"no echo", `{"pushUrl":"` + silent.URL + `"}`, 409},
		{"checked with another token", `{"pushUrl":"` + good.URL + `"}`, 409},
		{"no address", `{"pushUrl":"shop"}`, 400},
		{"another scheme", `{"pushUrl":"ftp://127.0.0.1/"}`, 400},
		{"odd port of another machine", `{"pushUrl":"https://shop.example.com:8443/"}`, 400},
		{"short token", `{"pushToken":"ab"}`, 400},
		{"short key", `{"pushAesKey":"ab"}`, 400},
		{"unknown mode", `{"pushMode":"open"}`, 400},
		{"unknown format", `{"pushFormat":"yaml"}`, 400},
		{"unknown clock", `{"pushClock":"sun"}`, 400},
		{"echo", `{"pushUrl":"` + good.URL + `/push?a=1","pushToken":"` + token + `","pushMode":"compatible","pushFormat":"xml"}`, 200},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if a := w.call(http.MethodPost, path, s.body); a.status != s.want {
				t.Fatalf("got %d %s, want %d", a.status, a.body, s.want)
			}
		})
	}
	app := w.sim.Config().Apps[0]
	if app.PushToken != token || app.PushAESKey != w.app.PushAESKey || app.PushURL != good.URL+"/push?a=1" || app.PushMode != "compatible" || app.PushFormat != "xml" {
		t.Errorf("got %+v, want what passed the check", app)
	}
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if got := w.sim.Config().Apps[0]; got != app {
		t.Errorf("got %+v after a restart, want %+v", got, app)
	}
	if a := w.device(http.MethodPost, "/apps/"+w.app.AppID+"/push", map[string]any{"pushUrl": ""}); a.text("pushUrl") != "" || a.text("pushToken") != token {
		t.Errorf("got %s, want it turned off and the rest kept", a.body)
	}
}

func TestPushByHandRefusals(t *testing.T) {
	w := newWorld(t)
	if a := w.call(http.MethodPost, "/_sim/push", `{"event":"x"}`); a.status != http.StatusConflict {
		t.Fatalf("got %d %s without an address, want 409", a.status, a.body)
	}
	if err := w.sim.SetPush(w.app.AppID, sim.Push{URL: "http://127.0.0.1:1/"}); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]struct {
		body string
		want int
	}{
		"nothing":          {`{}`, 400},
		"bad event":        {`{"event":"<x>"}`, 400},
		"bad field":        {`{"event":"x","fields":{"a b":1}}`, 400},
		"list in a list":   {`{"event":"x","fields":{"a":[[1]]}}`, 400},
		"nested too deep":  {`{"event":"x","fields":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}`, 400},
		"unknown person":   {`{"event":"x","person":"p9"}`, 404},
		"unknown app":      {`{"event":"x","appid":"wx1"}`, 404},
		"fields of a list": {`{"event":"x","fields":[]}`, 400},
	} {
		if a := w.call(http.MethodPost, "/_sim/push", s.body); a.status != s.want {
			t.Errorf("%s: got %d %s, want %d", name, a.status, a.body, s.want)
		}
	}
	if err := w.sim.SetPush("wx0", sim.Push{}); err == nil {
		t.Error("got no error for an unknown appid, want one")
	}
	if err := w.sim.SetPush("", sim.Push{URL: "x", Mode: "y"}); err == nil {
		t.Error("got no error for a bad address, want one")
	}
}

// What was undelivered before a restart is delivered after it, and large numbers keep their digits.
func TestPushAfterRestart(t *testing.T) {
	t.Parallel()
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	s := &shop{answer: always(200), body: "success"}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s, sim.WithPush("", sim.Push{URL: pushURL, Mode: sim.PushPlain, Clock: "moved"}))
		w.device(http.MethodPost, "/push", map[string]any{"event": "trade_manage_remind_shipping", "fields": map[string]any{"n": json.Number("1864323726461255681")}})
		w.sim.Advance(3 * time.Hour)
		w.close()
		w = newBubble(t, w.dir, s)
		w.sim.Start(t.Context())
		synctest.Wait()
		got := s.deliveries()
		if len(got) != 1 {
			t.Fatalf("got %d deliveries, want 1", len(got))
		}
		m, err := w.openPushed(got[0], sim.PushPlain)
		if err != nil || m["n"] != "1864323726461255681" || !strings.HasPrefix(m["FromUserName"], "oSYSTEM") || len(m["FromUserName"]) != 28 {
			t.Errorf("got %v, %v, want it as it was", m, err)
		}
		u, _ := url.Parse(got[0].url)
		if want := strconv.FormatInt(time.Now().Add(3*time.Hour).Unix(), 10); u.Query().Get("timestamp") != want {
			t.Errorf("got %s, want the moved clock's %s", u.Query().Get("timestamp"), want)
		}
	})
}

// The settlement event follows a complete shipment, once.
func TestShippedIsPushed(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(200), body: "success"}
	inPush(t, s, sim.Push{Mode: sim.PushPlain}, func(w *world) {
		w.buy("ORD-SETTLE-1")
		openid, _ := w.login("p1")
		time.Sleep(5 * time.Second)
		body := w.report("ORD-SETTLE-1", openid)
		body["upload_time"] = time.Now().Format(time.RFC3339)
		wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 0)
		time.Sleep(5 * time.Second)
		body["upload_time"], body["logistics_type"] = time.Now().Format(time.RFC3339), 4
		wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 0)
		synctest.Wait()
		var settled []map[string]string
		for _, d := range s.deliveries() {
			if strings.HasPrefix(d.url, pushURL) {
				m, _ := w.openPushed(d, sim.PushPlain)
				settled = append(settled, m)
			}
		}
		if len(settled) != 1 || settled[0]["Event"] != "trade_manage_order_settlement" || settled[0]["merchant_trade_no"] != "ORD-SETTLE-1" || settled[0]["settlement_time"] != "" {
			t.Errorf("got %v, want one event", settled)
		}
	})
}

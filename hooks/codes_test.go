package hooks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	_ "image/jpeg" // what codes are
	_ "image/png"  // what transparent codes are
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

const unlimited = "/wxa/getwxacodeunlimit"

// picture fetches what the url of a code leads to, without a token, as an <image> does.
func picture(t *testing.T, app *apptest.App, code apptest.Answer) (raw []byte, img image.Image, format string) {
	t.Helper()
	raw = app.Must(http.MethodGet, code.Text("url"), "", nil).Body
	img, format, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("picture of %s: %v", code.Body, err)
	}
	return raw, img, format
}

// files counts the files in the storage of a test.
func files(t *testing.T, app *apptest.App) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(app.DataDir(), "storage"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(d.Name(), ".attrs") {
			n++
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCodeIsStoredServedAndScanned(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	scenarios := []struct {
		name   string
		body   map[string]any
		format string
		path   string
	}{
		{"packed payload", map[string]any{"page": "pages/product/product", "payload": map[string]any{"id": 7}}, "jpeg", "pages/product/product"},
		{"token", map[string]any{"page": "pages/product/product", "payload": map[string]any{"深": []any{1}}}, "jpeg", "pages/product/product"},
		{"scene of one's own, transparent", map[string]any{"scene": "id=7&x=(1)", "isHyaline": true, "width": 300}, "png", "pages/index/index"},
		{"colour", map[string]any{"scene": "c", "lineColor": map[string]any{"r": 7, "g": 100, "b": 0}}, "jpeg", "pages/index/index"},
		{"with a path", map[string]any{"kind": "code", "page": "pages/a/a?x=1"}, "jpeg", "pages/a/a"},
		{"square", map[string]any{"kind": "qrcode", "page": "pages/b/b?x=1", "width": 280}, "jpeg", "pages/b/b"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			code := person.Must(http.MethodPost, "/api/wx/codes", s.body)
			raw, img, format := picture(t, app, code)
			if format != s.format || s.body["width"] != nil && img.Bounds().Dx() != s.body["width"] {
				t.Errorf("got a %s of %v, want a %s as wide as asked", format, img.Bounds(), s.format)
			}
			scan := person.Phone("scan", map[string]any{"image": base64.StdEncoding.EncodeToString(raw)})
			if scan.Text("path") != s.path || scan.Text("scene") != code.Text("scene") {
				t.Errorf("scan: got %s, want path %s and scene %s", scan.Body, s.path, code.Text("scene"))
			}
			again := person.Must(http.MethodPost, "/api/wx/codes", s.body)
			if again.JSON["reused"] != true || code.JSON["reused"] != false || again.Text("id") != code.Text("id") || again.Text("url") != code.Text("url") {
				t.Errorf("again: got %s after %s, want the same one", again.Body, code.Body)
			}
		})
	}
	if n, m := rows(t, app, "wx_codes"), files(t, app); n != len(scenarios) || m != len(scenarios) {
		t.Errorf("got %d records with %d files, want %d", n, m, len(scenarios))
	}
}

func TestCodeTwoHundredAtOnceCostOneCall(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	body := map[string]any{"payload": map[string]any{"table": 12, "名": "三号桌"}}
	var answers [200]apptest.Answer
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = person.Call(http.MethodPost, "/api/wx/codes", body) })
	fresh := 0
	for _, a := range answers {
		wantAnswer(t, a, http.StatusOK, "")
		if a.JSON["reused"] == false {
			fresh++
		}
		for _, field := range []string{"id", "scene", "url", "kind", "page"} {
			if a.Text(field) != answers[0].Text(field) {
				t.Errorf("got %s, want %s", a.Body, answers[0].Body)
			}
		}
	}
	if n, m, f := app.Calls(unlimited), rows(t, app, "wx_codes"), files(t, app); n != 1 || m != 1 || f != 1 || fresh != 1 {
		t.Errorf("got %d calls, %d records, %d files, new %d times, want 1 of each", n, m, f, fresh)
	}
}

// TestCodeSamePayloadOfManyUsers: the packed scene belongs to the first, and everybody else's code works all the same.
func TestCodeSamePayloadOfManyUsers(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var people [10]apptest.Person
	for i := range people {
		people[i] = app.Login("x")
	}
	var answers [len(people)]apptest.Answer
	roomtest.AtOnce(len(people), func(i int) {
		answers[i] = people[i].Call(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"id": 7}})
	})
	ids, packed := map[string]bool{}, 0
	for i, a := range answers {
		wantAnswer(t, a, http.StatusOK, "")
		ids[a.Text("id")] = true
		if a.Text("scene") == "~id:7" {
			packed++
		}
		opened := app.Must(http.MethodGet, "/api/wx/scenes/"+a.Text("scene"), "", nil)
		if payload, _ := opened.JSON["payload"].(map[string]any); payload["id"] != 7.0 {
			t.Errorf("scene %s: got %s, want the payload", a.Text("scene"), opened.Body)
		}
		if got := people[i].Call(http.MethodGet, "/api/collections/wx_codes/records/"+a.Text("id"), nil); got.Status != 200 {
			t.Errorf("own record: got %d, want 200", got.Status)
		}
		if got := people[(i+1)%len(people)].Call(http.MethodGet, "/api/collections/wx_codes/records/"+a.Text("id"), nil); got.Status != 404 {
			t.Errorf("somebody else's record: got %d, want 404", got.Status)
		}
	}
	if len(ids) != len(people) || packed != 1 {
		t.Errorf("got %d records, %d packed, want %d and 1", len(ids), packed, len(people))
	}
}

func TestCodePayloads(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	text := func(bytes int) string { return `"` + strings.Repeat("a", bytes-2) + `"` }
	scenarios := []struct {
		name, payload string
		scene         string // empty: a token
		status        int
	}{
		{"small object", `{"from":"ad","id":7}`, "~from=ad&id:7", 200},
		{"keys in another order, white space", ` { "id" : 7, "from":"ad" } `, "~from=ad&id:7", 200},
		{"empty object", `{}`, "~", 200},
		{"chinese, emoji and markup", `{"名":"三鲜面 🍜 <b>&amp;</b> \u2028 \\ \" /"}`, "", 200},
		{"big numbers", `{"n":12345678901234567890,"f":1.0,"e":1e300,"d":0.1,"neg":-0}`, "", 200},
		{"false and null inside", `{"a":false,"b":null}`, "~a!f&b!n", 200},
		{"an array", `[1,2,[3]]`, "", 200},
		{"a text", `"abc"`, "", 200},
		{"a text of digits", `"0012"`, "", 200},
		{"true", `true`, "", 200},
		{"a bare number", `-12345678901234`, "", 200},
		{"a bare number that a float cannot hold", `12345678901234567890`, "", 400},
		{"a bare number that would be spelt anew", `1.0`, "", 400},
		{"4096 bytes", text(4096), "", 200},
		{"4097 bytes", text(4097), "", 400},
		{"nested 8 deep", nested(8), "", 200},
		{"nested 9 deep", nested(9), "", 400},
		{"a key twice", `{"a":1,"a":2}`, "", 400},
		{"half an emoji", `{"a":"\ud83c"}`, "", 400},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			code := ""
			if s.status == 400 {
				code = "code_arguments_invalid"
			}
			got := person.Call(http.MethodPost, "/api/wx/codes", `{"page":"pages/a/a","payload":`+s.payload+`}`)
			wantAnswer(t, got, s.status, code)
			if s.status == 400 {
				wantReason(t, got)
				return
			}
			scene := got.Text("scene")
			if s.scene != "" && scene != s.scene || s.scene == "" && (len(scene) != 23 || scene[0] != 't') {
				t.Errorf("got scene %q, want %q (or a token)", scene, s.scene)
			}
			opened := app.Must(http.MethodGet, "/api/wx/scenes/"+strings.ReplaceAll(scene, "=", "%3D"), "", nil)
			var answer struct {
				Page    string          `json:"page"`
				Payload json.RawMessage `json:"payload"`
			}
			if err := json.Unmarshal(opened.Body, &answer); err != nil {
				t.Fatal(err)
			}
			if have, want := plain(t, answer.Payload), plain(t, []byte(s.payload)); have != want || answer.Page != "pages/a/a" {
				t.Errorf("opened: got %s on %s, want %s", have, answer.Page, want)
			}
		})
	}
}

// plain spells JSON in one way, numbers digit for digit.
func plain(t *testing.T, raw []byte) string {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func wantReason(t *testing.T, got apptest.Answer) {
	t.Helper()
	data, _ := got.JSON["data"].(map[string]any)
	if reason, _ := data["reason"].(string); reason == "" {
		t.Errorf("got %s, want a reason", got.Body)
	}
}

func TestCodeArguments(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	with := func(more map[string]any) map[string]any { return merged(map[string]any{"scene": "a"}, more) }
	long := strings.Repeat("p", 1024)
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"width 279", with(map[string]any{"width": 279}), 400, "code_arguments_invalid"},
		{"width 280", map[string]any{"scene": "b", "width": 280}, 200, ""},
		{"width 1280", map[string]any{"scene": "c", "width": 1280}, 200, ""},
		{"width 1281", with(map[string]any{"width": 1281}), 400, "code_arguments_invalid"},
		{"width below zero", with(map[string]any{"width": -1}), 400, "code_arguments_invalid"},
		{"page with a slash", with(map[string]any{"page": "/pages/a/a"}), 400, "code_arguments_invalid"},
		{"page with a query", with(map[string]any{"page": "pages/a/a?id=1"}), 400, "code_arguments_invalid"},
		{"page with a space", with(map[string]any{"page": "pages/a a"}), 400, "code_arguments_invalid"},
		{"page with WeChat's own word", with(map[string]any{"page": "scancode_time"}), 400, "code_arguments_invalid"},
		{"page that WeChat does not know", map[string]any{"scene": "d", "page": "页面"}, 400, "code_page_unpublished"},
		{"page of 1024 characters", map[string]any{"scene": "e", "page": long}, 200, ""},
		{"page of 1025 characters", with(map[string]any{"page": long + "p"}), 400, "code_arguments_invalid"},
		{"path of 1024 characters outside ASCII", map[string]any{"kind": "code", "page": strings.Repeat("页", 1024)}, 200, ""},
		{"path of 129 characters in a square code", map[string]any{"kind": "qrcode", "page": strings.Repeat("p", 129)}, 400, "code_arguments_invalid"},
		{"scene of 32", map[string]any{"scene": strings.Repeat("x", 32)}, 200, ""},
		{"scene of 33", map[string]any{"scene": strings.Repeat("x", 33)}, 400, "code_arguments_invalid"},
		{"scene of all other characters", map[string]any{"scene": "!#$&'()*+,/:;=?@-._"}, 200, ""},
		{"scene with a percent sign", map[string]any{"scene": "a%20"}, 400, "code_arguments_invalid"},
		{"scene in Chinese", map[string]any{"scene": "面"}, 400, "code_arguments_invalid"},
		{"scene with a space", map[string]any{"scene": "a b"}, 400, "code_arguments_invalid"},
		{"scene that looks packed", map[string]any{"scene": "~id:7"}, 400, "code_arguments_invalid"},
		{"scene that looks like a token", map[string]any{"scene": "t" + strings.Repeat("0", 22)}, 400, "code_arguments_invalid"},
		{"neither scene nor payload", map[string]any{"page": "pages/a/a"}, 400, "code_arguments_invalid"},
		{"payload null and no scene", map[string]any{"payload": nil}, 400, "code_arguments_invalid"},
		{"both scene and payload", with(map[string]any{"payload": 1}), 400, "code_arguments_invalid"},
		{"payload in a code with a path", map[string]any{"kind": "code", "page": "a", "payload": 1}, 400, "code_arguments_invalid"},
		{"scene in a square code", map[string]any{"kind": "qrcode", "page": "a", "scene": "x"}, 400, "code_arguments_invalid"},
		{"code without a path", map[string]any{"kind": "code"}, 400, "code_arguments_invalid"},
		{"square code in colour", map[string]any{"kind": "qrcode", "page": "a", "autoColor": true}, 400, "code_arguments_invalid"},
		{"unknown kind", map[string]any{"kind": "round", "page": "a"}, 400, "code_arguments_invalid"},
		{"unknown version", with(map[string]any{"envVersion": "beta"}), 400, "code_arguments_invalid"},
		{"version for trial", map[string]any{"scene": "f", "envVersion": "trial"}, 200, ""},
		{"colour out of range", with(map[string]any{"lineColor": map[string]any{"r": 256, "g": 0, "b": 0}}), 400, "code_arguments_invalid"},
		{"colour and automatic colour", with(map[string]any{"autoColor": true, "lineColor": map[string]any{"r": 1, "g": 0, "b": 0}}), 400, "code_arguments_invalid"},
		{"unknown mini program", with(map[string]any{"appid": nextAppID}), 503, "wx_not_configured"},
		{"width as text", with(map[string]any{"scene": "w", "width": "300"}), 200, ""},
		{"width in words", with(map[string]any{"width": "wide"}), 400, "field_invalid"},
		{"no JSON", "scene=a", 400, "body_not_json"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			before := app.Calls(unlimited)
			got := person.Call(http.MethodPost, "/api/wx/codes", s.body)
			wantAnswer(t, got, s.status, s.code)
			if s.code == "code_arguments_invalid" {
				wantReason(t, got)
				if n := app.Calls(unlimited) - before; n != 0 {
					t.Errorf("got %d calls to WeChat, want none", n)
				}
			}
		})
	}
	if got := app.Call(http.MethodPost, "/api/wx/codes", "", map[string]any{"scene": "a"}); got.Status != 401 {
		t.Errorf("guest: got %d, want 401", got.Status)
	}
}

// TestCodeSceneOfAPayload: the same payload in another size has a scene that leads to it alone.
func TestCodeSceneOfAPayload(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	payload := map[string]any{"payload": map[string]any{"id": 7}}
	small := person.Must(http.MethodPost, "/api/wx/codes", payload)
	large := person.Must(http.MethodPost, "/api/wx/codes", merged(payload, map[string]any{"width": 800}))
	if small.Text("scene") != "~id:7" || len(large.Text("scene")) != 23 {
		t.Errorf("got scenes %s and %s, want a packed one and a token", small.Text("scene"), large.Text("scene"))
	}
}

func TestCodeOfSuperuser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, super := app.Login("小明"), app.Superuser()
	body := map[string]any{"payload": map[string]any{"poster": 1}}
	got := app.Must(http.MethodPost, "/api/wx/codes", super, body)
	record, err := app.FindRecordById("wx_codes", got.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	if record.GetString("user") != "" || record.GetString("appid") != app.AppID() {
		t.Errorf("got user %q of %q, want nobody's code of the one mini program", record.GetString("user"), record.GetString("appid"))
	}
	if person.Must(http.MethodPost, "/api/wx/codes", body).Text("id") == got.Text("id") {
		t.Error("got the superuser's code for a user, want one of their own")
	}
}

func TestCodeWhenWeChatFails(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	scenarios := []struct {
		kind   string
		times  int
		status int
		code   string
	}{
		{"html", 1, 502, "code_answer_html"},
		{"empty", 1, 502, "code_answer_empty"},
		{"busy", 3, 503, "wx_busy"},
		{"rate_limit", 1, 429, "wx_rate_limited"},
		{"cut", 3, 503, "wx_busy"},
		{"token_invalid", 1, 200, ""}, // a new token mends it
		{"cut", 2, 200, ""},           // and a third try
	}
	made := 0
	for i, s := range scenarios {
		step(t, s.kind, func(t *testing.T) {
			app.Fault("getwxacodeunlimit", s.kind, s.times)
			got := person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"i": i}})
			wantAnswer(t, got, s.status, s.code)
			if s.status == 200 {
				made++
				picture(t, app, got)
			}
			if n, m := rows(t, app, "wx_codes"), files(t, app); n != made || m != made {
				t.Errorf("got %d records with %d files, want %d", n, m, made)
			}
		})
	}
}

// TestCodeWhoWaitsHearsOfTheFailure: many ask for one code while WeChat fails; each gets an answer, and a later call works.
func TestCodeWhoWaitsHearsOfTheFailure(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	app.Fault("getwxacodeunlimit", "rate_limit", 20)
	var answers [20]apptest.Answer
	roomtest.AtOnce(len(answers), func(i int) {
		answers[i] = person.Call(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"id": 1}})
	})
	for _, a := range answers {
		wantAnswer(t, a, http.StatusTooManyRequests, "wx_rate_limited")
	}
	person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"payload": map[string]any{"id": 1}})
}

func TestCodeTimes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	code := app.Login("小明").Must(http.MethodPost, "/api/wx/codes", map[string]any{"scene": "x"})
	app.Clock.Advance(36 * time.Hour)
	app.Must(http.MethodGet, "/api/wx/scenes/x", "", nil)
	record, err := app.FindRecordById("wx_codes", code.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	if late := app.Clock.Now().Sub(record.GetDateTime("lastScanAt").Time()); late < 0 || late > time.Minute {
		t.Errorf("got a scan %s ago, want now", late)
	}
}

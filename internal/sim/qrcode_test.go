package sim_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"wxbase/internal/sim"
)

func TestCodeRefusals(t *testing.T) {
	w := newWorld(t, sim.WithPages("pages/index/index", "pages/item/item"))
	scenarios := []struct {
		name, path, body string
		want             int
	}{
		{"no scene", "/wxa/getwxacodeunlimit", `{}`, 40129},
		{"scene of 33", "/wxa/getwxacodeunlimit", `{"scene":"` + strings.Repeat("a", 33) + `"}`, 40169},
		{"Chinese scene", "/wxa/getwxacodeunlimit", `{"scene":"面"}`, 40129},
		{"scene with a percent sign", "/wxa/getwxacodeunlimit", `{"scene":"a%20"}`, 40129},
		{"garbage", "/wxa/getwxacodeunlimit", `{"scene"`, 40169},
		{"no body", "/wxa/getwxacodeunlimit", ``, 44002},
		{"page with a slash", "/wxa/getwxacodeunlimit", `{"scene":"a","page":"/pages/index/index"}`, 41030},
		{"page with a query", "/wxa/getwxacodeunlimit", `{"scene":"a","page":"pages/index/index?a=1"}`, 41030},
		{"unpublished page", "/wxa/getwxacodeunlimit", `{"scene":"a","page":"pages/new/new"}`, 41030},
		{"reserved word", "/wxa/getwxacodeunlimit", `{"scene":"a","page":"pages/scancode_time"}`, 85096},
		{"narrow", "/wxa/getwxacodeunlimit", `{"scene":"a","width":279}`, 40097},
		{"wide", "/wxa/getwxacodeunlimit", `{"scene":"a","width":1281}`, 40097},
		{"unknown version", "/wxa/getwxacodeunlimit", `{"scene":"a","env_version":"beta"}`, 40097},
		{"colour out of range", "/wxa/getwxacodeunlimit", `{"scene":"a","line_color":{"r":256,"g":0,"b":0}}`, 40097},
		{"no path", "/wxa/getwxacode", `{}`, 40159},
		{"path of 1025", "/wxa/getwxacode", `{"path":"` + strings.Repeat("a", 1025) + `"}`, 40159},
		{"garbage path", "/wxa/getwxacode", `[]`, 40159},
		{"reserved word in path", "/wxa/getwxacode", `{"path":"a?scancode_time=1"}`, 85096},
		{"square path of 129", "/cgi-bin/wxaapp/createwxaqrcode", `{"path":"` + strings.Repeat("a", 129) + `"}`, 40159},
		{"square narrow", "/cgi-bin/wxaapp/createwxaqrcode", `{"path":"a","width":1}`, 40097},
	}
	token := w.token()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			wantErrcode(t, w.call(http.MethodPost, s.path+"?access_token="+token, s.body), s.want)
		})
	}
	a := w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+token, `{"scene":"a","page":"pages/new/new","check_path":false}`)
	if a.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("got %q for an unpublished page with check_path false, want a picture", a.body)
	}
}

func decodeImage(t *testing.T, raw []byte) (img image.Image, format string) {
	t.Helper()
	img, format, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("decode picture: %v", err)
	}
	return img, format
}

func TestCodePictures(t *testing.T) {
	w := newWorld(t)
	scenarios := []struct {
		name, path, body, format string
		width                    int
	}{
		{"default width", "/wxa/getwxacodeunlimit", `{"scene":"a"}`, "jpeg", 430},
		{"own width", "/wxa/getwxacodeunlimit", `{"scene":"a","width":280}`, "jpeg", 280},
		{"transparent", "/wxa/getwxacodeunlimit", `{"scene":"a","width":1280,"is_hyaline":true}`, "png", 1280},
		{"coloured by text", "/wxa/getwxacode", `{"path":"a?b=1","line_color":{"r":"7","g":"93","b":"60"}}`, "jpeg", 430},
		{"square", "/cgi-bin/wxaapp/createwxaqrcode", `{"path":"a?b=1","is_hyaline":true,"width":300}`, "jpeg", 300},
	}
	token := w.token()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.call(http.MethodPost, s.path+"?access_token="+token, s.body)
			img, format := decodeImage(t, a.body)
			if format != s.format || img.Bounds().Dx() != s.width || a.header.Get("Content-Type") != "image/"+s.format {
				t.Fatalf("got %s of %v as %s, want %s of %d", format, img.Bounds(), a.header.Get("Content-Type"), s.format, s.width)
			}
		})
	}
}

const sceneAlphabet = "0123456789abcXYZ!#$&'()*+,/:;=?@-._~"

func randomScene(dice *rand.Rand) string {
	scene := make([]byte, 1+dice.IntN(32))
	for i := range scene {
		scene[i] = sceneAlphabet[dice.IntN(len(sceneAlphabet))]
	}
	return string(scene)
}

// The owner's phone and an independent reader read a drawn code.
func TestScanRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range 50 {
		scene := randomScene(dice)
		body := jsonText(t, map[string]any{"scene": scene, "page": "pages/item/item", "is_hyaline": i%2 == 0, "width": 280 + dice.IntN(400)})
		a := w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+token, body)
		got := w.device("POST", "/people/p2/scan", map[string]any{"image": base64.StdEncoding.EncodeToString(a.body)})
		if got.text("scene") != scene || got.text("path") != "pages/item/item" || got.text("appid") != w.app.AppID {
			t.Fatalf("scan: got %s, want scene %q", got.body, scene)
		}
		raw, err := url.QueryUnescape(strings.TrimPrefix(got.text("query"), "scene="))
		if err != nil || raw != scene {
			t.Fatalf("got query %q, want scene %q percent-encoded", got.text("query"), scene)
		}
		checkIndependentReader(t, a.body, i%2 == 0, scene)
	}
}

func checkIndependentReader(t *testing.T, raw []byte, transparent bool, scene string) {
	t.Helper()
	if transparent {
		return // note: a plain reader takes transparent for black; the phone puts it on white
	}
	img, _ := decodeImage(t, raw)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil { // note: this reader misses about one clean picture in a hundred unless told that it is clean
		result, err = qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	}
	if err != nil {
		t.Fatalf("read code: %v", err)
	}
	u, err := url.Parse(result.GetText())
	if err != nil || u.Query().Get("scene") != scene {
		t.Fatalf("got %q, want a URL with scene %q", result.GetText(), scene)
	}
}

func TestScanOtherWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := "pages/item/item?" + strings.Repeat("k=v&", 200) + "z=1"
	a := w.call(http.MethodPost, "/wxa/getwxacode?access_token="+w.token(), jsonText(t, map[string]any{"path": long, "width": 280}))
	got := w.device("POST", "/people/p1/scan", map[string]any{"image": "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(a.body)})
	if path, query, _ := strings.Cut(long, "?"); got.text("path") != path || got.text("query") != query || got.text("scene") != "" {
		t.Errorf("long path: got %s", got.body)
	}
	w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+w.token(), `{"scene":"id=7","page":"pages/item/item"}`)
	if got := w.device("POST", "/people/p1/scan", map[string]any{"scene": "id=7"}); got.text("path") != "pages/item/item" || got.text("query") != "scene=id%3D7" {
		t.Errorf("known scene: got %s, want its page", got.body)
	}
	if got := w.device("POST", "/people/p1/scan", map[string]any{"scene": "new"}); got.text("path") != "pages/index/index" {
		t.Errorf("unknown scene: got %s, want the home page", got.body)
	}
	for about, in := range map[string]map[string]any{
		"nothing": {}, "no base64": {"image": "%%%"}, "no picture": {"image": "aGVsbG8="}, "other link": {"url": "https://example.com/"},
		"picture without a code": {"image": blankPNG},
	} {
		if a := w.call(http.MethodPost, "/_sim/people/p1/scan", jsonText(t, in)); a.status != http.StatusBadRequest || a.text("error") == "" {
			t.Errorf("%s: got %d %s, want 400 and an error", about, a.status, a.body)
		}
	}
	unknown := jsonText(t, map[string]any{"url": "https://mp.weixin.qq.invalid/a/0000"})
	if a := w.call(http.MethodPost, "/_sim/people/p1/scan", unknown); a.status != http.StatusNotFound {
		t.Errorf("unknown code: got %d, want 404", a.status)
	}
}

// blankPNG is one white pixel.
const blankPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="

func TestUnlimitedCodesPerMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	for range 5000 {
		w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+token, `{}`)
	}
	wantErrcode(t, w.call(http.MethodPost, "/wxa/getwxacodeunlimit?access_token="+token, `{"scene":"a"}`), 45009)
}

// A journal with 100000 counted codes leaves none to make.
func TestCountedCodesRunOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	w.close()
	appendJournal(t, w.dir, fmt.Sprintf(`[{"k":"count","id":%q,"v":{"appid":%q,"count":99999}}]`+"\n", w.app.AppID, w.app.AppID))
	w = openWorld(t, w.dir, w.clock)
	if a := w.call(http.MethodPost, "/wxa/getwxacode?access_token="+token, `{"path":"a"}`); a.header.Get("Content-Type") != "image/jpeg" {
		t.Fatalf("got %s, want the last picture", a.body)
	}
	wantErrcode(t, w.call(http.MethodPost, "/wxa/getwxacode?access_token="+token, `{"path":"a"}`), 45029)
	wantErrcode(t, w.call(http.MethodPost, "/cgi-bin/wxaapp/createwxaqrcode?access_token="+token, `{"path":"a"}`), 45029)
}

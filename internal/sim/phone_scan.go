package sim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // codes are JPEG
	_ "image/png"  // transparent codes are PNG
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v5"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// scanRequest is the body of scan; it needs one of image, scene and url.
type scanRequest struct {
	Image string `json:"image"` // base64 of a JPEG or PNG, with or without data:image/...;base64,
	Scene string `json:"scene"`
	URL   string `json:"url"` // the text inside a code, or a link
	AppID string `json:"appid"`

	Inside bool `json:"inside"` // a link tapped inside WeChat, not in a browser or a text message
}

// scanAnswer is how the mini program is opened: the page, its query as received (scene percent-encoded) and the scene
// itself.
type scanAnswer struct {
	AppID string `json:"appid"`
	Path  string `json:"path"`
	Query string `json:"query"`
	Scene string `json:"scene"`
	Env   string `json:"env"`
}

// deviceScan is a scan by the owner.
func (s *Sim) deviceScan(c *echo.Context) error {
	var in scanRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	p, err := s.owner(c)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if in.Image != "" {
		if in.URL, err = readImage(in.Image); err != nil {
			return badInput(err.Error())
		}
	}
	if isPayURL(in.URL) {
		return s.scanPayment(c, in.URL)
	}
	opened, err := s.openAny(in)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.findApp(opened.AppID); known {
		if _, err := s.use(opened.AppID, p.ID, s.Now()); err != nil {
			return err
		}
	}
	return c.JSONBlob(http.StatusOK, encode(opened))
}

// openAny follows a link, a code or a bare scene.
func (s *Sim) openAny(in scanRequest) (scanAnswer, error) {
	var code wxaCode
	var err error
	switch {
	case isLink(in.URL):
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.openLink(in.URL, in.Inside, s.Now())
	case in.URL != "":
		code, err = s.lookUp(in.URL)
	case in.Scene != "":
		code, err = s.lookUpScene(in.Scene, in.AppID)
	default:
		err = badInput("give image, scene or url")
	}
	return code.opened(), err
}

// opened is how the code opens its mini program. note: scene is percent-encoded, as on a real phone.
func (w wxaCode) opened() scanAnswer {
	path, query, _ := strings.Cut(w.Path, "?")
	if w.Scene != "" {
		query = "scene=" + strings.ReplaceAll(url.QueryEscape(w.Scene), "+", "%20")
	}
	return scanAnswer{AppID: w.AppID, Path: strings.TrimPrefix(path, "/"), Query: query, Scene: w.Scene, Env: w.Env}
}

// lookUp finds the target of a code's text: by its id, or by the text itself when another run made it.
func (s *Sim) lookUp(text string) (wxaCode, error) {
	rest, ok := strings.CutPrefix(text, codeHost)
	if !ok {
		return wxaCode{}, badInput("this is no mini program code")
	}
	id, query, _ := strings.Cut(rest, "?")
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.state.codes[id]; known != nil {
		return *known, nil
	}
	q, err := url.ParseQuery(query)
	if err != nil || q.Get("path") == "" {
		return wxaCode{}, notThere("nobody made this code")
	}
	appid, err := s.ownAppID(q.Get("appid"))
	if err != nil {
		return wxaCode{}, err
	}
	return wxaCode{ID: id, AppID: appid, Path: q.Get("path"), Scene: q.Get("scene"), Env: or(q.Get("env"), "release")}, nil
}

// lookUpScene opens the page of a code with this scene; without one the home page, as DevTools' compile mode does.
func (s *Sim) lookUpScene(scene, appid string) (wxaCode, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	appid, err := s.ownAppID(appid)
	if err != nil {
		return wxaCode{}, err
	}
	for _, id := range sortedKeys(s.state.codes) {
		if s.state.codes[id].Scene == scene && s.state.codes[id].AppID == appid {
			return *s.state.codes[id], nil
		}
	}
	return wxaCode{AppID: appid, Path: homePage, Scene: scene, Env: "release"}, nil
}

// maxPixels limits the sides of a picture.
const maxPixels = 3000

// readImage reads the text of the code in a base64 picture.
func readImage(text string) (content string, err error) {
	if _, data, ok := strings.Cut(text, ";base64,"); ok && strings.HasPrefix(text, "data:") {
		text = data
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return "", errors.New("image must be base64")
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || size.Width > maxPixels || size.Height > maxPixels {
		return "", fmt.Errorf("image must be a JPEG or PNG of at most %d pixels", maxPixels)
	}
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return "", errors.New("image is a broken JPEG or PNG")
	}
	return readCode(img)
}

// readCode decodes the QR code in img, on white where it is transparent.
func readCode(img image.Image) (content string, err error) {
	defer func() {
		if recover() != nil { // note: the decoder is made for cameras, not for hostile pictures
			content, err = "", errors.New("the picture cannot be read")
		}
	}()
	onWhite := image.NewRGBA(img.Bounds())
	draw.Draw(onWhite, onWhite.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(onWhite, onWhite.Bounds(), img, img.Bounds().Min, draw.Over)
	source := gozxing.NewLuminanceSourceFromImage(onWhite)
	for _, hints := range []map[gozxing.DecodeHintType]any{
		nil, {gozxing.DecodeHintType_TRY_HARDER: true}, {gozxing.DecodeHintType_PURE_BARCODE: true},
	} {
		for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
			bitmap, err := gozxing.NewBinaryBitmap(binarizer)
			if err != nil {
				continue
			}
			if result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints); err == nil {
				return result.GetText(), nil
			}
		}
	}
	return "", errors.New("no code was found in the picture")
}

package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"net/url"
	"strconv"
	"strings"

	"github.com/skip2/go-qrcode"

	"wxbase/internal/sim/book"
)

// codeHost is the invented host in the codes; `.invalid` never resolves.
const codeHost = "https://mp.weixin.qq.invalid/a/"

// longestCodeURL keeps the modules of a 280 pixel code large enough for a camera; a longer text is replaced by the id.
const longestCodeURL = 400

// ink is the colour of the lines; WeChat's sample sends the numbers as text: {"r":"0","g":"0","b":"0"}.
func (c codeStyle) ink() (color.NRGBA, error) {
	ink := color.NRGBA{A: 255}
	if len(c.LineColor) == 0 || c.AutoColor {
		return ink, nil
	}
	var in struct{ R, G, B json.RawMessage }
	if err := json.Unmarshal(c.LineColor, &in); err != nil {
		return ink, errors.New("line_color must be an object")
	}
	for _, part := range []struct {
		into *uint8
		raw  json.RawMessage
	}{{&ink.R, in.R}, {&ink.G, in.G}, {&ink.B, in.B}} {
		n, err := strconv.ParseUint(strings.Trim(string(part.raw), `"`), 10, 8)
		if err != nil {
			return ink, errors.New("line_color wants r, g and b of 0 to 255")
		}
		*part.into = uint8(n)
	}
	return ink, nil
}

// sendCode stores the code and answers with its picture.
func (s *Sim) sendCode(c *call, style codeStyle, code wxaCode, counted bool) reply {
	code.AppID, code.Env = c.appid, or(style.EnvVersion, "release")
	code.ID = code.hash()
	picture, contentType, err := render(code.url(), style)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	if errcode, reason := s.keepCode(code, counted); errcode != 0 {
		return c.refuse(errcode, reason)
	}
	return reply{status: 200, contentType: contentType, body: picture}
}

// keepCode stores a code and, for the counted kinds, its number, in one write. A failed request uses no number.
func (s *Sim) keepCode(code wxaCode, counted bool) (errcode int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []book.Row
	count := s.countOf(code.AppID)
	if counted {
		if count.Count > s.quota(quotaCounted) {
			return 45029, "more codes of these two kinds than " + quotaCounted
		}
		rows = append(rows, count)
	}
	unchecked := code.Scene != "" && !s.published(code.Path) // then check_path was false
	pages := s.uncheckedPages(code.AppID)
	if unchecked && !pages[code.Path] && len(pages) >= s.quota(quotaUnchecked) {
		return 41030, "more pages that are not published than " + quotaUnchecked
	}
	if s.state.codes[code.ID] == nil {
		rows = append(rows, code)
	}
	if len(rows) == 0 {
		return 0, ""
	}
	if err := s.save(rows...); err != nil {
		return -1, err.Error()
	}
	if counted {
		s.state.counts[code.AppID] = count
	}
	s.state.codes[code.ID] = &code
	if unchecked {
		pages[code.Path] = true
	}
	return 0, ""
}

// uncheckedPages are the unpublished pages of a mini program that have codes. The caller holds s.mu.
func (s *Sim) uncheckedPages(appid string) map[string]bool {
	if pages := s.state.unchecked[appid]; pages != nil {
		return pages
	}
	pages := map[string]bool{}
	for _, code := range s.state.codes {
		if code.AppID == appid && code.Scene != "" && !s.published(code.Path) {
			pages[code.Path] = true
		}
	}
	s.state.unchecked[appid] = pages
	return pages
}

// hash is the id of the code, derived from its target.
func (w wxaCode) hash() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{w.AppID, w.Path, w.Scene, w.Env}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// url is the text inside the code.
func (w wxaCode) url() string {
	q := url.Values{"appid": {w.AppID}, "path": {w.Path}, "env": {w.Env}}
	if w.Scene != "" {
		q.Set("scene", w.Scene)
	}
	if full := codeHost + w.ID + "?" + q.Encode(); len(full) <= longestCodeURL {
		return full
	}
	return codeHost + w.ID
}

// render draws a code as JPEG, or as PNG for a transparent ground.
func render(content string, style codeStyle) (picture []byte, contentType string, err error) {
	width := 430
	if style.Width != nil {
		width = *style.Width
	}
	code, err := qrcode.New(content, qrcode.Low) // note: large modules help a reader more than redundancy
	if err != nil {
		return nil, "", fmt.Errorf("make code: %w", err)
	}
	ink, err := style.ink()
	if err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	if style.IsHyaline {
		err = png.Encode(&out, paint(code.Bitmap(), width, ink, image.Transparent))
		return out.Bytes(), "image/png", err
	}
	err = jpeg.Encode(&out, paint(code.Bitmap(), width, ink, image.White), &jpeg.Options{Quality: 92})
	return out.Bytes(), "image/jpeg", err
}

// paint draws the modules (with the quiet zone) as whole pixels in the middle of a square of width.
func paint(modules [][]bool, width int, ink color.NRGBA, ground image.Image) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, width))
	draw.Draw(img, img.Bounds(), ground, image.Point{}, draw.Src)
	size := max(width/len(modules), 1)
	start := (width - size*len(modules)) / 2
	for y, line := range modules {
		for x, dark := range line {
			if !dark {
				continue
			}
			at := image.Rect(start+x*size, start+y*size, start+(x+1)*size, start+(y+1)*size)
			draw.Draw(img, at, image.NewUniform(ink), image.Point{}, draw.Src)
		}
	}
	return img
}

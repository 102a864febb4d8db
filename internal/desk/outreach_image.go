package desk

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // what WeChat draws
	"image/png"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/image/draw"

	"wxbase/internal/answer"
)

// codeWidths are the sizes in which a code can be had, in pixels: those of WeChat's own form.
var codeWidths = []int{280, 430, 1280}

// mostCodePixels is more than WeChat draws.
const mostCodePixels = 2_000 * 2_000

// showCodeImage handles GET /api/wx/admin/codes/{id}/image?width=: the stored picture, scaled. WeChat is not asked again.
func (p *outreachPage) showCodeImage(e *core.RequestEvent) error {
	width, err := strconv.Atoi(e.Request.URL.Query().Get("width"))
	if text := e.Request.URL.Query().Get("width"); text != "" && (err != nil || !slices.Contains(codeWidths, width)) {
		return answer.Field(answer.FieldInvalid, "width", "280, 430 or 1280")
	}
	r, err := rowOf(e, "wx_codes")
	if err != nil {
		return err
	}
	if r.GetString("image") == "" {
		return answer.Fail(answer.DeskRowNotFound, nil)
	}
	raw, err := readFile(e.App, r.BaseFilesPath()+"/"+r.GetString("image"))
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if width > 0 {
		if raw, err = scale(raw, width); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	e.Response.Header().Set("Cache-Control", "private, max-age=86400")
	return e.Blob(http.StatusOK, http.DetectContentType(raw), raw)
}

func readFile(app core.App, path string) ([]byte, error) {
	files, err := app.NewFilesystem()
	if err != nil {
		return nil, fmt.Errorf("open files: %w", err)
	}
	defer func() { _ = files.Close() }()
	file, err := files.GetReader(path)
	if err != nil {
		return nil, fmt.Errorf("open picture: %w", err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	return raw, nil
}

// scale draws a picture at another width, as PNG: the edges of a code have to stay sharp.
func scale(raw []byte, width int) ([]byte, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || config.Width < 1 || config.Width*config.Height > mostCodePixels {
		return nil, fmt.Errorf("scale picture of %d x %d: %w", config.Width, config.Height, err)
	}
	from, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("decode picture: %w", err)
	}
	to := image.NewRGBA(image.Rect(0, 0, width, width*config.Height/config.Width))
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, to); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return out.Bytes(), nil
}

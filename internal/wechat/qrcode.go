package wechat

import (
	"context"
	"net/http"
)

const (
	opUnlimited = "getUnlimitedQRCode"
	opCode      = "getQRCode"
	opQRCode    = "createQRCode"
)

// CodeKind is one of WeChat's three kinds of codes.
type CodeKind string

// The kinds of codes. An app can make 100 000 of CodePlain and CodeSquare together in its life.
const (
	// CodeUnlimited is a round code with a scene, not counted: getwxacodeunlimit.
	CodeUnlimited CodeKind = "unlimited"
	// CodePlain is a round code with a path: getwxacode.
	CodePlain CodeKind = "code"
	// CodeSquare is a QR code with a path, discouraged by WeChat: createwxaqrcode.
	CodeSquare CodeKind = "qrcode"
)

// Color is the colour of a code's lines, each part 0 to 255.
type Color struct {
	R int `json:"r"`
	G int `json:"g"`
	B int `json:"b"`
}

// CodeRequest asks for a code. Zero values mean WeChat's defaults.
type CodeRequest struct {
	// Kind decides which fields apply; empty means CodeUnlimited. The methods of Client set it.
	Kind CodeKind
	// Scene is 1 to 32 of digits, letters and !#$&'()*+,/:;=?@-._~ (CodeUnlimited).
	Scene string
	// Page has no leading slash and no query; empty is the home page (CodeUnlimited).
	Page string
	// CheckPath false lets Page be unpublished; nil is WeChat's default, true (CodeUnlimited).
	CheckPath *bool
	// Path may have a query; 1 to 1024 characters, 128 for CodeSquare (CodePlain, CodeSquare).
	Path string
	// Width is in pixels, 280 to 1280; 0 is WeChat's default, 430.
	Width int
	// AutoColor lets WeChat choose the colour (not CodeSquare).
	AutoColor bool
	// LineColor needs AutoColor false (not CodeSquare).
	LineColor *Color
	// IsHyaline makes the ground transparent (not CodeSquare).
	IsHyaline bool
	// EnvVersion is release, trial or develop; empty is release (not CodeSquare).
	EnvVersion string
}

// codeWire is the body of all three calls.
type codeWire struct {
	Scene      string `json:"scene,omitempty"`
	Page       string `json:"page,omitempty"`
	CheckPath  *bool  `json:"check_path,omitempty"`
	Path       string `json:"path,omitempty"`
	Width      int    `json:"width,omitempty"`
	AutoColor  bool   `json:"auto_color,omitempty"`
	LineColor  *Color `json:"line_color,omitempty"`
	IsHyaline  bool   `json:"is_hyaline,omitempty"`
	EnvVersion string `json:"env_version,omitempty"`
}

// UnlimitedCode makes a round code with a scene: POST /wxa/getwxacodeunlimit
// (server/API/qrcode-link/qr-code/api_getunlimitedqrcode.html, 获取不限制的小程序码), at most 5000 a minute. Errors: KindArgs
// before any call (see [ValidateCode]) or by WeChat (41030: page not published), KindRate, KindBadAnswer with one of
// this package's ErrImage errors when the answer is not a complete image.
func (c *Client) UnlimitedCode(ctx context.Context, r CodeRequest) (Image, error) {
	r.Kind = CodeUnlimited
	return c.code(ctx, r, call{op: opUnlimited, path: "/wxa/getwxacodeunlimit", repeatable: true})
}

// Code makes a round code with a path: POST /wxa/getwxacode (server/API/qrcode-link/qr-code/api_getqrcode.html,
// 获取小程序码). Errors as in UnlimitedCode, and KindQuota when the 100 000 are used up. It is not repeated after a lost
// answer, because it may have been counted.
func (c *Client) Code(ctx context.Context, r CodeRequest) (Image, error) {
	r.Kind = CodePlain
	return c.code(ctx, r, call{op: opCode, path: "/wxa/getwxacode"})
}

// QRCode makes a square QR code with a path: POST /cgi-bin/wxaapp/createwxaqrcode
// (server/API/qrcode-link/qr-code/api_createqrcode.html, 获取小程序二维码). Quota and errors are those of Code.
func (c *Client) QRCode(ctx context.Context, r CodeRequest) (Image, error) {
	r.Kind = CodeSquare
	return c.code(ctx, r, call{op: opQRCode, path: "/cgi-bin/wxaapp/createwxaqrcode"})
}

func (c *Client) code(ctx context.Context, r CodeRequest, q call) (Image, error) {
	if err := ValidateCode(r); err != nil {
		return Image{}, err
	}
	var img Image
	q.method, q.needsToken, q.limit = http.MethodPost, true, imageLimit
	q.body = codeWire{
		Scene: r.Scene, Page: r.Page, CheckPath: r.CheckPath, Path: r.Path, Width: r.Width,
		AutoColor: r.AutoColor, LineColor: r.LineColor, IsHyaline: r.IsHyaline, EnvVersion: r.EnvVersion,
	}
	q.accept = func(body []byte) (err error) {
		img, err = ParseImage(body)
		return err
	}
	if _, err := c.do(ctx, q); err != nil {
		return Image{}, err
	}
	return img, nil
}

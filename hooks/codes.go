package hooks

import (
	"context"
	"encoding/json"

	"wxbase/internal/answer"
	"wxbase/internal/codes"
)

// NewCode is a mini-program code to make: with a payload that the page gets back from GET /api/wx/scenes/{scene}, or with a plain scene.
type NewCode struct {
	User    string // id of the user whose code it is, who is the inviter of whom it brings; empty for nobody's
	AppID   string // of the mini program; empty for the only one
	Kind    string // "unlimited" when empty; "code" and "qrcode" have a path instead of a scene, and WeChat makes 100,000 of them at most
	Page    string // without a leading slash; the home page when empty
	Payload any    // what encoding/json takes; nil for none
	Scene   string // a plain scene instead of Payload: 1 to 32 of digits, letters and !#$&'()*+,/:;=?@-._~; the code is nobody's then
	Width   int    // pixels, 280 to 1280; 430 when zero

	Transparent bool   // without a background
	EnvVersion  string // "release", "trial" or "develop"; what the settings say when empty
	Unpublished bool   // Page need not be published
}

// Code is a mini-program code. URL is the path of its picture on this server.
type Code struct {
	ID     string
	Kind   string
	Page   string
	Scene  string
	URL    string
	Reused bool // the same was made before
}

// MakeCode makes a mini-program code (小程序码) as POST /api/wx/codes does, and keeps the picture; one of a User counts for the codes that the
// user may have in a day. The same wish again gives the same code and asks WeChat nothing, however many ask at once. It gives up after 30
// seconds, or with ctx. The error is the one that the route would answer, with a code of docs/errors.md: code_arguments_invalid is the one to
// expect. Do not call it inside of a transaction.
func (p *Plugin) MakeCode(ctx context.Context, c NewCode) (Code, error) {
	form := codes.CodeForm{
		Kind: c.Kind, AppID: c.AppID, Page: c.Page, Scene: c.Scene, Width: c.Width, IsHyaline: c.Transparent, EnvVersion: c.EnvVersion,
	}
	if c.Payload != nil {
		var err error
		if form.Payload, err = json.Marshal(c.Payload); err != nil {
			return Code{}, answer.With(answer.CodeArgs, "reason", err.Error())
		}
	}
	if c.Unpublished {
		form.CheckPath = new(bool)
	}
	r, reused, err := p.codes.Make(ctx, c.User, form)
	if err != nil {
		return Code{}, err
	}
	url := "/api/files/" + r.BaseFilesPath() + "/" + r.GetString("image")
	return Code{r.Id, r.GetString("kind"), r.GetString("page"), r.GetString("scene"), url, reused}, nil
}

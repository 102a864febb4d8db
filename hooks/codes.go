package hooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/scene"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// codeForm is the body of POST /api/wx/codes. Payload is any JSON of at most 4 KB that the page gets back when the code is
// scanned; scene is for programs that make their own.
type codeForm struct {
	Kind       string          `json:"kind"`
	AppID      string          `json:"appid"`
	Page       string          `json:"page"`
	Payload    json.RawMessage `json:"payload"`
	Scene      string          `json:"scene"`
	Width      int             `json:"width"`
	AutoColor  bool            `json:"autoColor"`
	LineColor  *wechat.Color   `json:"lineColor"`
	IsHyaline  bool            `json:"isHyaline"`
	EnvVersion string          `json:"envVersion"`
	CheckPath  *bool           `json:"checkPath"`
}

// codeTimeout bounds the making of a code, the wait for others who make the same one included.
const codeTimeout = 30 * time.Second

// codePlan is a checked request for a code.
type codePlan struct {
	app     settings.App
	kind    wechat.CodeKind
	request wechat.CodeRequest
	payload string // canonical JSON, empty for none
	key     string // the same for the same request of the same user
}

// createCode handles POST /api/wx/codes: it makes a mini-program code, keeps the picture as a file, and gives the same one again
// for the same request, however many ask at once.
func (p *Plugin) createCode(e *core.RequestEvent) error {
	var form codeForm
	if err := e.BindBody(&form); err != nil {
		return asAnswer(err, errBadRequest)
	}
	plan, err := p.planCode(e, form)
	if err != nil {
		return err
	}
	if record, err := findCode(e.App, plan.key); record != nil || err != nil {
		return answerCode(e, record, true, err)
	}
	// note: a code that was asked for is kept even when the phone hangs up; and who waits for one does not wait for ever
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), codeTimeout)
	defer cancel()
	unlock, err := p.locks.lockContext(ctx, "code/"+plan.key)
	if err != nil {
		return fail(errWxBusy, err)
	}
	defer unlock()
	if record, err := findCode(e.App, plan.key); record != nil || err != nil {
		return answerCode(e, record, true, err)
	}
	record, err := p.makeCode(ctx, e, plan)
	return answerCode(e, record, false, err)
}

// planCode checks everything before WeChat is asked.
func (p *Plugin) planCode(e *core.RequestEvent, form codeForm) (codePlan, error) {
	app, err := p.appOf(e, form.AppID)
	if err != nil {
		return codePlan{}, err
	}
	plan := codePlan{app: app, kind: wechat.CodeKind(form.Kind), request: wechat.CodeRequest{
		Page: form.Page, Scene: form.Scene, Width: form.Width, AutoColor: form.AutoColor, LineColor: form.LineColor,
		IsHyaline: form.IsHyaline, EnvVersion: form.EnvVersion, CheckPath: form.CheckPath,
	}}
	if plan.kind == "" {
		plan.kind = wechat.CodeUnlimited
	}
	if plan.request.EnvVersion == "" && plan.kind != wechat.CodeSquare {
		plan.request.EnvVersion = app.EnvVersion
	}
	plan.request.Kind = plan.kind
	if len(form.Payload) > 0 && string(form.Payload) != "null" {
		if plan.payload, err = scene.CanonicalJSON(form.Payload); err != nil {
			return plan, failWith(errCodeArgs, "reason", err.Error())
		}
		if !survivesColumn(plan.payload) {
			return plan, failWith(errCodeArgs, "reason", "a bare number as payload must be an integer of at most 15 digits")
		}
	}
	if err := plan.settleScene(); err != nil {
		return plan, err
	}
	options, err := json.Marshal(plan.request)
	if err != nil {
		return plan, fail(errBadRequest, err)
	}
	user := ""
	if !e.HasSuperuserAuth() {
		user = e.Auth.Id
	}
	plan.key = scene.Key(app.AppID, user, plan.payload, string(options))
	return plan, nil
}

// survivesColumn tells whether a payload comes back from the database as it went in.
// note: the column's type is JSON, which gives it SQLite's numeric affinity: a bare 12345678901234567890 turns into 1.23e19.
func survivesColumn(payload string) bool {
	if strings.IndexByte("-0123456789", payload[0]) < 0 {
		return true
	}
	n, err := strconv.ParseInt(payload, 10, 64)
	return err == nil && len(payload) <= 15 && strconv.FormatInt(n, 10) == payload
}

// settleScene checks the request as it will be sent. A payload gets its scene later; a stand-in takes its place in the check.
func (plan *codePlan) settleScene() error {
	r := plan.request
	if plan.kind == wechat.CodeUnlimited {
		if (plan.payload == "") == (r.Scene == "") {
			return failWith(errCodeArgs, "reason", "exactly one of payload and scene is needed")
		}
		if r.Scene == "" {
			r.Scene = "0"
		} else if scene.KindOf(r.Scene) != scene.KindPlain {
			return failWith(errCodeArgs, "reason", "the scene looks like one of ours; choose another first character")
		}
	} else {
		if plan.payload != "" || r.Scene != "" {
			return failWith(errCodeArgs, "reason", "only codes of kind unlimited carry a payload or a scene")
		}
		plan.request.Path, plan.request.Page = r.Page, ""
		r = plan.request
	}
	if err := wechat.ValidateCode(r); err != nil {
		refusal := fail(errCodeArgs, err)
		if we, ok := errors.AsType[*wechat.Error](err); ok {
			refusal.Data["reason"] = we.Error()
		}
		return refusal
	}
	return nil
}

// appOf is the mini program that a signed-in person means.
func (p *Plugin) appOf(e *core.RequestEvent, appID string) (settings.App, error) {
	if appID == "" && !e.HasSuperuserAuth() {
		identity, err := identityOf(e.App, e.Auth.Id, "")
		if err != nil {
			return settings.App{}, fail(errIdentityMissing, err)
		}
		appID = identity.GetString("appid")
	}
	app, err := p.settings.App(appID)
	if err != nil {
		return app, failWechat(err)
	}
	return app, nil
}

// makeCode asks WeChat and stores the picture.
func (p *Plugin) makeCode(ctx context.Context, e *core.RequestEvent, plan codePlan) (*core.Record, error) {
	release, err := p.takeScene(ctx, e.App, &plan)
	if err != nil {
		return nil, err
	}
	defer release()
	image, err := p.askCode(ctx, plan)
	if err != nil {
		if we, ok := errors.AsType[*wechat.Error](err); ok && we.Errcode == 41030 {
			return nil, fail(errCodePage, err)
		}
		return nil, failWechat(err)
	}
	return saveCode(e, plan, image)
}

func (p *Plugin) askCode(ctx context.Context, plan codePlan) (wechat.Image, error) {
	client := p.clients.wechatFor(plan.app)
	switch plan.kind {
	case wechat.CodePlain:
		return client.Code(ctx, plan.request)
	case wechat.CodeSquare:
		return client.QRCode(ctx, plan.request)
	default:
		return client.UnlimitedCode(ctx, plan.request)
	}
}

// takeScene settles the scene of a code and holds it until the code is stored, because a scene leads to one code only. A short
// payload is packed into the scene itself; every other one, or one whose packed scene belongs to another code, gets a token that
// nobody can guess.
func (p *Plugin) takeScene(ctx context.Context, app core.App, plan *codePlan) (release func(), err error) {
	free, packed := func() {}, true
	if plan.payload != "" {
		plan.request.Scene, packed = scene.Pack(json.RawMessage(plan.payload))
	}
	switch {
	case plan.kind != wechat.CodeUnlimited:
		return free, nil
	case !packed:
		plan.request.Scene = scene.New()
		return free, nil
	}
	release, err = p.locks.lockContext(ctx, "scene/"+plan.request.Scene)
	if err != nil {
		return nil, fail(errWxBusy, err)
	}
	_, err = app.FindFirstRecordByData("wx_codes", "scene", plan.request.Scene)
	if errors.Is(err, sql.ErrNoRows) {
		return release, nil
	}
	release()
	switch {
	case err != nil:
		return nil, fail(errBusyHere, err)
	case plan.payload == "":
		return nil, fail(errSceneTaken, nil)
	}
	plan.request.Scene = scene.New()
	return free, nil
}

// saveCode stores the code with its picture.
func saveCode(e *core.RequestEvent, plan codePlan, image wechat.Image) (*core.Record, error) {
	c, err := e.App.FindCachedCollectionByNameOrId("wx_codes")
	if err != nil {
		return nil, err
	}
	file, err := filesystem.NewFileFromBytes(image.Bytes, "code."+image.Format)
	if err != nil {
		return nil, fmt.Errorf("keep picture: %w", err)
	}
	options := plan.request
	options.Page, options.Path, options.Scene = "", "", "" // they have columns of their own
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"appid": plan.app.AppID, "kind": string(plan.kind), "page": plan.request.Page + plan.request.Path, "scene": plan.request.Scene,
		"options": options, "key": plan.key, "image": file,
	})
	if plan.payload != "" {
		r.Set("payload", json.RawMessage(plan.payload))
	}
	if !e.HasSuperuserAuth() {
		r.Set("user", e.Auth.Id)
	}
	if err := e.App.Save(r); err != nil {
		return nil, fmt.Errorf("save code: %w", err)
	}
	return r, nil
}

// findCode gives nil where there is none.
func findCode(app core.App, key string) (*core.Record, error) {
	r, err := app.FindFirstRecordByData("wx_codes", "key", key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no code is no mistake
	}
	return r, err
}

func answerCode(e *core.RequestEvent, r *core.Record, reused bool, err error) error {
	if err != nil {
		if answer, ok := errors.AsType[*router.ApiError](err); ok {
			return answer
		}
		return fail(errBusyHere, err)
	}
	return e.JSON(http.StatusOK, map[string]any{
		"id": r.Id, "kind": r.GetString("kind"), "page": r.GetString("page"), "scene": r.GetString("scene"),
		"url": "/api/files/" + r.BaseFilesPath() + "/" + r.GetString("image"), "reused": reused,
	})
}

// openScene handles GET /api/wx/scenes/{scene}: what a page does with query.scene. It understands scenes as the page receives them,
// percent-encoded, and counts the scan.
func (p *Plugin) openScene(e *core.RequestEvent) error {
	wanted, err := scene.Normalize(e.Request.PathValue("scene"))
	if err != nil {
		return fail(errSceneMissing, err)
	}
	r, err := e.App.FindFirstRecordByData("wx_codes", "scene", wanted)
	if errors.Is(err, sql.ErrNoRows) {
		return fail(errSceneMissing, nil)
	}
	if err != nil {
		return fail(errBusyHere, err)
	}
	// note: one statement, because two people may scan at once; record hooks are not worth a transaction here
	_, err = e.App.NonconcurrentDB().NewQuery("UPDATE wx_codes SET scans = scans + 1, lastScanAt = {:now} WHERE id = {:id}").
		Bind(dbx.Params{"now": p.now().UTC().Format("2006-01-02 15:04:05.000Z"), "id": r.Id}).Execute()
	if err != nil {
		return fail(errBusyHere, err)
	}
	event := &ScanEvent{App: e.App, Code: r, User: e.Auth}
	return p.onCodeScanned.Trigger(event, func(*ScanEvent) error {
		var payload any
		if text := r.GetString("payload"); text != "" && text != "null" {
			payload = json.RawMessage(text)
		}
		return e.JSON(http.StatusOK, map[string]any{"page": r.GetString("page"), "payload": payload})
	})
}

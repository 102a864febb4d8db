package codes

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

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/people"
	"wxbase/internal/scene"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// CodeForm is the body of POST /api/wx/codes. Payload is any JSON of at most 4 KB that the page gets back when the code is
// scanned; scene is for programs that make their own.
type CodeForm struct {
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
	user    string // whose it will be; empty for nobody's
	maker   string // the user who asks; empty for a superuser or a program
	payload string // canonical JSON, empty for none
	key     string // the same for the same request of the same user, or of anybody for a plain scene
	isKept  bool   // only one that is there already is given
}

// CreateCode handles POST /api/wx/codes: it makes a mini-program code, keeps the picture as a file, and gives the same one again
// for the same request, however many ask at once.
func (c *Codes) CreateCode(e *core.RequestEvent) error {
	var form CodeForm
	if err := answer.ReadByRank(e, &form); err != nil {
		return err
	}
	app, err := c.appOf(e, form.AppID)
	if err != nil {
		return err
	}
	user := ""
	if !desk.IsOperator(e) {
		user = e.Auth.Id
	}
	plan, err := PlanCode(app, user, form)
	if err != nil {
		return err
	}
	plan.isKept = plan.isPlain() && user != "" && c.PlainBySuperusers
	// note: a code that was asked for is kept even when the phone hangs up
	record, reused, err := c.ObtainCode(context.WithoutCancel(e.Request.Context()), e.App, plan)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	return e.JSON(http.StatusOK, DescribeCode(record, reused))
}

// ObtainCode finds the code of a request, or has it made. It gives up waiting after codeTimeout.
func (c *Codes) ObtainCode(ctx context.Context, app core.App, plan codePlan) (record *core.Record, reused bool, err error) {
	if record, err = findCode(app, plan); record != nil || err != nil {
		return record, true, err
	}
	if plan.isKept {
		return nil, false, answer.Fail(answer.SceneReserved, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, codeTimeout)
	defer cancel()
	unlock, err := c.Locks.LockContext(ctx, "code/"+plan.key)
	if err != nil {
		return nil, false, answer.Fail(answer.WxBusy, err)
	}
	defer unlock()
	if record, err = findCode(app, plan); record != nil || err != nil {
		return record, true, err
	}
	record, err = c.makeCode(ctx, app, plan)
	return record, false, err
}

// Make plans and obtains a code for a program of the shop: a user's, or one without a user. The error is the route's
// answer.
func (c *Codes) Make(ctx context.Context, user string, form CodeForm) (record *core.Record, reused bool, err error) {
	app, err := c.Accounts.Settings.App(form.AppID)
	if err != nil {
		return nil, false, answer.FromWechat(err)
	}
	plan, err := PlanCode(app, user, form)
	if err != nil {
		return nil, false, err
	}
	if record, reused, err = c.ObtainCode(ctx, c.App, plan); err != nil {
		return nil, false, answer.Or(err, answer.Busy)
	}
	return record, reused, nil
}

// PlanCode checks everything before WeChat is asked.
func PlanCode(app settings.App, user string, form CodeForm) (plan codePlan, err error) {
	plan = codePlan{app: app, user: user, maker: user, kind: wechat.CodeKind(form.Kind), request: wechat.CodeRequest{
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
			return plan, answer.With(answer.CodeArgs, "reason", err.Error())
		}
		if !survivesColumn(plan.payload) {
			return plan, answer.With(answer.CodeArgs, "reason", "a bare number as payload must be an integer of at most 15 digits")
		}
	}
	if err := plan.settleScene(); err != nil {
		return plan, err
	}
	if plan.isPlain() {
		plan.user = ""
	}
	options, err := json.Marshal(plan.request)
	if err != nil {
		return plan, answer.Fail(answer.BadRequest, err)
	}
	plan.key = scene.Key(app.AppID, plan.user, plan.payload, string(options))
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
			return answer.With(answer.CodeArgs, "reason", "exactly one of payload and scene is needed")
		}
		if r.Scene == "" {
			r.Scene = "0"
		} else if scene.KindOf(r.Scene) != scene.KindPlain {
			return answer.With(answer.CodeArgs, "reason", "the scene looks like one of ours; choose another first character")
		}
	} else {
		if plan.payload != "" || r.Scene != "" {
			return answer.With(answer.CodeArgs, "reason", "only codes of kind unlimited carry a payload or a scene")
		}
		plan.request.Path, plan.request.Page = r.Page, ""
		r = plan.request
	}
	if err := wechat.ValidateCode(r); err != nil {
		refusal := answer.Fail(answer.CodeArgs, err)
		if we, ok := errors.AsType[*wechat.Error](err); ok {
			refusal.Data["reason"] = we.Error()
		}
		return refusal
	}
	return nil
}

// appOf is the mini program that a signed-in person means.
// note: where there is only one, who they are in it is not looked up, because a code that is there already shall cost one read.
func (c *Codes) appOf(e *core.RequestEvent, appID string) (settings.App, error) {
	apps, err := c.Accounts.Settings.Apps()
	if err != nil {
		return settings.App{}, answer.Fail(answer.Busy, err)
	}
	if appID == "" && !desk.IsOperator(e) && len(apps) > 1 {
		identity, err := people.IdentityOf(e.App, e.Auth.Id, "")
		if err != nil {
			return settings.App{}, answer.Fail(answer.IdentityMissing, err)
		}
		appID = identity.GetString("appid")
	}
	app, err := c.Accounts.Settings.App(appID)
	if err != nil {
		return app, answer.FromWechat(err)
	}
	return app, nil
}

// makeCode asks WeChat and stores the picture.
func (c *Codes) makeCode(ctx context.Context, app core.App, plan codePlan) (*core.Record, error) {
	release, err := c.takeScene(ctx, app, &plan)
	if err != nil {
		return nil, err
	}
	defer release()
	conclude, err := c.takeCodeQuotas(app, plan)
	if err != nil {
		return nil, err
	}
	image, err := c.askCode(ctx, plan)
	conclude(err)
	if err != nil {
		return nil, failPicture(err)
	}
	return saveCode(app, plan, image)
}

// failPicture turns an error of a call for a picture into an answer: each thing that WeChat sends instead has its own
// code.
func failPicture(cause error) error {
	we, ok := errors.AsType[*wechat.Error](cause)
	if !ok {
		return answer.FromWechat(cause)
	}
	switch {
	case we.Errcode == 41030:
		return answer.Fail(answer.CodePage, cause)
	case we.Errcode == 45029:
		return answer.Fail(answer.CodeQuota, cause)
	case we.Errcode == 45009: // note: elsewhere it is a day's quota; for codes it is the 5000 of a minute
		return answer.Fail(answer.WxRate, cause)
	case errors.Is(cause, wechat.ErrImageJSON):
		return answer.Fail(answer.CodeJSON, cause)
	case errors.Is(cause, wechat.ErrImageHTML):
		return answer.Fail(answer.CodeHTML, cause)
	case errors.Is(cause, wechat.ErrImageTruncated):
		return answer.Fail(answer.CodeTruncated, cause)
	case errors.Is(cause, wechat.ErrEmpty):
		return answer.Fail(answer.CodeEmpty, cause)
	case errors.Is(cause, context.DeadlineExceeded):
		return answer.Fail(answer.CodeSilence, cause)
	default:
		return answer.FromWechat(cause)
	}
}

func (c *Codes) askCode(ctx context.Context, plan codePlan) (wechat.Image, error) {
	client := c.Accounts.Wechat(plan.app)
	switch plan.kind {
	case wechat.CodePlain:
		return client.Code(ctx, plan.request)
	case wechat.CodeSquare:
		return client.QRCode(ctx, plan.request)
	default:
		return client.UnlimitedCode(ctx, plan.request)
	}
}

// takeScene chooses the scene of a payload and holds it until the code is stored, because such a scene leads to one
// code only. A short payload is packed into the scene itself; any other one, or one whose packed scene belongs to
// another code, gets a random token.
func (c *Codes) takeScene(ctx context.Context, app core.App, plan *codePlan) (release func(), err error) {
	free := func() {}
	if plan.payload == "" {
		return free, nil
	}
	packed, ok := scene.Pack(json.RawMessage(plan.payload))
	if !ok {
		plan.request.Scene = scene.New()
		return free, nil
	}
	release, err = c.Locks.LockContext(ctx, "scene/"+packed)
	if err != nil {
		return nil, answer.Fail(answer.WxBusy, err)
	}
	plan.request.Scene = packed
	_, err = books.Find(app, "wx_codes", dbx.HashExp{"scene": packed})
	if errors.Is(err, sql.ErrNoRows) {
		return release, nil
	}
	release()
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	plan.request.Scene = scene.New()
	return free, nil
}

// saveCode stores the code with its picture.
func saveCode(app core.App, plan codePlan, image wechat.Image) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId("wx_codes")
	if err != nil {
		return nil, err
	}
	file, err := filesystem.NewFileFromBytes(image.Bytes, "code."+image.Format)
	if err != nil {
		return nil, fmt.Errorf("keep picture: %w", err)
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"appid": plan.app.AppID, "kind": string(plan.kind), "page": plan.request.Page + plan.request.Path, "scene": plan.request.Scene,
		"options": plan.options(), "key": plan.key, "image": file, "maker": plan.maker,
	})
	if plan.payload != "" {
		r.Set("payload", json.RawMessage(plan.payload))
	}
	r.Set("user", plan.user)
	if err := books.Save(app, r); err != nil {
		return nil, fmt.Errorf("save code: %w", err)
	}
	return r, nil
}

// options are the look of a code. Page, path and scene have their own columns.
func (plan codePlan) options() wechat.CodeRequest {
	options := plan.request
	options.Page, options.Path, options.Scene = "", "", ""
	return options
}

// findCode gives nil where there is none.
func findCode(app core.App, plan codePlan) (*core.Record, error) {
	r, err := books.Find(app, "wx_codes", dbx.HashExp{"key": plan.key})
	switch {
	case !errors.Is(err, sql.ErrNoRows):
		return r, err
	case plan.isPlain():
		return findPlainCode(app, plan)
	default:
		return nil, nil //nolint:nilnil // no code is no mistake
	}
}

// DescribeCode is a code as the API answers it.
func DescribeCode(r *core.Record, reused bool) map[string]any {
	return map[string]any{
		"id": r.Id, "kind": r.GetString("kind"), "page": r.GetString("page"), "scene": r.GetString("scene"),
		"url": "/api/files/" + r.BaseFilesPath() + "/" + r.GetString("image"), "reused": reused,
	}
}

// OpenScene handles GET /api/wx/scenes/{scene}: what a page does with query.scene. It understands scenes as the page receives them,
// percent-encoded, and counts the scan. Several codes may have one plain scene: page and appid of the query say which one is meant.
func (c *Codes) OpenScene(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	r, err := findScene(e.App, e.Request.PathValue("scene"), query.Get("appid"), query.Get("page"))
	if errors.Is(err, sql.ErrNoRows) {
		return answer.Fail(answer.SceneMissing, err)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	// note: the page opens all the same; only the count stops for a person who repeats it
	if c.scanMinute.Allow(limit.Sender(e), c.Limits.ScansPerMinute, c.Now()) {
		if err := c.countScan(e.App, r, scanner(e)); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	} else {
		c.Metrics.Refuse("scan_not_counted")
	}
	event := &events.ScanEvent{App: e.App, Code: r, User: e.Auth, Invited: c.keepInviter(e.App, r, scanner(e))}
	return c.OnCodeScanned.Trigger(event, func(*events.ScanEvent) error {
		var payload any
		if text := r.GetString("payload"); text != "" && text != "null" {
			payload = json.RawMessage(text)
		}
		return e.JSON(http.StatusOK, map[string]any{"page": r.GetString("page"), "payload": payload})
	})
}

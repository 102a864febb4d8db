package screening

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/people"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// MaxCheckImage is the largest image that WeChat looks at, in bytes.
const MaxCheckImage = 10 << 20

// States of wx_checks.
const (
	checkPending = "PENDING" // WeChat has not answered yet
	checkPass    = "PASS"
	checkReview  = "REVIEW" // WeChat wants a person to look
	checkRisky   = "RISKY"
	checkFailed  = "FAILED" // WeChat could not look at it
)

// CheckText handles POST /api/wx/check/text: `{content, scene?: 1|2|3|4, title?, nickname?, signature?, appid?}` -> `{suggest, label}`,
// where suggest is pass, review or risky. The person must have used the mini program within two hours, says WeChat.
func (s *Screening) CheckText(e *core.RequestEvent) error {
	var form struct {
		Content   string `json:"content"`
		Scene     int    `json:"scene"`
		Title     string `json:"title"`
		Nickname  string `json:"nickname"`
		Signature string `json:"signature"`
		AppID     string `json:"appid"`
	}
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	app, openID, err := s.writer(e.App, e.Auth.Id, form.AppID)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), accounts.CallTimeout)
	defer cancel()
	conclude, err := s.Books.SpendDaily(e.App, s.Books.Daily("checks", e.Auth.Id, s.Limits.ChecksPerDay), 1, answer.CheckLimit, "day")
	if err != nil {
		return err
	}
	found, err := s.Accounts.Wechat(app).CheckText(ctx, wechat.TextCheck{
		Content: form.Content, Scene: sceneOr(form.Scene, wechat.SceneComment), OpenID: openID,
		Title: form.Title, Nickname: form.Nickname, Signature: form.Signature,
	})
	conclude(err)
	if err != nil {
		return failCheck(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"suggest": found.Suggest, "label": found.Label})
}

func sceneOr(scene int, otherwise wechat.CheckScene) wechat.CheckScene {
	if scene == 0 {
		return otherwise
	}
	return wechat.CheckScene(scene)
}

// writer finds the author's mini program and openid.
func (s *Screening) writer(db core.App, user, appID string) (app settings.App, openID string, err error) {
	identity, err := people.IdentityOf(db, user, appID)
	if err != nil {
		return app, "", answer.Fail(answer.IdentityMissing, err)
	}
	app, err = s.Accounts.Settings.App(identity.GetString("appid"))
	if err != nil {
		return app, "", answer.FromWechat(err)
	}
	return app, identity.GetString("openid"), nil
}

// failCheck turns an error of a check into an answer.
func failCheck(cause error) *router.ApiError {
	if answer, ok := errors.AsType[*router.ApiError](cause); ok {
		return answer
	}
	if we, ok := errors.AsType[*wechat.Error](cause); ok && we.Kind == wechat.KindArgs && we.Errcode == 0 {
		return answer.WithReason(answer.CheckArgs, cause)
	}
	return answer.FromWechat(cause)
}

// CheckImage handles POST /api/wx/check/image: a form with the image in `file`, as wx.uploadFile sends it, or `{collection, record, field,
// file?}` for one that is in a record that the person can see -> `{suggest: "pending", id}`. WeChat fetches the image and pushes what it
// found within half an hour; the row wx_checks/{id}, which its owner may read and listen to, then has it in `state`.
func (s *Screening) CheckImage(e *core.RequestEvent) error {
	var form struct {
		AppID      string `json:"appid" form:"appid"`
		Scene      int    `json:"scene" form:"scene"`
		Collection string `json:"collection" form:"collection"`
		Record     string `json:"record" form:"record"`
		Field      string `json:"field" form:"field"`
		File       string `json:"file" form:"-"`
	}
	if err := answer.ReadUpload(e, &form); err != nil {
		return err
	}
	app, openID, err := s.writer(e.App, e.Auth.Id, form.AppID)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	row, err := newCheck(e.App, e.Auth.Id, app.AppID, openID, "image", checkPending)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	files, err := e.FindUploadedFiles("file")
	switch {
	case err == nil:
		err = attachImage(row, files[0])
	case errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart):
		err = pointAt(e, row, form.Collection, form.Record, form.Field, form.File)
	}
	if err != nil {
		return answer.Or(err, answer.BadRequest)
	}
	if _, err := s.publicOrigin(app); err != nil {
		return err
	}
	conclude, err := s.spendImage(e.App, e.Auth.Id, files)
	if err != nil {
		return err
	}
	if err := books.Save(e.App, row); answer.IsPictureRefused(err) {
		return answer.Fail(answer.ImageRefused, err)
	} else if err != nil {
		return answer.Fail(answer.CheckImage, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	if err := s.submitImage(ctx, row, sceneOr(form.Scene, wechat.SceneComment)); err != nil {
		s.Books.LogError("removal of a check", e.App.Delete(row))
		conclude(err)
		return failCheck(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"suggest": "pending", "id": row.Id})
}

// spendImage takes one check and the megabytes of its file from what a user has in a day.
func (s *Screening) spendImage(app core.App, user string, files []*filesystem.File) (conclude func(error), err error) {
	one, err := s.Books.SpendDaily(app, s.Books.Daily("checks", user, s.Limits.ChecksPerDay), 1, answer.CheckLimit, "day")
	if err != nil || len(files) == 0 {
		return one, err
	}
	megabytes := int((files[0].Size + 1<<20 - 1) >> 20)
	volume, err := s.Books.SpendDaily(app, s.Books.Daily("checks/megabytes", user, s.Limits.ChecksMegabytes), megabytes, answer.CheckLimit, "megabytes")
	if err != nil {
		one(books.ErrQuotaSpent)
		return nil, err
	}
	return func(outcome error) {
		one(outcome)
		volume(outcome)
	}, nil
}

// newCheck begins a row of wx_checks.
func newCheck(app core.App, user, appID, openID, kind, state string) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId("wx_checks")
	if err != nil {
		return nil, err
	}
	row := core.NewRecord(c)
	row.Load(map[string]any{"user": user, "appid": appID, "openid": openID, "kind": kind, "state": state})
	return row, nil
}

// attachImage takes an uploaded file that is an image by its bytes, whatever it is called.
func attachImage(row *core.Record, file *filesystem.File) error {
	if file.Size > MaxCheckImage {
		return answer.Fail(answer.CheckImage, nil)
	}
	reader, err := file.Reader.Open()
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = reader.Close() }()
	head := make([]byte, 512)
	n, err := io.ReadFull(reader, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || !slices.Contains(checkedTypes(), http.DetectContentType(head[:n])) {
		return answer.Fail(answer.CheckImage, err)
	}
	row.Set("image", file)
	return nil
}

// checkedTypes are the images that WeChat looks at.
func checkedTypes() []string { return []string{"image/jpeg", "image/png", "image/gif", "image/bmp"} }

// pointAt names a file of a record that the person can see.
func pointAt(e *core.RequestEvent, row *core.Record, collection, record, field, file string) error {
	if collection == "" || record == "" || field == "" {
		return answer.With(answer.CheckArgs, "reason", "send a file, or collection, record and field")
	}
	r, err := e.App.FindRecordById(collection, record)
	if err != nil {
		return answer.With(answer.CheckArgs, "reason", "there is no such record")
	}
	info, err := e.RequestInfo()
	if err != nil {
		return answer.Fail(answer.BadRequest, err)
	}
	if ok, err := e.App.CanAccessRecord(r, info, r.Collection().ViewRule); err != nil || !ok {
		return answer.With(answer.CheckArgs, "reason", "there is no such record")
	}
	f, ok := r.Collection().Fields.GetByName(field).(*core.FileField)
	names := r.GetStringSlice(field)
	if file == "" && len(names) > 0 {
		file = names[0]
	}
	if !ok || f.Hidden || f.Protected || !slices.Contains(names, file) {
		return answer.With(answer.CheckArgs, "reason", "there is no such file, or WeChat could not fetch it")
	}
	// NB! name only the file: a question about another person's record must not move it
	row.Set("file", r.BaseFilesPath()+"/"+file)
	return nil
}

// publicOrigin is where WeChat can fetch a file from.
func (s *Screening) publicOrigin(app settings.App) (string, error) {
	origin := s.Accounts.Settings.PublicURL()
	if !strings.HasPrefix(origin, "https://") && (!strings.HasPrefix(origin, "http://") || settings.IsOfficial(app.APIBase)) {
		return "", answer.Fail(answer.CheckNoURL, nil)
	}
	return origin, nil
}

// imageURL is where WeChat fetches the image of a check.
func (s *Screening) imageURL(app settings.App, row *core.Record) (string, error) {
	origin, err := s.publicOrigin(app)
	if err != nil {
		return "", err
	}
	path := row.GetString("file")
	if name := row.GetString("image"); name != "" {
		path = row.BaseFilesPath() + "/" + name
	}
	return origin + "/api/files/" + path, nil
}

// submitImage hands an image to WeChat, keeps the trace that the result will carry, and sees to it that a result which does not come is
// asked for again.
func (s *Screening) submitImage(ctx context.Context, row *core.Record, scene wechat.CheckScene) error {
	app, err := s.Accounts.Settings.App(row.GetString("appid"))
	if err != nil {
		return err
	}
	address, err := s.imageURL(app, row)
	if err != nil {
		return err
	}
	trace, err := s.Accounts.Wechat(app).CheckMedia(ctx, wechat.MediaCheck{
		URL: address, Kind: wechat.MediaImage, Scene: scene, OpenID: row.GetString("openid"),
	})
	if err != nil {
		return err
	}
	return s.App.RunInTransaction(func(tx core.App) error {
		tries := row.GetInt("tries") + 1
		_, err := tx.NonconcurrentDB().Update("wx_checks", dbx.Params{"traceId": trace, "tries": tries}, dbx.HashExp{"id": row.Id}).Execute()
		if err != nil {
			return fmt.Errorf("keep trace: %w", err)
		}
		_, err = books.Insert(tx, "wx_outbox", map[string]any{
			"effect": effectCheckLate, "key": fmt.Sprintf("%s/%s/%d", effectCheckLate, row.Id, tries), "nextAt": s.Now().Add(resultWait),
			"payload": map[string]any{"check": row.Id, "scene": int(scene), "tries": tries},
		})
		return err
	})
}

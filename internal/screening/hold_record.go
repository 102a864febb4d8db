package screening

import (
	"context"
	"fmt"
	"html"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// How a text that is longer than WeChat takes at once is cut: the pieces overlap, so that a word on a border is seen whole.
const (
	checkPiece   = 2_500
	checkOverlap = 100
	checkPieces  = 8
)

// checkPlan is what the saving of a record has to keep besides it.
type checkPlan struct {
	changed []string // checked fields with new content, whose earlier outcomes are void
	rows    []plannedCheck
}

// plannedCheck is a row of wx_checks to be.
type plannedCheck struct {
	user, appID, openID string
	field               checkedField
	file                string // of an image
	text                string
	state               string
	label               int
	problem             string
}

// checkRequest looks at what a client writes into checked fields, before it is saved.
func (s *Screening) checkRequest(e *core.RecordRequestEvent) error {
	fields, err := s.checked.of(e.App, e.Collection.Name)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(fields) == 0 {
		return e.Next()
	}
	if e.HasSuperuserAuth() {
		return s.overrule(e)
	}
	// NB! a client never says that it has passed
	e.Record.Set(checkStateField, e.Record.Original().GetString(checkStateField))
	user := ""
	if e.Auth != nil && e.Auth.Collection().Name == "users" {
		user = e.Auth.Id
	}
	plan, err := s.planChecks(e.Request.Context(), e.App, e.Record, fields, user)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	s.checked.plans.Store(e.Record, plan)
	defer s.checked.plans.Delete(e.Record)
	return e.Next()
}

// overrule lets a superuser decide; outcomes that stood against it are dropped, so that a late one does not hold the record again.
func (s *Screening) overrule(e *core.RecordRequestEvent) error {
	decides := e.Record.GetString(checkStateField) == checkPass && e.Record.Original().GetString(checkStateField) != checkPass
	if err := e.Next(); err != nil || !decides {
		return err
	}
	_, err := e.App.NonconcurrentDB().Delete("wx_checks", dbx.HashExp{"collection": e.Collection.Name, "record": e.Record.Id}).Execute()
	s.Books.LogError("dropping of checks", err)
	return nil
}

// CheckProfile does for POST /api/wx/profile what checkRequest does for PocketBase's own routes.
func (s *Screening) CheckProfile(e *events.ProfileEvent) error {
	fields, err := s.checked.of(e.App, "users")
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(fields) == 0 {
		return e.Next()
	}
	plan, err := s.planChecks(context.Background(), e.App, e.User, fields, e.User.Id)
	if err != nil {
		return err
	}
	s.checked.plans.Store(e.User, plan)
	defer s.checked.plans.Delete(e.User)
	return e.Next()
}

// planChecks asks WeChat about new texts and plans the rest. It fails where something is refused.
func (s *Screening) planChecks(ctx context.Context, app core.App, r *core.Record, fields []checkedField, user string) (*checkPlan, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), accounts.CallTimeout)
	defer cancel()
	plan := &checkPlan{}
	for _, field := range fields {
		files := r.GetUnsavedFiles(field.name)
		text := ""
		if !field.isImage {
			text = plainText(r, field.name)
		}
		if field.isImage && len(files) == 0 || !field.isImage && r.GetString(field.name) == r.Original().GetString(field.name) {
			continue
		}
		if !field.isImage {
			plan.changed = append(plan.changed, field.name)
		}
		if text == "" && len(files) == 0 {
			continue
		}
		if user == "" { // NB! WeChat wants to know who writes
			return nil, answer.Fail(answer.IdentityMissing, nil)
		}
		mini, openID, err := s.writer(app, user, "")
		if err != nil {
			return nil, err
		}
		check := plannedCheck{user: user, appID: mini.AppID, openID: openID, field: field, text: text, state: checkPending}
		if field.isImage {
			for _, file := range files {
				if check.file = file.Name; !isCheckable(file.Name) || file.Size > MaxCheckImage {
					if check.state, check.problem = checkFailed, "WeChat does not look at files of this kind or size"; field.refuses {
						return nil, answer.With(answer.ContentRefused, "field", field.name)
					}
				}
				plan.rows = append(plan.rows, check)
			}
			continue
		}
		keep, err := s.judge(ctx, app, mini, &check)
		if err != nil {
			return nil, err
		}
		if keep {
			plan.rows = append(plan.rows, check)
		}
	}
	return plan, nil
}

// judge asks about a text, and tells whether there is anything to keep about it.
func (s *Screening) judge(ctx context.Context, app core.App, mini settings.App, check *plannedCheck) (keep bool, err error) {
	if app.IsTransactional() { // NB! a batch holds the database's only writer: WeChat cannot be asked from inside it
		if check.field.refuses {
			return false, answer.With(answer.CheckArgs, "reason", check.field.name+" cannot be written in a batch")
		}
		return true, nil
	}
	found, err := s.judgeText(ctx, mini, check.openID, check.text, check.field.scene)
	switch {
	case err != nil && check.field.refuses:
		return false, failCheck(err)
	case err != nil:
		return true, nil //nolint:nilerr // held back; the outbox asks again
	case found.Passed():
		return false, nil
	case check.field.refuses:
		refusal := answer.With(answer.ContentRefused, "field", check.field.name)
		refusal.Data["label"] = int(found.Label)
		return false, refusal
	}
	check.state, check.label = checkStateOf(found.Suggest), int(found.Label)
	return true, nil
}

// judgeText asks WeChat about a text of any length; the first piece that does not pass decides.
func (s *Screening) judgeText(ctx context.Context, app settings.App, openID, text string, scene wechat.CheckScene) (wechat.CheckResult, error) {
	pieces := cutText(text)
	if len(pieces) > checkPieces {
		return wechat.CheckResult{}, answer.With(answer.CheckArgs, "reason", "the text is too long to be checked")
	}
	found := wechat.CheckResult{Suggest: wechat.SuggestPass, Label: wechat.LabelNormal}
	for _, piece := range pieces {
		var err error
		found, err = s.Accounts.Wechat(app).CheckText(ctx, wechat.TextCheck{Content: piece, Scene: scene, OpenID: openID})
		if err != nil || !found.Passed() {
			return found, err
		}
	}
	return found, nil
}

func cutText(text string) (pieces []string) {
	runes := []rune(strings.TrimSpace(text))
	for len(runes) > checkPiece {
		pieces = append(pieces, string(runes[:checkPiece]))
		runes = runes[checkPiece-checkOverlap:]
	}
	if len(runes) > 0 {
		pieces = append(pieces, string(runes))
	}
	return slices.DeleteFunc(pieces, func(s string) bool { return strings.TrimSpace(s) == "" })
}

var tags = regexp.MustCompile(`<[^>]*>`)

func untag(text string) string { return html.UnescapeString(tags.ReplaceAllString(text, " ")) }

// isCheckable tells by the name whether WeChat looks at an image. note: PocketBase names a file by what it holds.
func isCheckable(name string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".gif", ".bmp"}, strings.ToLower(filepath.Ext(name)))
}

// keepPlan writes the outcomes and the work that is left in the transaction that saves the record.
func (s *Screening) keepPlan(e *core.RecordEvent) error {
	found, ok := s.checked.plans.LoadAndDelete(e.Record)
	if !ok {
		return e.Next()
	}
	plan, app := found.(*checkPlan), e.App
	return app.RunInTransaction(func(tx core.App) error {
		e.App = tx
		defer func() { e.App = app }()
		if err := s.setCheckState(tx, e.Record, plan); err != nil {
			return err
		}
		if err := e.Next(); err != nil {
			return err
		}
		for _, row := range plan.rows {
			if err := s.saveCheck(tx, e.Record, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// setCheckState gives a record the state that its checks come to, those of the plan included. A record that a person holds back without
// any check against it stays so.
func (s *Screening) setCheckState(tx core.App, r *core.Record, plan *checkPlan) error {
	before, err := standingChecks(tx, r)
	if err != nil {
		return err
	}
	if err := s.voidChecks(tx, r, plan); err != nil {
		return err
	}
	states, err := standingChecks(tx, r)
	if err != nil {
		return err
	}
	if r.GetString(checkStateField) == checkHeld && len(before) == 0 {
		return nil
	}
	for _, row := range plan.rows {
		states = append(states, row.state)
	}
	r.Set(checkStateField, worstOf(states))
	return nil
}

// dropChecks forgets what was found in a record that is deleted.
func (s *Screening) dropChecks(e *core.RecordEvent) error {
	if fields, err := s.checked.of(e.App, e.Record.Collection().Name); err != nil || len(fields) == 0 {
		return e.Next()
	}
	if err := e.Next(); err != nil {
		return err
	}
	_, err := e.App.NonconcurrentDB().
		Delete("wx_checks", dbx.HashExp{"collection": e.Record.Collection().Name, "record": e.Record.Id}).Execute()
	s.Books.LogError("dropping of checks", err)
	return nil
}

// voidChecks drops the results of changed texts and removed images.
func (s *Screening) voidChecks(tx core.App, r *core.Record, plan *checkPlan) error {
	if r.IsNew() {
		return nil
	}
	rows, err := tx.FindAllRecords("wx_checks", dbx.HashExp{"collection": r.Collection().Name, "record": r.Id})
	if err != nil {
		return fmt.Errorf("read checks: %w", err)
	}
	for _, row := range rows {
		field, name := row.GetString("field"), filepath.Base(row.GetString("file"))
		gone := row.GetString("kind") == "image" && !slices.Contains(r.GetStringSlice(field), name)
		if gone || slices.Contains(plan.changed, field) {
			if err := tx.Delete(row); err != nil {
				return fmt.Errorf("drop check: %w", err)
			}
		}
	}
	return nil
}

// standingChecks are the states of what was checked before and is still there.
func standingChecks(tx core.App, r *core.Record) ([]string, error) {
	var states []string
	err := tx.DB().Select("state").From("wx_checks").
		Where(dbx.HashExp{"collection": r.Collection().Name, "record": r.Id}).Column(&states)
	if err != nil {
		return nil, fmt.Errorf("read checks: %w", err)
	}
	return states, nil
}

// worstOf is the state of a record with these checks.
func worstOf(states []string) string {
	worst := checkPass
	for _, s := range states {
		switch s {
		case checkPass:
		case checkPending:
			if worst == checkPass {
				worst = checkPending
			}
		default:
			worst = checkHeld
		}
	}
	return worst
}

// saveCheck writes a row and, while it is pending, the work.
func (s *Screening) saveCheck(tx core.App, r *core.Record, check plannedCheck) error {
	kind, file := "text", ""
	if check.field.isImage {
		kind, file = "image", r.BaseFilesPath()+"/"+check.file
	}
	row, err := newCheck(tx, check.user, check.appID, check.openID, kind, check.state)
	if err != nil {
		return err
	}
	row.Load(map[string]any{
		"collection": r.Collection().Name, "record": r.Id, "field": check.field.name, "file": file, "digest": books.Digest([]byte(check.text)),
		"label": check.label, "error": check.problem,
	})
	if err := books.Save(tx, row); err != nil {
		return fmt.Errorf("save check: %w", err)
	}
	if check.state != checkPending {
		return nil
	}
	return books.QueueEffect(tx, effectCheck, row.Id, map[string]any{"check": row.Id, "scene": int(check.field.scene)})
}

// releaseOrHold gives a record the state that its checks come to.
func (s *Screening) releaseOrHold(tx core.App, row *core.Record) error {
	r, err := tx.FindRecordById(row.GetString("collection"), row.GetString("record"))
	if err != nil {
		return nil //nolint:nilerr // deleted meanwhile
	}
	fields, err := s.checked.of(tx, r.Collection().Name)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(fields, func(f checkedField) bool { return f.name == row.GetString("field") })
	if at < 0 || r.Collection().Fields.GetByName(checkStateField) == nil {
		return nil // switched off meanwhile
	}
	if fields[at].refuses && fields[at].isImage && slices.Contains([]string{checkRisky, checkReview}, row.GetString("state")) {
		r.Set(row.GetString("field")+"-", filepath.Base(row.GetString("file")))
		if err := tx.Delete(row); err != nil {
			return fmt.Errorf("drop check: %w", err)
		}
	}
	states, err := standingChecks(tx, r)
	if err != nil {
		return err
	}
	r.Set(checkStateField, worstOf(states))
	if err := tx.SaveNoValidate(r); err != nil {
		return fmt.Errorf("release record: %w", err)
	}
	return nil
}

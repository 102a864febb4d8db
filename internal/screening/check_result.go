package screening

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/redact"
	"wxbase/internal/wechat"
)

const (
	resultWait  = time.Hour // WeChat says 30 minutes
	resultTries = 3         // how often an image is handed in before a person must look
)

// checkJob is the payload of effectCheck and effectCheckLate.
type checkJob struct {
	Check string `json:"check"`
	Scene int    `json:"scene"`
	Tries int    `json:"tries"`
}

// checkOf reads the row that an effect is about; nil when it is gone, because what was checked has been changed or deleted.
func (s *Screening) checkOf(effect *core.Record) (*core.Record, checkJob, error) {
	var job checkJob
	if err := effect.UnmarshalJSONField("payload", &job); err != nil {
		return nil, job, books.Final(fmt.Errorf("read payload: %w", err))
	}
	row, err := s.App.FindRecordById("wx_checks", job.Check)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, job, nil
	}
	return row, job, err
}

// Effects of content checks.
const (
	effectCheck     = "check.record" // what a person wrote is sent to WeChat's check
	effectCheckLate = "check.late"   // and is asked for again when no result comes
)

// HandleChecks registers the effects. Of checks that WeChat refuses one alert is enough.
func (s *Screening) HandleChecks() {
	s.Books.Handle(effectCheckLate, books.Effect{Do: s.checkAgain})
	s.Books.Handle(effectCheck, books.Effect{Do: s.runCheck, Alert: func(row *core.Record, outcome error) error {
		if books.IsFinal(outcome) {
			return s.Books.AlertTogether(row)
		}
		return s.Books.AlertForEffect(row, outcome)
	}})
}

// runCheck makes one try of a check that was queued.
func (s *Screening) runCheck(ctx context.Context, effect *core.Record) error {
	row, job, err := s.checkOf(effect)
	if row == nil || err != nil || row.GetString("state") != checkPending || row.GetString("traceId") != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	if row.GetString("kind") == "image" {
		return s.concludeTry(row, s.submitImage(ctx, row, wechat.CheckScene(job.Scene)))
	}
	r, err := s.App.FindRecordById(row.GetString("collection"), row.GetString("record"))
	if errors.Is(err, sql.ErrNoRows) {
		return s.App.Delete(row)
	}
	if err != nil {
		return fmt.Errorf("read checked record: %w", err)
	}
	app, err := s.Accounts.Settings.App(row.GetString("appid"))
	if err != nil {
		return err
	}
	text := plainText(r, row.GetString("field"))
	found, err := s.judgeText(ctx, app, row.GetString("openid"), text, wechat.CheckScene(job.Scene))
	if err != nil {
		return s.concludeTry(row, err)
	}
	return s.settleCheck(row.Id, checkStateOf(found.Suggest), int(found.Label), "", books.Digest([]byte(text)))
}

// concludeTry gives a check up that no further try can help: a person must look.
func (s *Screening) concludeTry(row *core.Record, cause error) error {
	we, fromWeChat := errors.AsType[*wechat.Error](cause)
	reply, ours := errors.AsType[*router.ApiError](cause)
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, sql.ErrNoRows): // the record is gone
		return s.App.Delete(row)
	case ours && reply.Data["code"] == answer.CheckNoURL.Code:
		return errors.New("no public address: set WXBASE_PUBLIC_URL")
	case ours, fromWeChat && !we.Retryable() && we.Kind != wechat.KindConfig && we.Kind != wechat.KindToken && we.Kind != wechat.KindQuota:
		return errors.Join(s.settleCheck(row.Id, checkFailed, 0, redact.Text(cause.Error()), ""), books.Final(cause))
	default:
		return cause
	}
}

// checkAgain hands an image in once more when its result has not come.
func (s *Screening) checkAgain(ctx context.Context, effect *core.Record) error {
	row, job, err := s.checkOf(effect)
	if row == nil || err != nil || row.GetString("state") != checkPending || row.GetInt("tries") != job.Tries {
		return err
	}
	if job.Tries >= resultTries {
		return s.settleCheck(row.Id, checkFailed, 0, "WeChat did not tell what it found", "")
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return s.concludeTry(row, s.submitImage(ctx, row, wechat.CheckScene(job.Scene)))
}

// ApplyMedia books what WeChat found in an image. A trace that is not here yet is an error, so that it is tried again: the push can be
// faster than the answer that names it.
func (s *Screening) ApplyMedia(found *events.MediaVerdict, at time.Time) error {
	row, err := books.Find(s.App, "wx_checks", dbx.HashExp{"traceId": found.TraceID})
	if errors.Is(err, sql.ErrNoRows) && s.Now().Sub(at) > resultWait {
		return nil // another program's
	}
	if err != nil {
		return fmt.Errorf("find check: %w", err)
	}
	found.Check = row
	if row.GetString("state") != checkPending {
		return nil
	}
	if found.Errcode != 0 {
		return s.settleCheck(row.Id, checkFailed, 0, fmt.Sprintf("WeChat could not look at it: errcode %d", found.Errcode), "")
	}
	return s.settleCheck(row.Id, checkStateOf(wechat.Suggest(found.Suggest)), found.Label, "", "")
}

func checkStateOf(s wechat.Suggest) string {
	switch s {
	case wechat.SuggestPass:
		return checkPass
	case wechat.SuggestReview:
		return checkReview
	case wechat.SuggestRisky:
		return checkRisky
	default:
		return checkFailed
	}
}

// settleCheck writes an outcome, and what follows for the record, in one commit. A digest is that of the text that was looked at: when it
// has changed since, the outcome is worth nothing.
func (s *Screening) settleCheck(id, state string, label int, problem, looked string) error {
	return s.App.RunInTransaction(func(tx core.App) error {
		row, err := tx.FindRecordById("wx_checks", id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read check: %w", err)
		}
		if looked != "" && row.GetString("digest") != looked {
			return errors.New("the text has changed meanwhile")
		}
		row.Set("state", state)
		row.Set("label", label)
		row.Set("error", problem[:min(len(problem), 1_000)])
		row.Set("image", nil) // note: a copy that was uploaded for the check has done its duty
		if err := books.Save(tx, row); err != nil {
			return fmt.Errorf("save check: %w", err)
		}
		if row.GetString("record") == "" {
			return nil
		}
		return s.releaseOrHold(tx, row)
	})
}

// plainText is the text of a field as it is read: an editor's without its tags.
func plainText(r *core.Record, field string) string {
	text := r.GetString(field)
	if _, isEditor := r.Collection().Fields.GetByName(field).(*core.EditorField); isEditor {
		text = untag(text)
	}
	return strings.TrimSpace(text)
}

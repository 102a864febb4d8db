package hooks

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

	"wxbase/internal/answer"
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
func (p *Plugin) checkOf(effect *core.Record) (*core.Record, checkJob, error) {
	var job checkJob
	if err := effect.UnmarshalJSONField("payload", &job); err != nil {
		return nil, job, finalError{fmt.Errorf("read payload: %w", err)}
	}
	row, err := p.app.FindRecordById("wx_checks", job.Check)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, job, nil
	}
	return row, job, err
}

// runCheck makes one try of a check that was queued.
func (p *Plugin) runCheck(ctx context.Context, effect *core.Record) error {
	row, job, err := p.checkOf(effect)
	if row == nil || err != nil || row.GetString("state") != checkPending || row.GetString("traceId") != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, payTimeout)
	defer cancel()
	if row.GetString("kind") == "image" {
		return p.concludeTry(row, p.submitImage(ctx, row, wechat.CheckScene(job.Scene)))
	}
	r, err := p.app.FindRecordById(row.GetString("collection"), row.GetString("record"))
	if errors.Is(err, sql.ErrNoRows) {
		return p.app.Delete(row)
	}
	if err != nil {
		return fmt.Errorf("read checked record: %w", err)
	}
	app, err := p.settings.App(row.GetString("appid"))
	if err != nil {
		return err
	}
	text := plainText(r, row.GetString("field"))
	found, err := p.judgeText(ctx, app, row.GetString("openid"), text, wechat.CheckScene(job.Scene))
	if err != nil {
		return p.concludeTry(row, err)
	}
	return p.settleCheck(row.Id, checkStateOf(found.Suggest), int(found.Label), "", digest([]byte(text)))
}

// concludeTry gives a check up that no further try can help: a person must look.
func (p *Plugin) concludeTry(row *core.Record, cause error) error {
	we, fromWeChat := errors.AsType[*wechat.Error](cause)
	reply, ours := errors.AsType[*router.ApiError](cause)
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, sql.ErrNoRows): // the record is gone
		return p.app.Delete(row)
	case ours && reply.Data["code"] == answer.CheckNoURL.Code:
		return errors.New("no public address: set WXBASE_PUBLIC_URL")
	case ours, fromWeChat && !we.Retryable() && we.Kind != wechat.KindConfig && we.Kind != wechat.KindToken && we.Kind != wechat.KindQuota:
		return errors.Join(p.settleCheck(row.Id, checkFailed, 0, scrub(cause.Error()), ""), finalError{cause})
	default:
		return cause
	}
}

// checkAgain hands an image in once more when its result has not come.
func (p *Plugin) checkAgain(ctx context.Context, effect *core.Record) error {
	row, job, err := p.checkOf(effect)
	if row == nil || err != nil || row.GetString("state") != checkPending || row.GetInt("tries") != job.Tries {
		return err
	}
	if job.Tries >= resultTries {
		return p.settleCheck(row.Id, checkFailed, 0, "WeChat did not tell what it found", "")
	}
	ctx, cancel := context.WithTimeout(ctx, payTimeout)
	defer cancel()
	return p.concludeTry(row, p.submitImage(ctx, row, wechat.CheckScene(job.Scene)))
}

// applyMedia books what WeChat found in an image. A trace that is not here yet is an error, so that it is tried again: the push can be
// faster than the answer that names it.
func (p *Plugin) applyMedia(found *MediaVerdict, at time.Time) error {
	row, err := findRow(p.app, "wx_checks", dbx.HashExp{"traceId": found.TraceID})
	if errors.Is(err, sql.ErrNoRows) && p.now().Sub(at) > resultWait {
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
		return p.settleCheck(row.Id, checkFailed, 0, fmt.Sprintf("WeChat could not look at it: errcode %d", found.Errcode), "")
	}
	return p.settleCheck(row.Id, checkStateOf(wechat.Suggest(found.Suggest)), found.Label, "", "")
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
func (p *Plugin) settleCheck(id, state string, label int, problem, looked string) error {
	return p.app.RunInTransaction(func(tx core.App) error {
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
		if err := save(tx, row); err != nil {
			return fmt.Errorf("save check: %w", err)
		}
		if row.GetString("record") == "" {
			return nil
		}
		return p.releaseOrHold(tx, row)
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

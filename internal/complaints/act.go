package complaints

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/desk"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// MaxPicture is how many bytes the body of an upload may have: WeChat's 2 MiB, and what multipart puts around them.
const MaxPicture = wxpay.MaxPictureBytes + 64<<10

// rowOf reads the complaint that a route names, and says in the audit what it is about.
func rowOf(e *core.RequestEvent) (*core.Record, error) {
	row, err := e.App.FindRecordById(table, e.Request.PathValue("id"))
	if err != nil {
		return nil, answer.Fail(answer.ComplaintNotFound, nil)
	}
	desk.About(e, row.Id, row.GetString("number"))
	return row, nil
}

// answered does something at WeChat, reads the complaint anew, whatever became of it, and answers with what is true now.
//
// note: an act whose answer was lost may have been done. The history tells, so it is read before the error is.
func (c *Complaints) answered(e *core.RequestEvent, row *core.Record, do func(ctx context.Context) error) error {
	defer c.Locks.Lock("complaint.act/" + row.Id)()
	whole := context.WithoutCancel(e.Request.Context())
	ctx, cancel := within(whole)
	defer cancel()
	failed := do(ctx)
	fresh, err := c.ask(whole, jobOf(row)) // which has time of its own
	switch {
	case failed != nil:
		return c.refusal(failed)
	case err != nil:
		return c.refusal(err)
	}
	return c.show(e, fresh)
}

// refusal says why WeChat did not do something.
func (c *Complaints) refusal(err error) error {
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindParam && pe.Status != 0 {
		return answer.Fail(answer.ComplaintRefused, err)
	}
	if _, ok := errors.AsType[*wxpay.Error](err); ok {
		return answer.FromPay(err)
	}
	if we, ok := errors.AsType[*wechat.Error](err); ok {
		if slices.Contains([]int{1, 2, 309, 1002, 10001}, we.Errcode) {
			return answer.Fail(answer.ComplaintRefused, err)
		}
		return answer.FromWechat(err)
	}
	if errors.Is(err, settings.ErrNotConfigured) {
		return answer.Fail(answer.NotConfigured, err)
	}
	return answer.Or(err, answer.Busy)
}

// Reply handles POST /api/wx/admin/complaints/{id}/reply {text, pictures?}, and for a trade complaint {agree} or {refunded} too: whether the shop
// agrees to settle, and whether what it proves is a refund.
func (c *Complaints) Reply(e *core.RequestEvent) error {
	var form struct {
		Text     string   `json:"text"`
		Pictures []string `json:"pictures"`
		Agree    *bool    `json:"agree"`
		Refunded *bool    `json:"refunded"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	form.Text = strings.TrimSpace(form.Text)
	if n := utf8.RuneCountInString(form.Text); n < 1 || n > wxpay.MaxReplyRunes {
		return answer.Field(answer.FieldInvalid, "text", "1 to 200 characters")
	}
	if len(form.Pictures) > wxpay.MaxReplyPictures {
		return answer.Field(answer.FieldInvalid, "pictures", "at most 4")
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	desk.Note(e, "characters", utf8.RuneCountInString(form.Text))
	switch row.GetString("source") {
	case SourcePay:
		return c.answered(e, row, func(ctx context.Context) error {
			d, err := c.payDesk(row.GetString("merchant"))
			if err != nil {
				return err
			}
			return d.ReplyComplaint(ctx, row.GetString("number"), form.Text, form.Pictures)
		})
	case SourcePlatform:
		say, err := c.platformReply(row, form.Text, form.Pictures, form.Agree, form.Refunded)
		if err != nil {
			return err
		}
		return c.answered(e, row, say)
	}
	return answer.With(answer.ComplaintElsewhere, "source", row.GetString("source"))
}

// platformReply is the call that a trade complaint waits for.
func (c *Complaints) platformReply(row *core.Record, text string, pictures []string, agree, refunded *bool) (func(context.Context) error, error) {
	client, err := c.platform(row.GetString("appid"))
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	number := row.GetString("number")
	switch status := row.GetInt("status"); {
	case status == wechat.TradeToAnswer && agree == nil:
		return nil, answer.Field(answer.FieldInvalid, "agree", "true or false: does the shop agree to settle")
	case status == wechat.TradeToAnswer:
		return func(ctx context.Context) error { return client.RespondTrade(ctx, number, *agree, text, pictures) }, nil
	case status == wechat.TradeToProve && refunded != nil && *refunded:
		return func(ctx context.Context) error { return client.ProveTradeRefund(ctx, number, text, pictures) }, nil
	case status == wechat.TradeToProve:
		return func(ctx context.Context) error { return client.ProveTrade(ctx, number, text, pictures) }, nil
	default:
		return nil, answer.With(answer.ComplaintNothingDue, "status", status)
	}
}

// Decide handles POST /api/wx/admin/complaints/{id}/decide {approve, days?, reason?, pictures?}: the refund that was asked for is promised or
// refused. NB! No money moves by it; POST /api/wx/orders/{id}/refunds does that, with all that guards it.
func (c *Complaints) Decide(e *core.RequestEvent) error {
	var form struct {
		Approve  *bool    `json:"approve"`
		Days     int      `json:"days"`
		Reason   string   `json:"reason"`
		Pictures []string `json:"pictures"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	reason := strings.TrimSpace(form.Reason)
	switch n := utf8.RuneCountInString(reason); {
	case form.Approve == nil:
		return answer.Field(answer.FieldInvalid, "approve", "true or false")
	case *form.Approve && (form.Days < 0 || form.Days > 30):
		return answer.Field(answer.FieldInvalid, "days", "0 to 30")
	case !*form.Approve && (n < 1 || n > wxpay.MaxReplyRunes):
		return answer.Field(answer.FieldInvalid, "reason", "1 to 200 characters")
	case len(form.Pictures) > wxpay.MaxReplyPictures:
		return answer.Field(answer.FieldInvalid, "pictures", "at most 4")
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	if row.GetString("source") != SourcePay || row.GetString("problem") != wxpay.ComplaintRefund {
		return answer.Fail(answer.ComplaintNoWish, nil)
	}
	desk.Note(e, "approve", *form.Approve)
	return c.answered(e, row, func(ctx context.Context) error {
		d, err := c.payDesk(row.GetString("merchant"))
		if err != nil {
			return err
		}
		return d.DecideComplaint(ctx, row.GetString("number"), wxpay.ComplaintDecision{Approve: *form.Approve, Days: form.Days, Reason: reason, Pictures: form.Pictures})
	})
}

// Complete handles POST /api/wx/admin/complaints/{id}/complete {}: the shop is done with it. A second time it is done already.
func (c *Complaints) Complete(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	if row.GetString("source") != SourcePay {
		return answer.With(answer.ComplaintElsewhere, "source", row.GetString("source"))
	}
	return c.answered(e, row, func(ctx context.Context) error {
		d, err := c.payDesk(row.GetString("merchant"))
		if err != nil {
			return err
		}
		if err = d.CompleteComplaint(ctx, row.GetString("number")); err == nil {
			return nil
		}
		// note: what counts is how it stands, and not which of two clicks has brought it there
		if now, asked := d.Complaint(ctx, row.GetString("number")); asked == nil && now.State == Processed {
			return nil
		}
		return err
	})
}

// Refresh handles POST /api/wx/admin/complaints/{id}/refresh {}: WeChat is asked what is true now.
func (c *Complaints) Refresh(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	if row.GetString("source") == SourceVirtual {
		return answer.With(answer.ComplaintElsewhere, "source", SourceVirtual)
	}
	return c.answered(e, row, func(context.Context) error { return nil })
}

// SweepNow handles POST /api/wx/admin/complaints/sweep {}: what the hourly sweep does, now.
func (c *Complaints) SweepNow(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	if err := c.Sweep(context.WithoutCancel(e.Request.Context())); err != nil {
		return c.refusal(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"done": true})
}

// Phone handles POST /api/wx/admin/complaints/{id}/phone {}: WeChat is asked for the payer's number, and the audit says who asked. It is kept nowhere.
func (c *Complaints) Phone(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	ctx, cancel := within(e.Request.Context())
	defer cancel()
	phone, err := c.phoneOf(ctx, row)
	if err != nil {
		return c.refusal(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"phone": phone})
}

func (c *Complaints) phoneOf(ctx context.Context, row *core.Record) (string, error) {
	switch row.GetString("source") {
	case SourcePay:
		d, err := c.payDesk(row.GetString("merchant"))
		if err != nil {
			return "", err
		}
		said, err := d.Complaint(ctx, row.GetString("number"))
		if err != nil || said.SealedPhone == "" {
			return "", err
		}
		phone, err := d.OpenPhone(said.SealedPhone)
		if err != nil {
			return "", answer.Fail(answer.ComplaintPhone, err)
		}
		return phone, nil
	case SourcePlatform:
		client, err := c.platform(row.GetString("appid"))
		if err != nil {
			return "", err
		}
		said, err := client.TradeComplaint(ctx, row.GetString("number"))
		return said.Phone, err
	}
	return "", answer.With(answer.ComplaintElsewhere, "source", row.GetString("source"))
}

// Upload handles POST /api/wx/admin/complaints/{id}/pictures, multipart with one file named picture: WeChat has it, and names it for a reply.
func (c *Complaints) Upload(e *core.RequestEvent) error {
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	picture, err := answer.Upload(e, "picture", wxpay.MaxPictureBytes)
	if err != nil {
		return err
	}
	name, ok := pictureName(picture)
	if !ok {
		return answer.Field(answer.FieldInvalid, "picture", "a JPEG, PNG or BMP of at most 2 MiB")
	}
	ctx, cancel := within(e.Request.Context())
	defer cancel()
	id, err := c.upload(ctx, row, name, picture)
	if err != nil {
		return c.refusal(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"picture": id})
}

// pictureName makes a name of the content: what a phone calls its pictures is nobody's business, and WeChat goes by the extension.
func pictureName(picture []byte) (name string, ok bool) {
	if len(picture) > wxpay.MaxPictureBytes {
		return "", false
	}
	extension, ok := map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/bmp": ".bmp"}[http.DetectContentType(picture)]
	sum := sha256.Sum256(picture)
	return hex.EncodeToString(sum[:8]) + extension, ok
}

func (c *Complaints) upload(ctx context.Context, row *core.Record, name string, picture []byte) (string, error) {
	switch row.GetString("source") {
	case SourcePay:
		d, err := c.payDesk(row.GetString("merchant"))
		if err != nil {
			return "", err
		}
		return d.UploadPicture(ctx, name, picture)
	case SourcePlatform:
		client, err := c.platform(row.GetString("appid"))
		if err != nil {
			return "", err
		}
		return client.UploadImage(ctx, name, picture)
	}
	return "", answer.With(answer.ComplaintElsewhere, "source", row.GetString("source"))
}

// Picture handles GET /api/wx/admin/complaints/{id}/pictures/{picture}: a picture of the payer's, which WeChat gives to the merchant alone. What is
// not among those of the complaint is not asked for.
func (c *Complaints) Picture(e *core.RequestEvent) error {
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	id := e.Request.PathValue("picture")
	if row.GetString("source") != SourcePay || !slices.Contains(picturesOf(row), id) {
		return answer.Fail(answer.ComplaintNotFound, nil)
	}
	d, err := c.payDesk(row.GetString("merchant"))
	if err != nil {
		return c.refusal(err)
	}
	ctx, cancel := within(e.Request.Context())
	defer cancel()
	picture, err := d.Picture(ctx, id)
	if err != nil {
		return c.refusal(err)
	}
	kind := http.DetectContentType(picture)
	if !strings.HasPrefix(kind, "image/") {
		return answer.Fail(answer.ComplaintNotFound, nil)
	}
	h := e.Response.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, max-age=600")
	return e.Stream(http.StatusOK, kind, bytes.NewReader(picture))
}

// TakeAddress handles POST /api/wx/admin/complaints/address {merchant}: WeChat Pay is to notify this server from now on, and nobody else any more.
func (c *Complaints) TakeAddress(e *core.RequestEvent) error {
	var form struct {
		Merchant string `json:"merchant"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	origin := c.Accounts.Settings.PublicURL()
	if origin == "" {
		return answer.Fail(answer.NoPublicURL, nil)
	}
	d, err := c.payDesk(form.Merchant)
	if err != nil {
		return c.refusal(err)
	}
	desk.About(e, "", form.Merchant)
	ctx, cancel := within(context.WithoutCancel(e.Request.Context()))
	defer cancel()
	address := origin + NotifyPath(form.Merchant)
	if err := d.SetComplaintAddress(ctx, address); err != nil {
		return c.refusal(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"address": address})
}

package wxpay

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

var _ ComplaintDesk = (*V3)(nil)

const (
	opComplaints       = "complaints"
	opComplaint        = "complaint"
	opComplaintSteps   = "complaint history"
	opComplaintReply   = "complaint reply"
	opComplaintDone    = "complaint complete"
	opComplaintRefund  = "complaint refund"
	opComplaintPicture = "complaint picture"
	opUploadPicture    = "upload picture"
	opComplaintAddress = "complaint address"

	complaintsURL = consts.WechatPayAPIServer + "/v3/merchant-service/complaints-v2"
	addressURL    = consts.WechatPayAPIServer + "/v3/merchant-service/complaint-notifications"
	picturesPath  = "/v3/merchant-service/images/"

	eventComplaint        = "COMPLAINT." // CREATE or STATE_CHANGE
	originalTypeComplaint = "complaint"
)

// Complaints implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/list-complaints-v2.html (查询投诉单列表).
func (v *V3) Complaints(ctx context.Context, begin, end time.Time, offset int) ([]Complaint, int, error) {
	query := url.Values{
		"limit": {strconv.Itoa(ComplaintPage)}, "offset": {strconv.Itoa(offset)}, "complainted_mchid": {v.mchID},
		"begin_date": {beijing(begin).Format(time.DateOnly)}, "end_date": {beijing(end).Format(time.DateOnly)},
	}
	var answer struct {
		Data  []wireComplaint `json:"data"`
		Total int             `json:"total_count"`
	}
	if err := v.ask(ctx, opComplaints, complaintsURL+"?"+query.Encode(), &answer); err != nil {
		return nil, 0, err
	}
	list := make([]Complaint, 0, len(answer.Data))
	for _, w := range answer.Data {
		c, err := w.complaint()
		if err != nil || c.MchID != v.mchID {
			return nil, 0, newError(opComplaints, nil, KindUnverified, "list holds what is no complaint of ours")
		}
		list = append(list, c)
	}
	return list, answer.Total, nil
}

// Complaint implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/query-complaint-v2.html (查询投诉单详情).
func (v *V3) Complaint(ctx context.Context, id string) (Complaint, error) {
	address, err := complaintURL(id, "")
	if err != nil {
		return Complaint{}, paramError(opComplaint, err)
	}
	var w wireComplaint
	if err := v.ask(ctx, opComplaint, address, &w); err != nil {
		return Complaint{}, err
	}
	c, err := w.complaint()
	if err != nil {
		return Complaint{}, newError(opComplaint, nil, KindUnknown, err.Error())
	}
	// NB! an answer is signed without its question: one about another complaint verifies just as well.
	if c.ID != id || c.MchID != v.mchID {
		return Complaint{}, newError(opComplaint, nil, KindUnverified, "answer is about another complaint")
	}
	return c, nil
}

// ComplaintSteps implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/query-negotiation-history-v2.html (查询投诉单协商历史).
func (v *V3) ComplaintSteps(ctx context.Context, id string) (steps []ComplaintStep, err error) {
	for len(steps) < mostComplaintSteps {
		address, err := complaintURL(id, fmt.Sprintf("/negotiation-historys?limit=%d&offset=%d", complaintStepsPage, len(steps)))
		if err != nil {
			return nil, paramError(opComplaintSteps, err)
		}
		var answer struct {
			Data []wireStep `json:"data"`
		}
		if err := v.ask(ctx, opComplaintSteps, address, &answer); err != nil {
			return nil, err
		}
		for _, w := range answer.Data {
			steps = append(steps, w.step())
		}
		if len(answer.Data) < complaintStepsPage {
			break
		}
	}
	return steps, nil
}

// ReplyComplaint implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/response-complaint-v2.html (回复用户).
func (v *V3) ReplyComplaint(ctx context.Context, id, text string, pictures []string) error {
	switch n := utf8.RuneCountInString(text); {
	case n == 0 || n > MaxReplyRunes:
		return paramError(opComplaintReply, fmt.Errorf("response_content must have 1 to %d characters", MaxReplyRunes))
	case len(pictures) > MaxReplyPictures:
		return paramError(opComplaintReply, fmt.Errorf("response_images must be at most %d", MaxReplyPictures))
	}
	body := struct {
		MchID    string   `json:"complainted_mchid"`
		Text     string   `json:"response_content"`
		Pictures []string `json:"response_images,omitempty"`
	}{v.mchID, text, pictures}
	return v.act(ctx, opComplaintReply, id, "/response", body)
}

// CompleteComplaint implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/complete-complaint-v2.html (反馈处理完成).
func (v *V3) CompleteComplaint(ctx context.Context, id string) error {
	return v.act(ctx, opComplaintDone, id, "/complete", map[string]string{"complainted_mchid": v.mchID})
}

// DecideComplaint implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/update-refund-progress.html (更新退款审批结果).
func (v *V3) DecideComplaint(ctx context.Context, id string, d ComplaintDecision) error {
	body := struct {
		Action   string   `json:"action"`
		Days     *int     `json:"launch_refund_day,omitempty"`
		Reason   string   `json:"reject_reason,omitempty"`
		Pictures []string `json:"reject_media_list,omitempty"`
		Remark   string   `json:"remark,omitempty"`
	}{Action: "REJECT", Reason: d.Reason, Pictures: d.Pictures, Remark: d.Remark}
	switch {
	case d.Approve && (d.Days < 0 || d.Days > maxRefundPromise):
		return paramError(opComplaintRefund, fmt.Errorf("launch_refund_day must be 0 to %d", maxRefundPromise))
	case d.Approve:
		body.Action, body.Days, body.Reason, body.Pictures = "APPROVE", &d.Days, "", nil
	case d.Reason == "" || utf8.RuneCountInString(d.Reason) > MaxReplyRunes:
		return paramError(opComplaintRefund, fmt.Errorf("reject_reason must have 1 to %d characters", MaxReplyRunes))
	case len(d.Pictures) > MaxReplyPictures:
		return paramError(opComplaintRefund, fmt.Errorf("reject_media_list must be at most %d", MaxReplyPictures))
	}
	return v.act(ctx, opComplaintRefund, id, "/update-refund-progress", body)
}

// act posts to a complaint; the answer is a signed 204.
func (v *V3) act(ctx context.Context, op, id, what string, body any) error {
	address, err := complaintURL(id, what)
	if err != nil {
		return paramError(op, err)
	}
	result, err := v.sdk.Post(ctx, address, body)
	return classify(op, result, err)
}

// ask gets JSON.
func (v *V3) ask(ctx context.Context, op, address string, into any) error {
	result, err := v.sdk.Get(ctx, address)
	return readInto(op, result, err, into)
}

// readInto reads an answer that has been verified.
func readInto(op string, result *core.APIResult, err error, into any) error {
	if err := classify(op, result, err); err != nil {
		return err
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil || json.Unmarshal(raw, into) != nil {
		return answerError(op, result, "answer is not the JSON we know")
	}
	return nil
}

// complaintURL wants an id that is one: it becomes part of the path.
func complaintURL(id, what string) (string, error) {
	if err := checkToken("complaint_id", id, maxComplaintIDBytes); err != nil {
		return "", err
	}
	return complaintsURL + "/" + url.PathEscape(id) + what, nil
}

// ComplaintAddress implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/query-complaint-notifications.html (查询投诉通知回调地址).
func (v *V3) ComplaintAddress(ctx context.Context) (string, error) {
	var answer struct {
		URL string `json:"url"`
	}
	err := v.ask(ctx, opComplaintAddress, addressURL, &answer)
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == KindNotFound {
		return "", nil
	}
	return answer.URL, err
}

// SetComplaintAddress implements [ComplaintDesk]. An address that is there is changed and not made anew.
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/create-complaint-notifications.html (创建投诉通知回调地址),
// and update-complaint-notifications.html (更新投诉通知回调地址).
func (v *V3) SetComplaintAddress(ctx context.Context, address string) error {
	have, err := v.ComplaintAddress(ctx)
	if err != nil || have == address {
		return err
	}
	body, set := map[string]string{"url": address}, v.sdk.Post
	if have != "" {
		set = v.sdk.Put
	}
	result, err := set(ctx, addressURL, body)
	var answer struct {
		URL string `json:"url"`
	}
	if err := readInto(opComplaintAddress, result, err, &answer); err != nil {
		return err
	}
	if answer.URL != address {
		return answerError(opComplaintAddress, result, "another address was set")
	}
	return nil
}

// ParseComplaintNotification implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notice.html (投诉通知回调).
func (v *V3) ParseComplaintNotification(header http.Header, body []byte) (ComplaintNotification, error) {
	note, err := v.openNotification(header, body, envelope.isComplaint)
	if err != nil {
		return ComplaintNotification{}, fmt.Errorf("check notification: %w", err)
	}
	var plain struct {
		ID     string `json:"complaint_id"`
		Action string `json:"action_type"`
	}
	if json.Unmarshal(note.plain, &plain) != nil || checkToken("complaint_id", plain.ID, maxComplaintIDBytes) != nil {
		return ComplaintNotification{}, fmt.Errorf("read notification: %w", ErrNotifyMalformed)
	}
	return ComplaintNotification{ID: note.ID, EventType: note.EventType, CreateTime: note.createdAt, ComplaintID: plain.ID, Action: cleanCode(plain.Action)}, nil
}

// isComplaint goes by the event's name: what the type of the resource is called, the documents do not say in the same way.
func (e envelope) isComplaint() bool { return strings.HasPrefix(e.EventType, eventComplaint) }

// OpenPhone implements [ComplaintDesk]. note: the hash is SHA-1, which is WeChat's choice.
func (v *V3) OpenPhone(sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", errors.New("phone number is not base64")
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, v.private, raw, nil)
	if err != nil {
		return "", errors.New("phone number cannot be decrypted: it was sealed for another certificate of the merchant's")
	}
	return string(plain), nil
}

// UploadPicture implements [ComplaintDesk].
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/images/create-images.html (商户上传反馈图片).
func (v *V3) UploadPicture(ctx context.Context, name string, picture []byte) (string, error) {
	kind := http.DetectContentType(picture)
	if !slices.Contains([]string{"image/jpeg", "image/png", "image/bmp"}, kind) || len(picture) > MaxPictureBytes {
		return "", paramError(opUploadPicture, fmt.Errorf("picture must be a JPEG, PNG or BMP of at most %d bytes", MaxPictureBytes))
	}
	sum := sha256.Sum256(picture)
	meta, err := json.Marshal(map[string]string{"filename": name, "sha256": hex.EncodeToString(sum[:])})
	if err != nil {
		return "", paramError(opUploadPicture, err)
	}
	body, contentType, err := uploadBody(meta, name, kind, picture)
	if err != nil {
		return "", paramError(opUploadPicture, err)
	}
	result, err := v.sdk.Upload(signing(ctx, meta), consts.WechatPayAPIServer+picturesPath+"upload", string(meta), body, contentType)
	var answer struct {
		ID string `json:"media_id"`
	}
	if err := readInto(opUploadPicture, result, err, &answer); err != nil {
		return "", err
	}
	if answer.ID == "" {
		return "", answerError(opUploadPicture, result, "answer has no media_id")
	}
	return answer.ID, nil
}

// uploadBody writes meta first: WeChat reads it in this order.
func uploadBody(meta []byte, name, kind string, picture []byte) (body, contentType string, err error) {
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	quoted := strings.NewReplacer(`"`, "", `\`, "", "\r", "", "\n", "").Replace(name)
	for _, part := range []struct {
		header map[string][]string
		bytes  []byte
	}{
		{map[string][]string{"Content-Disposition": {`form-data; name="meta"`}, "Content-Type": {"application/json"}}, meta},
		{map[string][]string{"Content-Disposition": {`form-data; name="file"; filename="` + quoted + `"`}, "Content-Type": {kind}}, picture},
	} {
		w, err := form.CreatePart(part.header)
		if err == nil {
			_, err = w.Write(part.bytes)
		}
		if err != nil {
			return "", "", fmt.Errorf("write form: %w", err)
		}
	}
	if err := form.Close(); err != nil {
		return "", "", fmt.Errorf("write form: %w", err)
	}
	return out.String(), form.FormDataContentType(), nil
}

// Picture implements [ComplaintDesk]. The bytes come without a signature, so that they prove nothing; they are looked at for being a picture.
//
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/images/query-images.html (图片下载).
func (v *V3) Picture(ctx context.Context, id string) ([]byte, error) {
	if !isPictureID(id) {
		return nil, paramError(opComplaintPicture, errors.New("media_id has a wrong form"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, consts.WechatPayAPIServer+picturesPath+id, http.NoBody)
	if err != nil {
		return nil, paramError(opComplaintPicture, errors.New("media_id cannot be asked for"))
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "wxbase")
	res, err := v.wire.open(req)
	if err != nil {
		return nil, networkError(opComplaintPicture, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, refusedFile(opComplaintPicture, res)
	}
	picture, err := io.ReadAll(io.LimitReader(res.Body, MaxPictureBytes*4+1))
	switch {
	case err != nil:
		return nil, networkError(opComplaintPicture, err)
	case len(picture) > MaxPictureBytes*4 || !strings.HasPrefix(http.DetectContentType(picture), "image/"):
		return nil, newError(opComplaintPicture, nil, KindUnknown, "answer is no picture")
	}
	return picture, nil
}

// isPictureID wants one segment of a path, escaped as WeChat wrote it.
func isPictureID(id string) bool {
	return id != "" && len(id) <= 600 && !strings.Contains(id, "..") && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~%=+") == ""
}

// wireComplaint is a complaint as WeChat writes it.
type wireComplaint struct {
	ID          string          `json:"complaint_id"`
	Time        json.RawMessage `json:"complaint_time"`
	Detail      string          `json:"complaint_detail"`
	State       string          `json:"complaint_state"`
	MchID       string          `json:"complainted_mchid"`
	Phone       string          `json:"payer_phone"`
	OpenID      string          `json:"payer_openid"`
	Description string          `json:"problem_description"`
	Problem     string          `json:"problem_type"`
	ApplyRefund Fen             `json:"apply_refund_amount"`
	Orders      []struct {
		TransactionID string `json:"transaction_id"`
		OutTradeNo    string `json:"out_trade_no"`
		Amount        Fen    `json:"amount"`
	} `json:"complaint_order_info"`
	Media        []wireMedia `json:"complaint_media_list"`
	FullRefunded bool        `json:"complaint_full_refunded"`
	UserWaits    bool        `json:"incoming_user_response"`
	Times        int         `json:"user_complaint_times"`
	Tags         []string    `json:"user_tag_list"`
	InPlatform   bool        `json:"in_platform_service"`
	Immediate    bool        `json:"need_immediate_service"`
}

// wireMedia is pictures, by the addresses at which they are to be had.
type wireMedia struct {
	URL []string `json:"media_url"`
}

// ids are the last segments of the addresses. NB! the host in them is not asked: our signature goes to WeChat Pay alone.
func (m wireMedia) ids() (list []string) {
	for _, address := range m.URL {
		u, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(u.Path, picturesPath) {
			continue
		}
		if id := path.Base(u.EscapedPath()); isPictureID(id) {
			list = append(list, id)
		}
	}
	return list
}

func (w wireComplaint) complaint() (Complaint, error) {
	at, err := complaintTime(w.Time)
	switch {
	case err != nil:
		return Complaint{}, err
	case checkToken("complaint_id", w.ID, maxComplaintIDBytes) != nil || w.State == "" || w.MchID == "":
		return Complaint{}, errors.New("complaint has no number, state or merchant")
	}
	c := Complaint{
		ID: w.ID, MchID: w.MchID, At: at, State: w.State, Detail: w.Detail, Problem: w.Problem, Description: w.Description, ApplyRefund: w.ApplyRefund,
		SealedPhone: w.Phone, OpenID: w.OpenID, FullRefunded: w.FullRefunded, UserWaits: w.UserWaits, Times: w.Times, Tags: w.Tags,
		InPlatform: w.InPlatform, Immediate: w.Immediate,
	}
	for _, o := range w.Orders {
		c.Orders = append(c.Orders, ComplaintOrder(o))
	}
	for _, m := range w.Media {
		c.Pictures = append(c.Pictures, m.ids()...)
	}
	return c, nil
}

// complaintTime reads RFC 3339, as the documents have it, or milliseconds, as people have seen.
func complaintTime(raw json.RawMessage) (time.Time, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		at, err := readTime(text)
		if err == nil && !at.IsZero() {
			return at, nil
		}
	}
	if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil && ms > 0 {
		return time.UnixMilli(ms), nil
	}
	return time.Time{}, errors.New("complaint has no time")
}

// wireStep is one line of the history.
type wireStep struct {
	ID      string          `json:"log_id"`
	By      string          `json:"operator"`
	At      json.RawMessage `json:"operate_time"`
	What    string          `json:"operate_type"`
	Details string          `json:"operate_details"`
	Images  []string        `json:"image_list"`
	Media   wireMedia       `json:"complaint_media_list"`
}

func (w wireStep) step() ComplaintStep {
	at, _ := complaintTime(w.At) // a step without a time is still one
	return ComplaintStep{
		ID: w.ID, By: w.By, At: at, What: cleanCode(w.What), Said: w.Details, Pictures: append(w.Media.ids(), wireMedia{w.Images}.ids()...),
	}
}

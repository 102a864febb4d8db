package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wxbase/internal/sim/wire"
)

// complaintEndpoints are the calls of WeChat Pay's complaints.
func complaintEndpoints() []endpoint {
	const get, post, base = http.MethodGet, http.MethodPost, "/v3/merchant-service/"
	return []endpoint{
		{name: "complaints", method: get, path: base + "complaints-v2", pay: true, run: (*Sim).listComplaints},
		{name: "complaint", method: get, path: base + "complaints-v2/:complaint_id", pay: true, run: (*Sim).complaintDetail},
		{name: "complaint_history", method: get, path: base + "complaints-v2/:complaint_id/negotiation-historys", pay: true, run: (*Sim).complaintHistory},
		{name: "complaint_reply", method: post, path: base + "complaints-v2/:complaint_id/response", pay: true, run: (*Sim).replyComplaint},
		{name: "complaint_complete", method: post, path: base + "complaints-v2/:complaint_id/complete", pay: true, run: (*Sim).completeComplaint},
		{name: "complaint_refund", method: post, path: base + "complaints-v2/:complaint_id/update-refund-progress", pay: true, run: (*Sim).updateRefundProgress},
		{name: "complaint_address", method: get, path: base + "complaint-notifications", pay: true, run: (*Sim).showComplaintAddress},
		{name: "complaint_address_make", method: post, path: base + "complaint-notifications", pay: true, run: (*Sim).makeComplaintAddress},
		{name: "complaint_address_change", method: http.MethodPut, path: base + "complaint-notifications", pay: true, run: (*Sim).changeComplaintAddress},
		{name: "complaint_address_delete", method: http.MethodDelete, path: base + "complaint-notifications", pay: true, run: (*Sim).deleteComplaintAddress},
		{name: "complaint_picture_upload", method: post, path: base + "images/upload", pay: true, upload: true, run: (*Sim).uploadPicture},
		{name: "complaint_picture", method: get, path: base + "images/:media_id", pay: true, run: (*Sim).showPicture},
	}
}

// Limits of WeChat Pay's pages on complaints.
const (
	complaintPage     = 50 // per list
	historyPage       = 300
	complaintSpan     = 30 * 24 * time.Hour // between begin_date and end_date
	replyRunes        = 200
	replyPictures     = 4
	repliesPerMinute  = 60
	listsPerMinute    = 200
	completePerMinute = 1_500
)

// complaintAnswer is a complaint as list and detail tell it.
type complaintAnswer struct {
	ID           string           `json:"complaint_id"`
	Time         string           `json:"complaint_time"`
	Detail       string           `json:"complaint_detail"`
	State        string           `json:"complaint_state"`
	MchID        string           `json:"complainted_mchid"`
	Phone        string           `json:"payer_phone"` // for the merchant's certificate
	OpenID       string           `json:"payer_openid,omitempty"`
	Orders       []complaintOrder `json:"complaint_order_info"`
	ServiceOrder []struct{}       `json:"service_order_info"`
	Media        []mediaList      `json:"complaint_media_list"`
	FullRefunded bool             `json:"complaint_full_refunded"`
	UserWaits    bool             `json:"incoming_user_response"`
	Description  string           `json:"problem_description"`
	Times        int              `json:"user_complaint_times"`
	Problem      string           `json:"problem_type"`
	ApplyRefund  int64            `json:"apply_refund_amount,omitempty"`
	Tags         []string         `json:"user_tag_list"`
	InPlatform   bool             `json:"in_platform_service"`
	Immediate    bool             `json:"need_immediate_service"`
}

type complaintOrder struct {
	TransactionID string `json:"transaction_id"`
	OutTradeNo    string `json:"out_trade_no"`
	Amount        int64  `json:"amount"`
}

// answer tells a complaint; the payer's openid is told by the detail alone.
func (c *complaint) answer(m *seller, detail bool) complaintAnswer {
	a := complaintAnswer{
		ID: c.ID, Time: wire.Stamp(c.MadeAt), Detail: c.Detail, State: c.State, MchID: c.MchID, Phone: sealFor(m.merchantPublic, c.Phone),
		Orders: []complaintOrder{{c.Transaction, c.OutTradeNo, c.Amount}}, ServiceOrder: []struct{}{}, Media: []mediaList{},
		FullRefunded: c.FullRefunded, UserWaits: c.UserWaits, Description: problemWords(c.Problem), Times: c.Times, Problem: c.Problem,
		ApplyRefund: c.ApplyRefund, Tags: append([]string{}, c.Tags...),
	}
	if list := mediaOf("USER_COMPLAINT_IMAGE", c.Pictures); list != nil {
		a.Media = append(a.Media, *list)
	}
	if detail {
		a.OpenID = c.OpenID
	}
	return a
}

func problemWords(problem string) string {
	switch problem {
	case problemRefund:
		return "申请退款"
	case "SERVICE_NOT_WORK":
		return "服务权益未生效"
	}
	return "其他类型"
}

// sealFor encrypts a field for the merchant. note: the hash is SHA-1, which is WeChat Pay's choice.
func sealFor(key *rsa.PublicKey, text string) string {
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, []byte(text), nil)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

// listComplaints is GET /v3/merchant-service/complaints-v2.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/list-complaints-v2.html (查询投诉单列表)
func (s *Sim) listComplaints(c *call) reply {
	begin, end, bad := daysOf(c)
	limit, offset := 0, 0
	if bad == nil {
		limit, offset, bad = pageOf(c, complaintPage)
	}
	if mchid := c.query.Get("complainted_mchid"); bad == nil && mchid != "" {
		bad = ownMchID(c, "query", "complainted_mchid", mchid)
	}
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limits.Allow("complaint list/"+c.seller.MchID, listsPerMinute, time.Minute, c.now) {
		return tooOften().reply(c)
	}
	found := []complaintAnswer{}
	for _, one := range slices.Backward(s.state.complaintShelf.Rows) {
		if one.MchID == c.seller.MchID && !one.MadeAt.Before(begin) && one.MadeAt.Before(end) {
			found = append(found, one.answer(c.seller, false))
		}
	}
	return okPay(struct {
		Data   []complaintAnswer `json:"data"`
		Limit  int               `json:"limit"`
		Offset int               `json:"offset"`
		Total  int               `json:"total_count"`
	}{cut(found, limit, offset), limit, offset, len(found)})
}

// daysOf reads begin_date and end_date, both of which belong to the span. end is the first moment after it.
func daysOf(c *call) (begin, end time.Time, bad *payError) {
	for name, into := range map[string]*time.Time{"begin_date": &begin, "end_date": &end} {
		day, err := time.ParseInLocation(time.DateOnly, c.query.Get(name), wire.Beijing())
		if err != nil {
			e := paramError(numParam, "query", name, clip(c.query.Get(name), 20), "日期须为yyyy-MM-DD格式")
			return begin, end, &e
		}
		*into = day
	}
	if end.Before(begin) || end.Sub(begin) > complaintSpan {
		e := paramError(numOutOfRange, "query", "end_date", c.query.Get("end_date"), "查询日期跨度不能超过30天")
		return begin, end, &e
	}
	return begin, end.AddDate(0, 0, 1), nil
}

// tooOften is the refusal of a call beyond its rate.
func tooOften() payError {
	return payError{status: 429, code: "FREQUENCY_LIMITED", numeric: numRate, message: "频率超限", reason: "more calls of a kind in a minute than the merchant may make"}
}

// noComplaint is the refusal of a number that is none of the merchant's.
func noComplaint() payError {
	return payError{status: 400, code: "INVALID_REQUEST", numeric: numParam, message: "投诉单不存在", reason: "no such complaint of this merchant"}
}

// withComplaint runs a call on the complaint of its path.
func (s *Sim) withComplaint(c *call, do func(*complaint) reply) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.state.complaints[c.param("complaint_id")]
	if one == nil || one.MchID != c.seller.MchID {
		return noComplaint().reply(c)
	}
	return do(one)
}

// complaintDetail is GET /v3/merchant-service/complaints-v2/{complaint_id}.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/query-complaint-v2.html (查询投诉单详情)
func (s *Sim) complaintDetail(c *call) reply {
	return s.withComplaint(c, func(one *complaint) reply { return okPay(one.answer(c.seller, true)) })
}

// negotiationAnswer is one step as the history tells it.
type negotiationAnswer struct {
	ID      string     `json:"log_id"`
	By      string     `json:"operator"`
	At      string     `json:"operate_time"`
	What    string     `json:"operate_type"`
	Details string     `json:"operate_details"`
	Images  []string   `json:"image_list"`
	Media   *mediaList `json:"complaint_media_list,omitempty"`
}

// complaintHistory is GET /v3/merchant-service/complaints-v2/{complaint_id}/negotiation-historys, the latest step first.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/query-negotiation-history-v2.html (查询投诉单协商历史)
func (s *Sim) complaintHistory(c *call) reply {
	limit, offset, bad := pageOf(c, historyPage)
	if bad != nil {
		return bad.reply(c)
	}
	return s.withComplaint(c, func(one *complaint) reply {
		list := make([]negotiationAnswer, 0, len(one.History))
		for _, step := range slices.Backward(one.History) {
			a := negotiationAnswer{ID: step.ID, By: step.By, At: wire.Stamp(step.At), What: step.What, Details: step.Said, Images: []string{}}
			if a.Media = mediaOf("OPERATION_IMAGE", step.Pictures); step.What == doneCreate {
				a.Media = mediaOf("USER_COMPLAINT_IMAGE", step.Pictures)
			}
			list = append(list, a)
		}
		return okPay(struct {
			Data   []negotiationAnswer `json:"data"`
			Limit  int                 `json:"limit"`
			Offset int                 `json:"offset"`
			Total  int                 `json:"total_count"`
		}{cut(list, limit, offset), limit, offset, len(list)})
	})
}

// replyRules is the body of an answer to the payer.
func replyRules() []rule {
	return []rule{
		{name: "complainted_mchid", required: true, most: 64},
		{name: "response_content", required: true, check: func(v string) string {
			if utf8.RuneCountInString(v) > replyRunes {
				return "回复内容不能超过200个字符"
			}
			return ""
		}},
		{name: "response_images", kind: kindTexts, most: 512},
		{name: "jump_url", most: 512},
		{name: "jump_url_text", most: 30},
		{name: "mini_program_jump_info", kind: kindObject, fields: []rule{
			{name: "appid", required: true}, {name: "path", required: true}, {name: "text", required: true},
		}},
	}
}

// replyComplaint is POST /v3/merchant-service/complaints-v2/{complaint_id}/response.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/response-complaint-v2.html (回复用户)
func (s *Sim) replyComplaint(c *call) reply {
	fields, bad := readComplaintBody(c, replyRules())
	if bad != nil {
		return bad.reply(c)
	}
	return s.withComplaint(c, func(one *complaint) reply {
		if !s.limits.Allow("complaint reply/"+c.seller.MchID, repliesPerMinute, time.Minute, c.now) {
			return tooOften().reply(c)
		}
		pictures, bad := s.ownPictures(c, "/response_images", fields["response_images"])
		if bad != nil {
			return bad.reply(c)
		}
		return s.moved(c, one, func(next *complaint) {
			if next.State == complaintPending {
				next.State = complaintProcessing
			}
			next.UserWaits = false
			next.add(doneReply, byMerchant, text(fields["response_content"]), c.now, pictures...)
		})
	})
}

// readComplaintBody reads and checks a body that names the merchant.
func readComplaintBody(c *call, rules []rule) (map[string]any, *payError) {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = checkFields("", fields, rules)
	}
	if mchid, named := fields["complainted_mchid"]; bad == nil && named {
		bad = ownMchID(c, "body", "/complainted_mchid", text(mchid))
	}
	return fields, bad
}

// ownPictures checks that pictures were uploaded by the merchant. The caller holds s.mu.
func (s *Sim) ownPictures(c *call, at string, value any) (ids []string, bad *payError) {
	list, _ := value.([]any)
	if len(list) > replyPictures {
		return nil, badField(numOutOfRange, at, len(list), "最多上传4张图片")
	}
	for _, one := range list {
		picture := s.state.complaintPictures[text(one)]
		if picture == nil || !picture.Mine || picture.MchID != c.seller.MchID {
			return nil, badField(numParam, at, clip(text(one), 64), "图片不存在，请先上传")
		}
		ids = append(ids, picture.ID)
	}
	return ids, nil
}

// moved changes a complaint by the merchant's hand, which nobody is told of. The caller holds s.mu.
func (s *Sim) moved(c *call, one *complaint, change func(*complaint)) reply {
	if err := s.move(one, "", change); err != nil {
		return systemError(err.Error()).reply(c)
	}
	return reply{status: http.StatusNoContent}
}

// completeComplaint is POST /v3/merchant-service/complaints-v2/{complaint_id}/complete.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/complete-complaint-v2.html (反馈处理完成)
func (s *Sim) completeComplaint(c *call) reply {
	if _, bad := readComplaintBody(c, []rule{{name: "complainted_mchid", required: true, most: 64}}); bad != nil {
		return bad.reply(c)
	}
	return s.withComplaint(c, func(one *complaint) reply {
		switch {
		case !s.limits.Allow("complaint complete/"+c.seller.MchID, completePerMinute, time.Minute, c.now):
			return tooOften().reply(c)
		case one.State == complaintProcessed:
			return wrongComplaintState("the complaint is PROCESSED already").reply(c)
		}
		return s.moved(c, one, func(next *complaint) {
			next.State, next.UserWaits = complaintProcessed, false
			next.add(doneComplete, byMerchant, "", c.now)
		})
	})
}

func wrongComplaintState(why string) payError {
	return payError{status: 400, code: "INVALID_REQUEST", numeric: numParam, message: "当前投诉单状态不支持该操作", reason: why}
}

// progressRules is the body of a decision about a refund.
func progressRules() []rule {
	return []rule{
		{name: "action", required: true, check: func(v string) string {
			if v != "APPROVE" && v != "REJECT" {
				return "审批动作只能是APPROVE或REJECT"
			}
			return ""
		}},
		{name: "launch_refund_day", kind: kindInteger, atMost: 30},
		{name: "reject_reason", most: 600},
		{name: "reject_media_list", kind: kindTexts, most: 512},
		{name: "remark", most: 600},
	}
}

// updateRefundProgress is POST /v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress: a promise, by which no money moves.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaints/update-refund-progress.html (更新退款审批结果)
func (s *Sim) updateRefundProgress(c *call) reply {
	fields, bad := readComplaintBody(c, progressRules())
	if bad == nil && text(fields["action"]) == "REJECT" && text(fields["reject_reason"]) == "" {
		bad = badField(numParam, "/reject_reason", nil, "缺少必填参数")
	}
	if bad != nil {
		return bad.reply(c)
	}
	return s.withComplaint(c, func(one *complaint) reply {
		if one.Problem != problemRefund || one.State == complaintProcessed {
			return wrongComplaintState("only a complaint that asks for a refund and is not PROCESSED takes a decision").reply(c)
		}
		pictures, bad := s.ownPictures(c, "/reject_media_list", fields["reject_media_list"])
		if bad != nil {
			return bad.reply(c)
		}
		return s.moved(c, one, func(next *complaint) {
			next.State, next.UserWaits = complaintProcessing, false
			if text(fields["action"]) == "APPROVE" {
				next.add(doneApproveRefund, byMerchant, strings.TrimSpace("同意退款 "+text(fields["remark"])), c.now)
				return
			}
			next.add(doneRefuseRefund, byMerchant, text(fields["reject_reason"]), c.now, pictures...)
		})
	})
}

// addressAnswer is what the address calls answer.
type addressAnswer struct {
	MchID string `json:"mchid"`
	URL   string `json:"url"`
}

// noAddress is the refusal where there is no address.
func noAddress() payError {
	return payError{status: 404, code: "RESOURCE_NOT_EXISTS", numeric: numParam, message: "投诉通知回调地址不存在", reason: "the merchant has set no address for complaints"}
}

// showComplaintAddress is GET /v3/merchant-service/complaint-notifications.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/query-complaint-notifications.html (查询投诉通知回调地址)
func (s *Sim) showComplaintAddress(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := s.complaintURL(c.seller.MchID)
	if url == "" {
		return noAddress().reply(c)
	}
	return okPay(addressAnswer{c.seller.MchID, url})
}

// complaintURL is where a merchant hears of complaints, empty for nowhere. The caller holds s.mu.
func (s *Sim) complaintURL(mchID string) string {
	if row := s.state.complaintAt[mchID]; row != nil {
		return row.URL
	}
	return ""
}

// makeComplaintAddress is POST /v3/merchant-service/complaint-notifications: the first address of a merchant.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/create-complaint-notifications.html (创建投诉通知回调地址)
func (s *Sim) makeComplaintAddress(c *call) reply { return s.setComplaintAddress(c, false) }

// changeComplaintAddress is PUT /v3/merchant-service/complaint-notifications: another address in the place of the one that is there.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/update-complaint-notifications.html (更新投诉通知回调地址)
func (s *Sim) changeComplaintAddress(c *call) reply { return s.setComplaintAddress(c, true) }

func (s *Sim) setComplaintAddress(c *call, there bool) reply {
	fields, bad := readComplaintBody(c, []rule{{name: "url", required: true, most: 255, check: checkNotifyURL}})
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch has := s.complaintURL(c.seller.MchID) != ""; {
	case has && !there:
		return payError{
			status: 400, code: "RESOURCE_ALREADY_EXISTS", numeric: numParam, message: "投诉通知回调地址已存在", reason: "a merchant has one address for complaints: change it by PUT",
		}.reply(c)
	case !has && there:
		return noAddress().reply(c)
	}
	return s.keepComplaintAddress(c, text(fields["url"]), okPay(addressAnswer{c.seller.MchID, text(fields["url"])}))
}

// deleteComplaintAddress is DELETE /v3/merchant-service/complaint-notifications.
// https://pay.weixin.qq.com/docs/merchant/apis/consumer-complaint/complaint-notifications/delete-complaint-notifications.html (删除投诉通知回调地址)
func (s *Sim) deleteComplaintAddress(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepComplaintAddress(c, "", reply{status: http.StatusNoContent})
}

func (s *Sim) keepComplaintAddress(c *call, url string, done reply) reply {
	row := &complaintAddress{MchID: c.seller.MchID, URL: url}
	if err := s.save(row); err != nil {
		return systemError(err.Error()).reply(c)
	}
	s.state.complaintAt[row.MchID] = row
	return done
}

package sim

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"wxbase/internal/sim/book"
)

// What a trade complaint of the platform (交易类投诉) can be at. note: of the many numbers there are, the documents name these; and 312,
// 平台判定商家责任，平台退款中; where the simulator goes on from 201 and 206 is of its own making.
const (
	tradeToAnswer = 201 // 待商家处理
	tradeToProve  = 206 // 平台判定商家责任，待上传处理凭证
	tradeJudged   = 301 // WeChat looks at it: no number of WeChat's

	eventTradeComplaint = "complaint_callback"
	tradeAnswerWithin   = 48 * time.Hour
)

// tradeComplaint is what a person says of an order in the mini program, to the platform.
type tradeComplaint struct {
	ID          int64       `json:"id"`
	AppID       string      `json:"appid"`
	Person      string      `json:"person"`
	OpenID      string      `json:"openid"`
	Phone       string      `json:"phone"`
	OutTradeNo  string      `json:"outTradeNo"`
	Transaction string      `json:"transactionId"`
	Total       int64       `json:"total"` // fen
	Product     string      `json:"product"`
	PaidAt      time.Time   `json:"paidAt"`
	Type        int         `json:"type"`
	Detail      string      `json:"detail"`
	Status      int         `json:"status"`
	MadeAt      time.Time   `json:"madeAt"`
	Expires     time.Time   `json:"expires,omitzero"` // of the status
	History     []tradeStep `json:"history"`
}

func (c tradeComplaint) Entity() (kind, id string) {
	return "trade_complaint", strconv.FormatInt(c.ID, 10)
}

// tradeStep is one line of its progress.
type tradeStep struct {
	At       time.Time `json:"at"`
	Said     string    `json:"said"`
	Pictures []string  `json:"pictures,omitempty"`
}

// tradeComplaintTable is the platform's complaints.
type tradeComplaintTable struct {
	tradeComplaints map[string]*tradeComplaint
	tradeShelf      book.Shelf[tradeComplaint]
}

func (t *tradeComplaintTable) register(r *registry) {
	remember(r, "trade_complaint", &t.tradeComplaints, nil)
	r.indexes = append(r.indexes, func(restart) {
		t.tradeShelf.Restock(t.tradeComplaints, func(c *tradeComplaint) time.Time { return c.MadeAt })
	})
}

// complainToPlatform makes a trade complaint and pushes it. The caller holds s.mu.
func (s *Sim) complainToPlatform(o *order, person, detail string) (*tradeComplaint, error) {
	now := s.Now()
	c := &tradeComplaint{
		ID: 5_101_151 + int64(len(s.state.tradeComplaints)), AppID: o.AppID, Person: person, OpenID: o.OpenID, OutTradeNo: o.OutTradeNo,
		Transaction: o.TransactionID, Total: o.Total, Product: o.Description, Type: 1, Detail: or(detail, "商家一直没有发货"), MadeAt: now,
	}
	if o.PaidAt != nil {
		c.PaidAt = *o.PaidAt
	}
	if p := s.state.people[person]; p != nil {
		c.Phone = p.Phone
	}
	c.reach(tradeToAnswer, c.Detail, now)
	if err := s.saveWith([]book.Row{c}, s.tradeNote(c, "1")); err != nil {
		return nil, err
	}
	_, id := c.Entity()
	s.state.tradeComplaints[id] = c
	s.state.tradeShelf.Put(id, c)
	return c, nil
}

// reach gives a complaint its next status, with the time that the merchant has.
func (c *tradeComplaint) reach(status int, said string, at time.Time, pictures ...string) {
	c.Status, c.Expires = status, time.Time{}
	if status == tradeToAnswer || status == tradeToProve {
		c.Expires = at.Add(tradeAnswerWithin)
	}
	c.History = append(slices.Clip(c.History), tradeStep{At: at, Said: said, Pictures: pictures})
}

// moveTrade changes a complaint, and pushes that where told. The caller holds s.mu.
func (s *Sim) moveTrade(c *tradeComplaint, told bool, change func(*tradeComplaint)) error {
	next := *c
	change(&next)
	var push *notification
	if told {
		push = s.tradeNote(&next, "2")
	}
	if err := s.saveWith([]book.Row{&next}, push); err != nil {
		return err
	}
	*c = next
	return nil
}

// tradeNote is the event: what is told lies in BussiCallBackInfo.
func (s *Sim) tradeNote(c *tradeComplaint, option string) *notification {
	history := make([]any, 0, len(c.History))
	for _, step := range c.History {
		history = append(history, map[string]any{"time": step.At.Unix(), "content": step.Said, "media_id_list": ""})
	}
	info := map[string]any{
		"appid": c.AppID, "option_type": option, "complaint_order_id": c.ID, "status": c.Status, "create_time": c.MadeAt.Unix(),
		"expire_time": unixOrNone(c.Expires), "type": c.Type, "order_id": c.Transaction, "out_trade_no": c.OutTradeNo, "phone_number": c.Phone, "open_id": c.OpenID,
		"customer_material_content": c.Detail, "customer_material_media_id_list": "", "pay_time": c.PaidAt.Unix(), "total_cost": c.Total,
		"product_name": c.Product, "history": history,
	}
	return s.newEvent(c.AppID, c.OpenID, eventTradeComplaint, pushFields{"BussiCallBackInfo": info})
}

func unixOrNone(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// tradeDetail is GET /wxaapi/minishop/complaintOrderDetail.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/transaction-guarantee/complaint/api_getorderdetail.html (查询投诉单详情)
func (s *Sim) tradeDetail(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.tradeOf(c, c.query.Get("complaintOrderId"))
	if one == nil {
		return c.refuse(1, "no such trade complaint of this mini program")
	}
	items := make([]map[string]any, 0, len(one.History))
	for _, step := range one.History {
		items = append(items, map[string]any{"time": step.At.Unix(), "content": step.Said, "mediaIdList": append([]string{}, step.Pictures...)})
	}
	return c.ok(struct {
		plainOK
		Order map[string]any   `json:"complaintOrder"`
		Item  []map[string]any `json:"item"`
	}{plainOK{ErrMsg: "ok"}, map[string]any{
		"complaintOrderId": strconv.FormatInt(one.ID, 10), "openid": one.OpenID, "createTime": one.MadeAt.Unix(), "phoneNumber": one.Phone, "type": one.Type,
		"status": one.Status, "customerMaterial": map[string]any{"content": one.Detail, "mediaIdList": []string{}}, "orderId": one.Transaction, "outTradeNo": one.OutTradeNo,
		"productName": one.Product, "payTime": one.PaidAt.Unix(), "totalCost": strconv.FormatInt(one.Total, 10), "expireTime": unixOrNone(one.Expires),
	}, items})
}

// tradeOf finds a complaint of the caller's mini program. The caller holds s.mu.
func (s *Sim) tradeOf(c *call, id string) *tradeComplaint {
	one := s.state.tradeComplaints[id]
	if one == nil || one.AppID != c.appid {
		return nil
	}
	return one
}

// tradeRequest is the body of all calls that say something.
type tradeRequest struct {
	ID       int64    `json:"complaintOrderId"`
	Handle   int      `json:"bussiHandle"` // 1 agrees to settle, 2 refuses
	Content  string   `json:"content"`
	Pictures []string `json:"mediaIdList"`
}

// respondTrade is POST /wxaapi/minishop/bussiRespondComplaint.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/transaction-guarantee/complaint/api_respondcomplaint.html (商家回应投诉)
func (s *Sim) respondTrade(c *call) reply {
	return s.sayTrade(c, tradeToAnswer, func(in tradeRequest) (status int, ok bool) {
		return map[int]int{1: tradeToProve, 2: tradeJudged}[in.Handle], in.Handle == 1 || in.Handle == 2
	})
}

// proveTrade is POST /wxaapi/minishop/bussiSupplyProof.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/transaction-guarantee/complaint/api_supplyproof.html (商家补充凭证)
func (s *Sim) proveTrade(c *call) reply {
	return s.sayTrade(c, tradeToProve, func(tradeRequest) (int, bool) { return tradeJudged, true })
}

// proveTradeRefund is POST /wxaapi/minishop/bussiSupplyRefund.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/transaction-guarantee/complaint/api_submitrefund.html (商家提交退款凭证)
func (s *Sim) proveTradeRefund(c *call) reply { return s.proveTrade(c) }

// sayTrade checks what is common to these calls and moves the complaint on.
func (s *Sim) sayTrade(c *call, at int, next func(tradeRequest) (int, bool)) reply {
	var in tradeRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	status, ok := next(in)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.tradeOf(c, strconv.FormatInt(in.ID, 10))
	switch {
	case one == nil:
		return c.refuse(1, "no such trade complaint of this mini program")
	case !ok:
		return c.refuse(10001, "bussiHandle must be 1 (agree) or 2 (refuse)")
	case in.Content == "" && len(in.Pictures) == 0 || !s.uploadedBy(c.appid, in.Pictures):
		return c.refuse(2, "content and mediaIdList are both empty, or a picture was never uploaded")
	case one.Status != at:
		return c.refuse(309, "the trade complaint waits for something else")
	}
	err := s.moveTrade(one, false, func(next *tradeComplaint) { next.reach(status, in.Content, c.now, in.Pictures...) })
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// uploadedBy tells whether all pictures are the mini program's own. The caller holds s.mu.
func (s *Sim) uploadedBy(appid string, ids []string) bool {
	for _, id := range ids {
		if picture := s.state.complaintPictures[id]; picture == nil || picture.MchID != appid {
			return false
		}
	}
	return true
}

// tradeEndpoints are the calls of the platform's complaints.
func tradeEndpoints() []endpoint {
	const get, post = http.MethodGet, http.MethodPost
	return []endpoint{
		{name: "media_upload", method: post, path: "/cgi-bin/media/upload", token: true, upload: true, run: (*Sim).uploadMedia},
		{name: "complaint_order_detail", method: get, path: "/wxaapi/minishop/complaintOrderDetail", token: true, run: (*Sim).tradeDetail},
		{name: "complaint_order_respond", method: post, path: "/wxaapi/minishop/bussiRespondComplaint", token: true, run: (*Sim).respondTrade},
		{name: "complaint_order_proof", method: post, path: "/wxaapi/minishop/bussiSupplyProof", token: true, run: (*Sim).proveTrade},
		{name: "complaint_order_refund", method: post, path: "/wxaapi/minishop/bussiSupplyRefund", token: true, run: (*Sim).proveTradeRefund},
	}
}

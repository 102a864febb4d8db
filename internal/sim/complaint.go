package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// The states of a complaint, and what happens to it, in WeChat Pay's words.
const (
	complaintPending    = "PENDING"
	complaintProcessing = "PROCESSING"
	complaintProcessed  = "PROCESSED"

	problemRefund = "REFUND"

	doneCreate        = "USER_CREATE_COMPLAINT"
	doneContinue      = "USER_CONTINUE_COMPLAINT"
	doneUserResponse  = "USER_RESPONSE"
	doneRevoke        = "USER_REVOKE_COMPLAINT"
	doneReply         = "MERCHANT_RESPONSE"
	doneComplete      = "MERCHANT_CONFIRM_COMPLETE"
	doneApproveRefund = "MERCHANT_APPROVE_REFUND"
	doneRefuseRefund  = "MERCHANT_REFUSE_RERUND" // note: spelled so
	doneFullRefund    = "COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE"
	donePartRefund    = "COMPLAINT_PARTIAL_REFUNDED_SYSTEM_MESSAGE"

	byUser     = "投诉人"
	byMerchant = "商户"
	byPlatform = "微信支付"

	eventComplaint       = "COMPLAINT.CREATE"
	eventComplaintChange = "COMPLAINT.STATE_CHANGE"
	originComplaint      = "complaint"

	onComplaintNotification = "complaint_notification"
)

// complaint is what a payer says of an order at WeChat Pay (消费者投诉2.0). Amounts are fen.
type complaint struct {
	ID           string        `json:"id"`
	MchID        string        `json:"mchid"`
	AppID        string        `json:"appid"`
	Person       string        `json:"person"`
	OpenID       string        `json:"openid"`
	Phone        string        `json:"phone"`
	OutTradeNo   string        `json:"outTradeNo"`
	Transaction  string        `json:"transactionId"`
	Amount       int64         `json:"amount"`
	Detail       string        `json:"detail"`
	Problem      string        `json:"problemType"` // REFUND, SERVICE_NOT_WORK or OTHERS
	ApplyRefund  int64         `json:"applyRefund,omitempty"`
	Tags         []string      `json:"tags,omitempty"`
	Pictures     []string      `json:"pictures,omitempty"` // ids
	State        string        `json:"state"`
	FullRefunded bool          `json:"fullRefunded,omitempty"`
	UserWaits    bool          `json:"userWaits,omitempty"`
	Times        int           `json:"times"`
	ByKey        bool          `json:"byKey"`
	MadeAt       time.Time     `json:"madeAt"`
	History      []negotiation `json:"history"` // the oldest first
}

func (c complaint) Entity() (kind, id string) { return "complaint", c.ID }

// negotiation is one step between payer, merchant and WeChat.
type negotiation struct {
	ID       string    `json:"id"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	What     string    `json:"what"`
	Said     string    `json:"said,omitempty"`
	Pictures []string  `json:"pictures,omitempty"`
}

// complaintAddress is where a merchant wants to hear of complaints.
type complaintAddress struct {
	MchID string `json:"mchid"`
	URL   string `json:"url"` // empty once it is deleted
}

func (a complaintAddress) Entity() (kind, id string) { return "complaint_address", a.MchID }

// complaintPicture is a picture of a payer or of a merchant.
type complaintPicture struct {
	ID    string    `json:"id"`
	MchID string    `json:"mchid"`
	Mine  bool      `json:"mine"` // the merchant's own, which the images API does not give back
	Bytes []byte    `json:"bytes"`
	At    time.Time `json:"at"`
}

func (p complaintPicture) Entity() (kind, id string) { return "complaint_picture", p.ID }

// complaintTable is the complaints, their pictures and the addresses.
type complaintTable struct {
	complaints        map[string]*complaint
	complaintAt       map[string]*complaintAddress // by mchid
	complaintPictures map[string]*complaintPicture
	complaintShelf    book.Shelf[complaint]
}

func (t *complaintTable) register(r *registry) {
	remember(r, "complaint", &t.complaints, nil)
	remember(r, "complaint_address", &t.complaintAt, nil)
	remember(r, "complaint_picture", &t.complaintPictures, nil)
	r.indexes = append(r.indexes, func(restart) {
		t.complaintShelf.Restock(t.complaints, func(c *complaint) time.Time { return c.MadeAt })
	})
}

// add appends a step to the history.
func (c *complaint) add(what, by, said string, at time.Time, pictures ...string) {
	c.History = append(slices.Clip(c.History), negotiation{
		ID: "3002" + at.In(wire.Beijing()).Format("20060102") + wire.Pick(wire.Digits, 15), By: by, At: at, What: what, Said: said, Pictures: pictures,
	})
}

// complaintWish is what a person says.
type complaintWish struct {
	detail, problem string
	refund          int64 // fen that the person wants back, 0: all
	pictures        [][]byte
}

// complain makes a complaint about a paid order and tells the merchant. The caller holds s.mu.
func (s *Sim) complain(o *order, person string, wish complaintWish) (*complaint, error) {
	now := s.Now()
	c := &complaint{
		ID:    "2002" + now.In(wire.Beijing()).Format("20060102") + wire.Pick(wire.Digits, 15),
		MchID: o.MchID, AppID: o.AppID, Person: person, OpenID: o.OpenID, OutTradeNo: o.OutTradeNo, Transaction: o.TransactionID, Amount: o.Total,
		Detail: or(wish.detail, "商品有问题，希望退款"), Problem: or(wish.problem, problemRefund), State: complaintPending, UserWaits: true, Times: 1,
		ByKey: o.ByKey, MadeAt: now,
	}
	if p := s.state.people[person]; p != nil {
		c.Phone = p.Phone
	}
	if c.Problem == problemRefund {
		c.ApplyRefund = wish.refund
		if c.ApplyRefund == 0 {
			c.ApplyRefund = o.Total - o.Refunded
		}
	}
	rows := make([]book.Row, 0, len(wish.pictures)+2)
	for _, picture := range wish.pictures {
		row := &complaintPicture{ID: wire.Pick(wire.URLAlnum, 40), MchID: o.MchID, Bytes: picture, At: now}
		rows = append(rows, row)
		c.Pictures = append(c.Pictures, row.ID)
	}
	c.add(doneCreate, byUser, c.Detail, now, c.Pictures...)
	if err := s.saveWith(append(rows, c), s.complaintNote(c, eventComplaint, "CREATE_COMPLAINT", now)); err != nil {
		return nil, err
	}
	for _, row := range rows {
		if picture, ok := row.(*complaintPicture); ok {
			s.state.complaintPictures[picture.ID] = picture
		}
	}
	s.state.complaints[c.ID] = c
	s.state.complaintShelf.Put(c.ID, c)
	return c, nil
}

// move changes a complaint and, where action says what happened, tells the merchant. The caller holds s.mu.
//
// note: the merchant's own actions are told to nobody.
func (s *Sim) move(c *complaint, action string, change func(*complaint)) error {
	next := *c
	change(&next)
	var told *notification
	if action != "" {
		told = s.complaintNote(&next, eventComplaintChange, action, s.Now())
	}
	if err := s.saveWith([]book.Row{&next}, told); err != nil {
		return err
	}
	*c = next
	return nil
}

// complaintNotice is the inside of a notification: which complaint it is, and no more.
type complaintNotice struct {
	ComplaintID string `json:"complaint_id"`
	ActionType  string `json:"action_type"`
}

// complaintNote is the message to the merchant, nil where there is no address.
func (s *Sim) complaintNote(c *complaint, event, action string, at time.Time) *notification {
	address := s.state.complaintAt[c.MchID]
	if address == nil || address.URL == "" {
		return nil
	}
	n := newNotification(event, apiV3, address.URL, at)
	n.OutTradeNo, n.ByKey = c.OutTradeNo, c.ByKey
	n.Complaint = &complaintTold{MchID: c.MchID, ID: c.ID, Action: action}
	return n
}

// complaintTold is what a notification keeps of a complaint.
type complaintTold struct {
	MchID  string `json:"mchid"`
	ID     string `json:"complaint_id"`
	Action string `json:"action_type"`
}

// notice is what the message says, or what a fault makes of it that a receiver has to notice.
func (t complaintTold) notice(f *fault) complaintNotice {
	if f.hasKind("unknown_complaint") {
		t.ID = "2002" + wire.Pick(wire.Digits, 23)
	}
	return complaintNotice{ComplaintID: t.ID, ActionType: t.Action}
}

func complaintSummary(event string) string {
	if event == eventComplaint {
		return "产生新投诉"
	}
	return "投诉单状态变化"
}

// complaintRetries is WeChat Pay's schedule for complaints: after five seconds, ten times after a minute, then every five minutes for a week
// or a thousand times, whichever is less.
func complaintRetries() []time.Duration {
	const most = 1000
	steps := make([]time.Duration, 0, most)
	steps = append(steps, 5*time.Second)
	for range 10 {
		steps = append(steps, time.Minute)
	}
	for len(steps) < most {
		steps = append(steps, 5*time.Minute)
	}
	return steps
}

// noteRefund writes a refund that has succeeded to the complaints about its order. note: the merchant has made it, so nobody is told. The
// caller holds s.mu.
func (s *Sim) noteRefund(r *refund, o *order) {
	for _, c := range s.state.complaints {
		if c.MchID != r.MchID || c.OutTradeNo != r.OutTradeNo {
			continue
		}
		err := s.move(c, "", func(c *complaint) {
			c.FullRefunded = o.Refunded >= o.Total
			what := donePartRefund
			if c.FullRefunded {
				what = doneFullRefund
			}
			c.add(what, byPlatform, "退款"+yuan(r.Amount)+"元", s.Now())
		})
		if err != nil {
			s.note("complaint", "the journal could not keep a refund of a complaint: "+err.Error())
		}
	}
}

// complaintOf finds a complaint by its number. The caller holds s.mu.
func (s *Sim) complaintOf(id string) (*complaint, error) {
	if c := s.state.complaints[id]; c != nil {
		return c, nil
	}
	return nil, notThere("no complaint has this id")
}

// pictureURL is how a picture is told: an address of WeChat Pay's own, whatever address the simulator has.
func pictureURL(id string) string {
	return "https://api.mch.weixin.qq.com/v3/merchant-service/images/" + id
}

// mediaList is how the pictures of a complaint or of a step are told.
type mediaList struct {
	MediaType string   `json:"media_type"`
	MediaURL  []string `json:"media_url"`
}

func mediaOf(kind string, ids []string) *mediaList {
	if len(ids) == 0 {
		return nil
	}
	list := &mediaList{MediaType: kind}
	for _, id := range ids {
		list.MediaURL = append(list.MediaURL, pictureURL(id))
	}
	return list
}

// pageOf reads limit and offset of a list of WeChat Pay.
func pageOf(c *call, most int) (limit, offset int, bad *payError) {
	limit = 10
	for name, into := range map[string]*int{"limit": &limit, "offset": &offset} {
		text := c.query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || name == "limit" && (n < 1 || n > most) {
			e := paramError(numOutOfRange, "query", name, clip(text, 20), fmt.Sprintf("分页参数超出范围，limit为1至%d，offset从0开始", most))
			return 0, 0, &e
		}
		*into = n
	}
	return limit, offset, nil
}

// cut gives one page of a list.
func cut[T any](list []T, limit, offset int) []T {
	offset = min(offset, len(list))
	return list[offset:min(offset+limit, len(list))]
}

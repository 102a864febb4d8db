package sim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// triggerRequest is the body of POST /_sim/trigger: an event happens now, as if the phone, WeChat or a clerk had caused
// it.
type triggerRequest struct {
	Event      string     `json:"event"`
	Person     string     `json:"person"`       // whose newest order; by default any person's
	OutTradeNo string     `json:"out_trade_no"` // which order; by default the newest that fits
	AppID      string     `json:"appid"`        // of a push
	Fields     pushFields `json:"fields"`       // of a push
}

// payTriggers are the payments with a problem, each with the faults that it queues first.
func payTriggers() map[string][]faultRequest {
	note := func(kind string) []faultRequest { return []faultRequest{{On: onNotification, Kind: kind}} }
	three := 3
	return map[string][]faultRequest{
		"success":          nil,
		"duplicate":        note("duplicate"),
		"concurrent":       note("concurrent"),
		"late":             note("late"),
		"lost":             {{On: onNotification, Kind: "lost", Times: &three}},
		"forged":           note("wrong_signature"),
		"probe":            note("probe"),
		"stale":            note("stale_time"),
		"other_amount":     note("other_amount"),
		"other_appid":      note("other_appid"),
		"other_mchid":      note("other_mchid"),
		"unknown_order":    note("unknown_order"),
		"coupon":           {{On: onPayDevice, Kind: "coupon"}},
		"paid_after_close": nil,
	}
}

// pushTriggers are events and messages with the fields of WeChat's samples.
func pushTriggers() map[string]pushFields {
	return map[string]pushFields{
		"text":                           {"Content": "在吗"},
		"user_enter_tempsession":         {"SessionFrom": "sim"},
		"trade_manage_remind_access_api": {"msg": "请尽快接入发货信息管理"},
		"trade_manage_remind_shipping":   {"transaction_id": "4200000000000000000000000000", "merchant_trade_no": "SIM", "msg": "请尽快发货"},
		"wxa_trade_controlled":           {"msg": "小程序已被要求接入发货信息管理"},
		"subscribe_msg_popup_event":      {"List": []any{map[string]any{"TemplateId": "SIM", "SubscribeStatusString": "accept", "PopupScene": "0"}}},
		"revoke":                         {"RevokeInfo": revokedPhone},
		"cancellation":                   {},
		"modified":                       {},
		"subscribe_msg_change_event":     {"List": []any{map[string]any{"TemplateId": "SIM", "SubscribeStatusString": "reject"}}},
	}
}

// triggers lists every event that can be triggered.
func triggers() []string {
	list := make([]string, 0, 32)
	list = append(list, "refund.success", "refund.abnormal", "refund.closed", "refund.by_hand", "certificate.rotate", "token.storm", "goods.received")
	for _, name := range sortedKeys(payTriggers()) {
		list = append(list, "pay."+name)
	}
	for _, name := range sortedKeys(pushTriggers()) {
		list = append(list, "push."+name)
	}
	for _, p := range plays() {
		list = append(list, "play."+p.Name)
	}
	slices.Sort(list)
	return list
}

// trigger is POST /_sim/trigger.
func (s *Sim) trigger(c *echo.Context) error {
	var in triggerRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	return s.happen(c, in)
}

// happen performs a trigger and answers.
func (s *Sim) happen(c *echo.Context, in triggerRequest) error {
	host, what, _ := strings.Cut(in.Event, ".")
	faults, isPay := payTriggers()[what]
	switch {
	case host == "pay" && isPay:
		return s.triggerPay(c, in, what, faults)
	case host == "refund" && oneOf("success", "abnormal", "closed", "by_hand")(what):
		return s.triggerRefund(c, in, what)
	case host == "push" && fieldName.MatchString(what):
		return s.triggerPush(c, in, what)
	case host == "play":
		return s.playByName(c, what)
	case in.Event == "goods.received":
		return s.triggerReceipt(c, in)
	case in.Event == "certificate.rotate":
		return s.rotatePlatform(c)
	case in.Event == "token.storm":
		ten := 10
		return s.answerFault(c, faultRequest{On: "api", Kind: "token_invalid", Times: &ten})
	}
	return badInput("event must be one of " + strings.Join(triggers(), ", ") + ", or push. and any event of WeChat's")
}

// triggerPay pays an order as its owner would.
func (s *Sim) triggerPay(c *echo.Context, in triggerRequest, what string, faults []faultRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := stateNotPay
	if what == "paid_after_close" {
		state = stateClosed
	}
	o := s.newestOrder(in, func(o *order) bool { return o.State == state && !o.paid() })
	if o == nil {
		return conflict("there is no order in " + state + " to pay: make one with your backend first")
	}
	for _, f := range faults {
		queued, err := f.parse()
		if err != nil {
			return err
		}
		s.faults.add(queued)
	}
	payer := or(in.Person, s.ownerOf(o))
	p := s.state.people[or(payer, "p1")]
	if p == nil {
		return notThere("no person has this id")
	}
	if o.OpenID == "" {
		if err := s.payFromURL(o, p, s.Now()); err != nil {
			return err
		}
	} else if err := s.markPaid(o, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(o))
}

// ownerOf returns the person with an order's openid. The caller holds s.mu.
func (s *Sim) ownerOf(o *order) string {
	if id := s.whoIs(o.AppID, o.OpenID); id != nil {
		return id.Person
	}
	return ""
}

// newestOrder finds the order that a trigger means; nil without one. The caller holds s.mu.
func (s *Sim) newestOrder(in triggerRequest, fits func(*order) bool) *order {
	for _, o := range slices.Backward(s.state.orderShelf.Rows) {
		if fits(o) && (in.OutTradeNo == "" || o.OutTradeNo == in.OutTradeNo) && (in.Person == "" || o.OpenID == "" || s.ownerOf(o) == in.Person) {
			return o
		}
	}
	return nil
}

// triggerRefund ends the newest open refund, or makes one by hand.
func (s *Sim) triggerRefund(c *echo.Context, in triggerRequest, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == "by_hand" {
		o := s.newestOrder(in, func(o *order) bool { return o.paid() && o.Refunded < o.Total })
		if o == nil {
			return conflict("there is no paid order with something left to refund")
		}
		now := s.Now()
		r, problem, err := s.acceptRefund(refundAsk{mchID: o.MchID, outRefundNo: wire.NewRefundNumber(now), outTradeNo: o.OutTradeNo, amount: o.Total - o.Refunded, total: o.Total, api: byHand}, now)
		if err == nil && problem.kind != problemNone {
			err = conflict(problem.reason)
		}
		if err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, encode(r))
	}
	status := map[string]string{"success": refundSuccess, "abnormal": refundAbnormal, "closed": refundClosed}[what]
	for _, r := range slices.Backward(s.state.refundShelf.Rows) {
		open := r.Status == refundProcessing || r.Status == refundAbnormal && status == refundSuccess
		if open && (in.OutTradeNo == "" || r.OutTradeNo == in.OutTradeNo) {
			if err := s.settleRefund(r, status, s.Now()); err != nil {
				return err
			}
			return c.JSONBlob(http.StatusOK, encode(r))
		}
	}
	return conflict("there is no refund under way: ask your backend for one, and see refundDelay in /_sim/rules")
}

// triggerReceipt lets the buyer of the newest order that is on its way confirm that it has arrived.
func (s *Sim) triggerReceipt(c *echo.Context, in triggerRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.newestOrder(in, (*order).onItsWay)
	if o == nil {
		return conflict("there is no order on its way to its buyer: ship one with your backend first")
	}
	if err := s.receive(o, receivedByBuyer, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(o))
}

// triggerPush sends a message or an event to the backend.
func (s *Sim) triggerPush(c *echo.Context, in triggerRequest, what string) error {
	push := handPush{AppID: in.AppID, Person: or(in.Person, "p1"), MsgType: msgEvent, Event: what, Fields: in.Fields}
	if what == "text" {
		push.MsgType, push.Event = what, ""
	}
	if push.Fields == nil {
		push.Fields = pushTriggers()[what]
	}
	push.Event = or(privacyEvents()[what], push.Event)
	return s.sendByHand(c, push)
}

// resendRequest is the body of POST /_sim/notifications/{id}/resend.
type resendRequest struct {
	Kind string `json:"kind"` // the fault to send it with, as in /_sim/faults; empty sends it unchanged
}

// resend is POST /_sim/notifications/{id}/resend: it delivers the message again, in any state; kind changes it.
func (s *Sim) resend(c *echo.Context) error {
	var in resendRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	n := s.state.notifications[c.Param("id")]
	s.mu.Unlock()
	if n == nil {
		return notThere("no notification has this id")
	}
	var f *fault
	if in.Kind != "" {
		var err error
		if f, err = (faultRequest{On: n.faultName(), Kind: in.Kind}).parse(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	copied := *n
	s.mu.Unlock()
	try := s.post(c.Request().Context(), &copied, f)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *n
	next.Attempts = append(slices.Clone(n.Attempts), try)
	if n.received(try) {
		next.State = notifyDone
	}
	if err := s.save(next); err != nil {
		return err
	}
	n.Attempts, n.State = next.Attempts, next.State
	return c.JSONBlob(http.StatusOK, encode(try))
}

// since reads ?since=ID of a list of calls: it returns the later ones, the oldest first.
func since(list []callRecord, id int) []callRecord {
	restarted := len(list) > 0 && list[0].ID < id // note: a reset restarts the numbering
	i := slices.IndexFunc(list, func(rec callRecord) bool { return rec.ID <= id })
	if i >= 0 && !restarted {
		list = list[:i]
	}
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

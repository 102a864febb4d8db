package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"wxbase/internal/sim/wire"
)

// prepayBy makes an order in one of the ways to pay, or returns the same order again.
func (s *Sim) prepayBy(c *call, by way) reply {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = s.checkPrepay(fields, c, by)
	}
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if by.tradeType == tradeJSAPI && s.whoIs(text(fields["appid"]), text(object(fields["payer"])["openid"])) == nil {
		e := paramError(numOpenID, "body", "/payer/openid", text(object(fields["payer"])["openid"]), "无效的openid")
		e.message, e.reason = "无效的openid", "no person has this openid at this appid"
		return e.reply(c)
	}
	known, err := s.findOrder(c.seller.MchID, text(fields["out_trade_no"]), c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case known != nil:
		return s.reenter(c, known, hashOf(fields))
	}
	return s.firstPrepay(c, fields, by)
}

// checkPrepay checks what does not depend on an order: the mchid, field by field, the binding, the deadline.
func (s *Sim) checkPrepay(fields map[string]any, c *call, by way) *payError {
	if mchid := text(fields["mchid"]); mchid != "" {
		if bad := ownMchID(c, "body", "/mchid", mchid); bad != nil {
			return bad
		}
	}
	if bad := checkFields("", fields, by.rules(s.rule().mostFen)); bad != nil {
		return bad
	}
	s.mu.Lock()
	_, bound := s.findApp(text(fields["appid"]))
	s.mu.Unlock()
	if !bound || !c.seller.isBound(text(fields["appid"])) {
		return &payError{
			status: 400, code: "APPID_MCHID_NOT_MATCH", numeric: numAppMismatch, message: "appid和mch_id不匹配",
			reason: "the merchant is not bound to this appid",
		}
	}
	if text(fields["time_expire"]) == "" {
		return nil
	}
	if deadline(fields, c).Sub(c.now) > orderLife {
		return badField(numOutOfRange, "/time_expire", text(fields["time_expire"]), "支付结束时间不能晚于7天")
	}
	return nil
}

// isPast tells whether time_expire is over by the caller's clock. note: only for a first request, because a repeat must
// send the same time, however late.
func isPast(fields map[string]any, c *call) bool {
	asked, err := time.Parse(time.RFC3339, text(fields["time_expire"]))
	return err == nil && asked.Before(c.wire)
}

// deadline is the order's deadline in WeChat's time, at least a minute ahead.
func deadline(fields map[string]any, c *call) time.Time {
	asked, err := time.Parse(time.RFC3339, text(fields["time_expire"]))
	if err != nil {
		return c.now.Add(orderLife)
	}
	// note: the caller counted from its own clock, so only the distance matters
	ahead := max(asked.Sub(c.wire), leastToExpiry)
	return c.now.Add(ahead)
}

// hashOf is independent of the parameters' order.
func hashOf(fields map[string]any) string {
	sum := sha256.Sum256(encode(fields)) // note: maps are encoded with sorted keys
	return hex.EncodeToString(sum[:])
}

// firstPrepay makes the order; a prepay_id lasts two hours, the order seven days. The caller holds s.mu.
func (s *Sim) firstPrepay(c *call, fields map[string]any, by way) reply {
	if isPast(fields, c) {
		return badField(numOutOfRange, "/time_expire", text(fields["time_expire"]), "支付结束时间不能早于当前时间").reply(c)
	}
	o := &order{
		AppID: text(fields["appid"]), MchID: c.seller.MchID, OutTradeNo: text(fields["out_trade_no"]),
		Description: text(fields["description"]), Attach: text(fields["attach"]), NotifyURL: text(fields["notify_url"]),
		OpenID: text(object(fields["payer"])["openid"]), DeviceID: text(object(fields["scene_info"])["device_id"]),
		Total: integer(object(fields["amount"])["total"]), State: stateNotPay, Hash: hashOf(fields), API: apiV3,
		Sharing:   object(fields["settle_info"])["profit_sharing"] == true,
		TradeType: by.tradeType, MadeAt: c.now, PayableUntil: deadline(fields, c),
	}
	return s.answerFreshPrepay(c, o)
}

// answerFreshPrepay adds a prepay_id to an order and answers with it. The caller holds s.mu.
func (s *Sim) answerFreshPrepay(c *call, o *order) reply {
	if err := s.grantPrepay(c, o); err != nil {
		return systemError(err.Error()).reply(c)
	}
	return prepayAnswer(o)
}

// grantPrepay adds a prepay_id to a new or existing order. The caller holds s.mu.
func (s *Sim) grantPrepay(c *call, o *order) error {
	next := *o
	next.ByKey = c.byKey
	fresh := prepayGrant{ID: wire.NewPrepayID(c.now), MadeAt: c.now}
	fresh.URL = o.payURL(fresh.ID)
	next.Prepays = append(slices.Clone(o.Prepays), fresh)
	if err := s.save(next); err != nil {
		return err
	}
	*o = next
	s.state.addOrder(o)
	return nil
}

// prepayAnswer returns the latest prepay_id, code_url or h5_url.
func prepayAnswer(o *order) reply {
	name, value := o.prepayTold()
	return okPay(map[string]string{name: value})
}

// reentry is the result of another request with a known number.
type reentry int

const (
	reenterFresh reentry = iota // a new prepay_id, the last one is too old
	reenterSame                 // the last prepay_id again
	reenterPaid
	reenterClosed
	reenterDiffers
	reenterExpired
)

// reenter compares a repeat with the first request: the same parameters return a prepay_id, others are refused.
func (o *order) reenter(hash string, now time.Time) reentry {
	switch {
	case o.paid():
		return reenterPaid
	case o.State == stateClosed:
		return reenterClosed
	case o.Hash != hash:
		return reenterDiffers
	case !now.Before(o.PayableUntil):
		return reenterExpired
	case o.Prepays[len(o.Prepays)-1].alive(now) && o.tradeType() == tradeJSAPI: // note: a code and a page are made anew each time
		return reenterSame
	}
	return reenterFresh
}

// reenter answers another request with a known number. The caller holds s.mu.
func (s *Sim) reenter(c *call, o *order, hash string) reply {
	switch o.reenter(hash, c.now) {
	case reenterPaid:
		return orderPaid().reply(c)
	case reenterClosed:
		return payError{
			status: 400, code: "ORDER_CLOSED", numeric: numOrderInvalid, message: "订单已关闭",
			reason: "the order is closed; a closed number never opens again",
		}.reply(c)
	case reenterDiffers:
		return payError{
			status: 403, code: "OUT_TRADE_NO_USED", numeric: numReentry, message: "请求重入时，参数与首次请求时不一致",
			reason: "the number was used before with other parameters",
		}.reply(c)
	case reenterExpired:
		return payError{
			status: 400, code: "INVALID_REQUEST", numeric: numOrderInvalid, message: "订单已过期",
			reason: "the order's time_expire is over",
		}.reply(c)
	case reenterSame:
		return prepayAnswer(o)
	case reenterFresh:
	}
	return s.answerFreshPrepay(c, o)
}

// queryByNumber is GET /v3/pay/transactions/out-trade-no/{out_trade_no}.
func (s *Sim) queryByNumber(c *call) reply {
	if bad := queryMchID(c); bad != nil {
		return bad.reply(c)
	}
	number := c.param("out_trade_no")
	if issue := checkNumber(number); issue != "" {
		return paramError(numParam, "url", "out_trade_no", clip(number, 64), issue).reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.findOrder(c.seller.MchID, number, c.now)
	return answerQuery(c, o, err)
}

// queryByID is GET /v3/pay/transactions/id/{transaction_id}; it finds paid orders only.
func (s *Sim) queryByID(c *call) reply {
	if bad := queryMchID(c); bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answerQuery(c, s.ownTransaction(c, c.param("transaction_id")), nil)
}

// ownTransaction finds a paid order of the calling merchant. The caller holds s.mu.
func (s *Sim) ownTransaction(c *call, id string) *order {
	if o := s.state.byTransaction[id]; o != nil && o.MchID == c.seller.MchID {
		return o
	}
	return nil
}

// answerQuery answers with an order, or that it does not exist.
func answerQuery(c *call, o *order, err error) reply {
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case o == nil:
		return orderMissing().reply(c)
	}
	return okPay(o.transaction())
}

// closeOrder is POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close; it may be repeated.
func (s *Sim) closeOrder(c *call) reply {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = checkFields("", fields, []rule{{name: "mchid", required: true, most: 32}})
	}
	if bad == nil {
		bad = ownMchID(c, "body", "/mchid", text(fields["mchid"]))
	}
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.findOrder(c.seller.MchID, c.param("out_trade_no"), c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case o == nil:
		return orderMissing().reply(c)
	case o.paid():
		return orderPaid().reply(c)
	case o.State == stateClosed:
		return reply{status: http.StatusNoContent}
	case s.tooYoung(o, c.now):
		return payError{
			status: 403, code: "TRADE_ERROR", numeric: numOrderInvalid, message: "订单生成后不能马上调用关单接口",
			reason: "the order is younger than " + s.rule().closeMinAge.String(),
		}.reply(c)
	}
	if err := s.shut(o, c.now); err != nil {
		return systemError(err.Error()).reply(c)
	}
	return reply{status: http.StatusNoContent}
}

// tooYoung tells whether an order may not be closed yet, see WithCloseMinAge.
func (s *Sim) tooYoung(o *order, now time.Time) bool { return now.Sub(o.MadeAt) < s.rule().closeMinAge }

// shut closes an unpaid order. The caller holds s.mu.
func (s *Sim) shut(o *order, now time.Time) error {
	closed := *o
	closed.State, closed.ClosedAt = stateClosed, &now
	if err := s.save(closed); err != nil {
		return err
	}
	*o = closed
	return nil
}

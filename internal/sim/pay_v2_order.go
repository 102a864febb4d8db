package sim

import (
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// unifiedRules is the body of POST /pay/unifiedorder.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_1 (统一下单)
func unifiedRules() []ruleV2 {
	return commonRulesV2(
		ruleV2{name: "body", required: true, most: 127},
		ruleV2{name: "out_trade_no", required: true, most: 32, check: validNumber},
		ruleV2{name: "total_fee", required: true, most: 19, check: isFen, fen: true},
		ruleV2{name: "spbill_create_ip", required: true, most: 64, check: func(v string) bool { return checkIP(v) == "" }},
		ruleV2{name: "notify_url", required: true, most: 256, check: validNotifyV2},
		ruleV2{name: "trade_type", required: true, most: 16},
		ruleV2{name: "openid", most: 128},
		ruleV2{name: "device_info", most: 32},
		ruleV2{name: "detail", most: 6144},
		ruleV2{name: "attach", most: 127},
		ruleV2{name: "fee_type", most: 16, check: oneOf("CNY")},
		ruleV2{name: "time_start", most: 14, check: isTimeV2},
		ruleV2{name: "time_expire", most: 14, check: isTimeV2},
		ruleV2{name: "goods_tag", most: 32},
		ruleV2{name: "product_id", most: 32},
		ruleV2{name: "limit_pay", most: 32, check: oneOf("no_credit")},
		ruleV2{name: "receipt", most: 8, check: oneOf("Y")},
		ruleV2{name: "profit_sharing", most: 16, check: oneOf("Y", "N")},
		ruleV2{name: "scene_info", most: 256, check: func(v string) bool { return json.Valid([]byte(v)) }},
	)
}

// validNotifyV2 demands an absolute address without a query; v2 accepts http too.
func validNotifyV2(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http") &&
		u.RawQuery == "" && !u.ForceQuery && !strings.Contains(value, "#")
}

func timeV2(value string) (time.Time, error) {
	return time.ParseInLocation(v2Seconds, value, wire.Beijing())
}

func isTimeV2(value string) bool { _, err := timeV2(value); return err == nil }

// unifiedOrder is POST /pay/unifiedorder: an order, or the same order again. v3's orders are in the same books.
func (s *Sim) unifiedOrder(c *call) reply {
	if refusal, ok := s.checkV2(c, errLackParams, errRequest, unifiedRules()); !ok {
		return refusal
	}
	switch {
	case !oneOf(tradeJSAPI, tradeNative, tradeH5)(c.fields["trade_type"]):
		return s.refuseV2(c, "NOAUTH", "商户无此接口权限", "the merchant has JSAPI, NATIVE and MWEB only")
	case c.fields["trade_type"] == tradeJSAPI && c.fields["openid"] == "":
		return s.refuseV2(c, errLackParams, "缺少必填参数openid", "JSAPI needs openid")
	case c.fields["trade_type"] == tradeNative && c.fields["product_id"] == "":
		return s.refuseV2(c, errLackParams, "缺少必填参数product_id", "NATIVE needs product_id")
	case c.fields["trade_type"] == tradeH5 && !isH5SceneV2(c.fields["scene_info"]):
		return s.refuseV2(c, errLackParams, "缺少必填参数scene_info", "MWEB needs scene_info with h5_info")
	case c.fields["trade_type"] == tradeH5 && isLoopback(c.fields["spbill_create_ip"]):
		return s.refuseV2(c, errRequest, "终端IP(spbill_create_ip)须为用户真实IP", "MWEB needs the address of the payer's own browser")
	}
	c.wire = s.clockV2(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.fields["openid"] != "" && s.whoIs(c.fields["appid"], c.fields["openid"]) == nil {
		return s.refuseV2(c, errRequest, "appid and openid not match", "no person has this openid at this appid")
	}
	o, err := s.findOrder(c.seller.MchID, c.fields["out_trade_no"], c.now)
	switch {
	case err != nil:
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	case o != nil:
		return s.reenterV2(c, o)
	}
	return s.firstUnified(c)
}

// clockV2 is the clock of a v2 caller: its requests have no time stamp, except in time_start.
func (s *Sim) clockV2(c *call) time.Time {
	if began, err := timeV2(c.fields["time_start"]); err == nil {
		if now, _, ok := s.clock.near(began); ok {
			return now
		}
	}
	return s.wireTime()
}

// hashV2 is the hash of the parameters that a repeat must not change.
func hashV2(c *call) string {
	same := map[string]any{"sign_type": c.signType}
	for name, value := range c.fields {
		if value != "" {
			same[name] = value
		}
	}
	maps.DeleteFunc(same, func(name string, _ any) bool { return name == "sign" || name == "nonce_str" })
	return hashOf(same)
}

// firstUnified makes the order. The caller holds s.mu.
func (s *Sim) firstUnified(c *call) reply {
	until := c.now.Add(orderLife)
	if asked, err := timeV2(c.fields["time_expire"]); err == nil {
		ahead := asked.Sub(c.wire)
		if ahead < leastToExpiry {
			return s.refuseV2(c, errRequest, "time_expire时间过短，至少1分钟", "time_expire is less than a minute ahead")
		}
		until = c.now.Add(min(ahead, orderLife))
	}
	total, _ := fenV2(c.fields["total_fee"])
	return s.answerPrepayV2(c, &order{
		AppID: c.fields["appid"], MchID: c.seller.MchID, OutTradeNo: c.fields["out_trade_no"], Description: c.fields["body"],
		Attach: c.fields["attach"], NotifyURL: c.fields["notify_url"], OpenID: c.fields["openid"], DeviceID: c.fields["device_info"],
		Total: total, State: stateNotPay, Hash: hashV2(c), API: apiV2, SignType: c.signType, Sharing: c.fields["profit_sharing"] == "Y",
		TradeType: c.fields["trade_type"], MadeAt: c.now, PayableUntil: until,
	})
}

// answerPrepayV2 adds a prepay_id to the order and answers with it. The caller holds s.mu.
func (s *Sim) answerPrepayV2(c *call, o *order) reply {
	if err := s.grantPrepay(c, o); err != nil {
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	}
	return s.tellPrepayV2(c, o)
}

func (s *Sim) tellPrepayV2(c *call, o *order) reply {
	last := o.Prepays[len(o.Prepays)-1]
	list := []wire.XMLField{{Name: "trade_type", Value: o.tradeType()}, {Name: "prepay_id", Value: last.ID}}
	switch o.tradeType() {
	case tradeNative:
		list = append(list, wire.XMLField{Name: "code_url", Value: last.URL})
	case tradeH5:
		list = append(list, wire.XMLField{Name: "mweb_url", Value: last.URL})
	}
	return s.okV2(c, list...)
}

// reenterV2 is a second request with a known number. The caller holds s.mu.
func (s *Sim) reenterV2(c *call, o *order) reply {
	switch o.reenter(hashV2(c), c.now) {
	case reenterPaid:
		return s.refuseV2(c, errOrderPaid, "该订单已支付", "the order is paid")
	case reenterClosed:
		return s.refuseV2(c, errOrderClosed, "该订单已关闭", "a closed number never opens again")
	case reenterDiffers:
		return s.refuseV2(c, "OUT_TRADE_NO_USED", "商户订单号重复", "the number was used before with other parameters")
	case reenterExpired:
		return s.refuseV2(c, errRequest, "订单已过期", "the order's time_expire is over")
	case reenterSame:
		return s.tellPrepayV2(c, o)
	case reenterFresh:
	}
	return s.answerPrepayV2(c, o)
}

// queryRulesV2 is the body of /pay/orderquery, and with out_trade_no of /pay/closeorder.
func queryRulesV2() []ruleV2 {
	return commonRulesV2(ruleV2{name: "transaction_id", most: 32}, ruleV2{name: "out_trade_no", most: 32})
}

// orderQuery is POST /pay/orderquery. transaction_id takes precedence over out_trade_no.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_2 (查询订单)
func (s *Sim) orderQuery(c *call) reply {
	if refusal, ok := s.checkV2(c, errLackParams, errRequest, queryRulesV2()); !ok {
		return refusal
	}
	if c.fields["transaction_id"] == "" && c.fields["out_trade_no"] == "" {
		return s.refuseV2(c, errLackParams, "缺少必填参数out_trade_no", "transaction_id or out_trade_no is needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.orderV2(c)
	switch {
	case err != nil:
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	case o == nil:
		return s.refuseV2(c, errNoOrder, "订单不存在", "no such order of this merchant")
	}
	told := o.transaction()
	list := []wire.XMLField{{Name: "out_trade_no", Value: o.OutTradeNo}, {Name: "attach", Value: o.Attach}, {Name: "trade_state", Value: o.State}, {Name: "trade_state_desc", Value: told.TradeStateDesc}}
	if o.paid() {
		list = append(paidFields(told), list...)
	}
	return s.okV2(c, list...)
}

// orderV2 finds the order that a v2 request means. The caller holds s.mu.
func (s *Sim) orderV2(c *call) (*order, error) {
	if id := c.fields["transaction_id"]; id != "" {
		return s.ownTransaction(c, id), nil
	}
	return s.findOrder(c.seller.MchID, c.fields["out_trade_no"], c.now)
}

// closeOrderV2 is POST /pay/closeorder; unlike v3 it refuses an order that is closed already.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_3 (关闭订单)
func (s *Sim) closeOrderV2(c *call) reply {
	rules := commonRulesV2(ruleV2{name: "out_trade_no", required: true, most: 32})
	if refusal, ok := s.checkV2(c, errLackParams, errRequest, rules); !ok {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.findOrder(c.seller.MchID, c.fields["out_trade_no"], c.now)
	switch {
	case err != nil:
	case o == nil:
		return s.refuseV2(c, errNoOrder, "订单不存在", "no such order of this merchant")
	case o.paid():
		return s.refuseV2(c, errOrderPaid, "订单已支付", "the order is paid")
	case o.State == stateClosed:
		return s.refuseV2(c, errOrderClosed, "订单已关闭", "the order is closed already")
	case s.tooYoung(o, c.now):
		return s.refuseV2(c, "TRADE_STATE_ERROR", "订单生成后不能马上调用关单接口", "the order is younger than "+s.rule().closeMinAge.String())
	default:
		err = s.shut(o, c.now)
	}
	if err != nil {
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	}
	return s.okV2(c, wire.XMLField{Name: "result_msg", Value: "OK"})
}

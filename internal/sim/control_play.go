package sim

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v5"
)

// play is a scenario of one click: it queues faults, triggers an event, then moves the clock.
type play struct {
	Name string `json:"name"`
	inBoth
	NeedsOrder bool `json:"needs_order,omitempty"` // needs an unpaid order

	faults  []faultRequest
	event   string // of a trigger
	advance time.Duration
}

// plays are the scenarios that the panel offers and `wxbase sim trigger play.NAME` starts.
func plays() []play {
	times := func(n int) *int { return &n }
	note := func(kind string, n int) []faultRequest {
		return []faultRequest{{On: onNotification, Kind: kind, Times: times(n)}}
	}
	return []play{
		{Name: "pay_lose_three", inBoth: inBoth{"Pay, and lose the first three notifications", "支付，前三次通知丢失"}, NeedsOrder: true, faults: note("lost", 3), event: "pay.success"},
		{Name: "pay_ten_at_once", inBoth: inBoth{"Pay, and ten notifications come at once", "支付，十个通知同时到达"}, NeedsOrder: true, faults: []faultRequest{{On: onNotification, Kind: "concurrent", Copies: 10}}, event: "pay.success"},
		{Name: "pay_forged_first", inBoth: inBoth{"Pay, and a forged notification comes before the true one", "支付，先来一个伪造的通知"}, NeedsOrder: true, faults: note("wrong_signature", 1), event: "pay.success"},
		{Name: "pay_other_amount", inBoth: inBoth{"Pay, and the first notification tells another amount", "支付，第一个通知金额不符"}, NeedsOrder: true, faults: note("other_amount", 1), event: "pay.success"},
		{Name: "pay_coupon", inBoth: inBoth{"Pay, a tenth of it by coupon", "支付，代金券抵扣十分之一"}, NeedsOrder: true, event: "pay.coupon"},
		{Name: "phone_fails", inBoth: inBoth{"The phone fails at the next payment", "下一次支付手机失败"}, faults: []faultRequest{{On: onPayDevice, Kind: "fail"}}},
		{Name: "owner_cancels", inBoth: inBoth{"The owner cancels the next payment", "下一次支付用户取消"}, faults: []faultRequest{{On: onPayDevice, Kind: "cancel"}}},
		{Name: "paid_after_close", inBoth: inBoth{"The next closed order is paid all the same", "下一个已关闭的订单仍被支付"}, faults: []faultRequest{{On: onPayDevice, Kind: "paid_after_close"}}},
		{Name: "certificate_rotates", inBoth: inBoth{"The platform certificate rotates now", "平台证书现在轮换"}, event: "certificate.rotate"},
		{Name: "token_storm", inBoth: inBoth{"40001 storm: ten calls find their access_token invalid", "40001风暴：十次调用的access_token无效"}, event: "token.storm"},
		{Name: "pay_down", inBoth: inBoth{"WeChat Pay is down for twenty calls", "微信支付连续二十次系统繁忙"}, faults: []faultRequest{{On: "pay", Kind: "busy", Times: times(20)}}},
		{Name: "pay_half_heard", inBoth: inBoth{"The next call of WeChat Pay has its effect and no answer", "微信支付下一次调用生效但没有应答"}, faults: []faultRequest{{On: "pay", Kind: "timeout_after_accept"}}},
		{Name: "api_slow", inBoth: inBoth{"api.weixin.qq.com takes six seconds, five times", "api.weixin.qq.com五次应答各需六秒"}, faults: []faultRequest{{On: "api", Kind: "slow", Times: times(5)}}},
		{Name: "refund_abnormal", inBoth: inBoth{"The next refund is accepted and ends abnormally", "下一笔退款受理后异常"}, faults: []faultRequest{{On: "refund", Kind: "refund_abnormal"}, {On: "v2_refund", Kind: "refund_abnormal"}}},
		{Name: "refund_not_enough", inBoth: inBoth{"The next refund finds too little money", "下一笔退款余额不足"}, faults: []faultRequest{{On: "refund", Kind: "not_enough"}, {On: "v2_refund", Kind: "not_enough"}}},
		{Name: "refund_by_hand", inBoth: inBoth{"Somebody refunds the newest paid order at pay.weixin.qq.com", "有人在商户平台退了最新的已支付订单"}, event: "refund.by_hand"},
		{Name: "two_hours", inBoth: inBoth{"Two hours pass: prepay_ids and tokens end", "过去两小时：prepay_id和access_token过期"}, advance: 2*time.Hour + time.Minute},
		{Name: "a_day", inBoth: inBoth{"A day passes: every repeated notification, and the bill", "过去一天：所有重发的通知，以及账单"}, advance: 24*time.Hour + 5*time.Minute},
	}
}

// play is POST /_sim/plays/{name}.
func (s *Sim) play(c *echo.Context) error { return s.playByName(c, c.Param("name")) }

// playByName starts a scenario. If its event fails, it removes the queued faults again.
func (s *Sim) playByName(c *echo.Context, name string) error {
	list := plays()
	i := slices.IndexFunc(list, func(p play) bool { return p.Name == name })
	if i < 0 {
		return notThere("no play has this name; see /_sim/plays")
	}
	p := list[i]
	queued := make([]*fault, 0, len(p.faults))
	for _, in := range p.faults {
		f, err := in.parse()
		if err != nil {
			return err
		}
		s.faults.add(f)
		queued = append(queued, f)
	}
	if p.advance > 0 {
		s.Advance(p.advance)
	}
	if p.event != "" {
		if err := s.happen(c, triggerRequest{Event: p.event}); err != nil {
			s.faults.remove(queued)
			return err
		}
		return nil
	}
	return c.JSON(http.StatusOK, map[string]string{"played": name})
}

// remove takes back faults that have not struck yet.
func (q *faultQueue) remove(list []*fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = slices.DeleteFunc(q.list, func(f *fault) bool { return slices.Contains(list, f) })
}

package sim

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v5"
)

// merchantRow is what a merchant sets at pay.weixin.qq.com.
type merchantRow struct {
	RefundURL string `json:"refundUrl"` // told of refunds that have no notify_url; empty tells nobody
}

func (merchantRow) key() (kind, id string) { return "merchant", "merchant" }

func (s *Sim) merchantSettings() merchantRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.merchant
}

// changeMerchant takes {refundUrl}.
func (s *Sim) changeMerchant(c *echo.Context) error {
	var in merchantRow
	if err := readInput(c, &in); err != nil {
		return err
	}
	if in.RefundURL != "" {
		if issue := checkNotifyURL(in.RefundURL); issue != "" {
			return badInput("refundUrl must be https without a query (http on this machine), or empty")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(in); err != nil {
		return err
	}
	s.state.merchant = in
	return c.JSON(http.StatusOK, in)
}

// listRefunds gives the refunds as they stand now, the latest first; ?limit= and ?after={refund_id} page through them.
func (s *Sim) listRefunds(c *echo.Context) error {
	now := s.Now()
	return answerPage(s, c, func(st *state) *shelf[refund] { return &st.refundShelf }, "", func(r *refund) error {
		_, err := s.ripenedRefund(r, now)
		return err
	})
}

// settleByHand is POST /_sim/refunds/{refund_id}: PROCESSING ends as asked, ABNORMAL ends in SUCCESS.
func (s *Sim) settleByHand(c *echo.Context) error {
	var in struct {
		Status string `json:"status"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if !slices.Contains([]string{refundSuccess, refundAbnormal, refundClosed}, in.Status) {
		return badInput("status must be SUCCESS, ABNORMAL or CLOSED")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.state.byRefundID[c.Param("refund_id")]
	switch {
	case r == nil:
		return notThere("no refund has this refund_id")
	case r.Status == in.Status:
		return c.JSONBlob(http.StatusOK, encode(r))
	case r.Status != refundProcessing && (r.Status != refundAbnormal || in.Status != refundSuccess):
		return conflict("the refund is " + r.Status + "; only PROCESSING ends any way and ABNORMAL in SUCCESS")
	}
	if err := s.settleRefund(r, in.Status, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(r))
}

// refundByHand is POST /_sim/orders/{out_trade_no}/refund: a person at pay.weixin.qq.com gives money back, all that is left
// unless amount says. The backend learns of it by the merchant's refundUrl, or never.
func (s *Sim) refundByHand(c *echo.Context) error {
	var in struct {
		Amount *int64 `json:"amount"`
		Reason string `json:"reason"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	o, err := s.findOrder(c.Param("out_trade_no"), now)
	switch {
	case err != nil:
		return err
	case o == nil:
		return notThere("no order has this out_trade_no")
	}
	ask := refundAsk{
		outRefundNo: newRefundNumber(now), outTradeNo: o.OutTradeNo, amount: o.Total - o.Refunded, total: o.Total, reason: in.Reason, api: byHand,
	}
	if in.Amount != nil {
		ask.amount = *in.Amount
	}
	if ask.amount < 1 {
		return badInput("amount must be at least 1 fen, and something must be left to refund")
	}
	r, problem, err := s.acceptRefund(ask, now)
	switch {
	case err != nil:
		return err
	case problem.kind != problemNone:
		return conflict(problem.reason)
	}
	return c.JSONBlob(http.StatusOK, encode(r))
}

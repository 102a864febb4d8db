package sim

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// merchantRow is a merchant's settings at pay.weixin.qq.com.
type merchantRow struct {
	ID        string `json:"id,omitempty"` // see settingsID
	RefundURL string `json:"refundUrl"`    // receives refunds that have no notify_url; empty disables that
}

func (r merchantRow) Entity() (kind, id string) { return "merchant", or(r.ID, firstSettings) }

// merchantTable holds the merchants' settings.
type merchantTable struct{ merchants map[string]*merchantRow } // by settingsID

func (t *merchantTable) register(r *registry) {
	remember(r, "merchant", &t.merchants, nil)
	t.merchants[firstSettings] = &merchantRow{}
}

// firstSettings is the id of the first merchant's settings, whatever its number is.
const firstSettings = "merchant"

// settingsID is the id of a merchant's settings.
func (s *Sim) settingsID(mchID string) string {
	if mchID == s.firstSeller().MchID {
		return firstSettings
	}
	return mchID
}

// settings returns a merchant's settings. The caller holds s.mu.
func (s *Sim) settings(mchID string) merchantRow {
	if row := s.state.merchants[s.settingsID(mchID)]; row != nil {
		return *row
	}
	return merchantRow{}
}

// showMerchant is GET /_sim/merchant?mchid=.
func (s *Sim) showMerchant(c *echo.Context) error {
	m, err := s.sellerFor(c.QueryParam("mchid"))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.JSON(http.StatusOK, map[string]string{"mchid": m.MchID, "refundUrl": s.settings(m.MchID).RefundURL})
}

// changeMerchant takes {refundUrl}, and ?mchid= when there are several.
func (s *Sim) changeMerchant(c *echo.Context) error {
	var in merchantRow
	m, err := s.sellerFor(c.QueryParam("mchid"))
	if err != nil {
		return err
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	in.ID = s.settingsID(m.MchID)
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
	s.state.merchants[in.ID] = &in
	return c.JSON(http.StatusOK, map[string]string{"mchid": m.MchID, "refundUrl": in.RefundURL})
}

// listRefunds lists the refunds in their present state, the latest first; ?limit= and ?after={refund_id} page through
// them.
func (s *Sim) listRefunds(c *echo.Context) error {
	now := s.Now()
	return answerPage(s, c, func(st *state) *book.Shelf[refund] { return &st.refundShelf }, "", func(r *refund) error {
		_, err := s.ripenedRefund(r, now)
		return err
	})
}

// settleByHand is POST /_sim/refunds/{refund_id}: it ends PROCESSING as asked, and ABNORMAL in SUCCESS.
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

// refundByHand is POST /_sim/orders/{out_trade_no}/refund: a refund made at pay.weixin.qq.com, of amount or of the
// whole rest. The backend hears of it at the merchant's refundUrl, or never.
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
	o, err := s.orderOf(c.QueryParam("mchid"), c.Param("out_trade_no"), now)
	switch {
	case err != nil:
		return err
	case o == nil:
		return notThere("no order has this out_trade_no")
	}
	ask := refundAsk{
		mchID: o.MchID, outRefundNo: wire.NewRefundNumber(now), outTradeNo: o.OutTradeNo, amount: o.Total - o.Refunded, total: o.Total, reason: in.Reason, api: byHand,
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

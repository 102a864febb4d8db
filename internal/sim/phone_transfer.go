package sim

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// transferRequest is the object of wx.requestMerchantTransfer.
type transferRequest struct {
	AppID   string `json:"appid"` // the mini program that is open
	MchID   string `json:"mchId"`
	PayApp  string `json:"appId"`
	Package string `json:"package"`
	OpenID  string `json:"openId"`
	Action  string `json:"action"` // confirm, cancel or fail
}

const transferPrefix = "requestMerchantTransfer:"

// deviceTransfer is wx.requestMerchantTransfer with what the owner of the phone then does. ok says that the page was confirmed, and
// nothing of the money.
// https://developers.weixin.qq.com/miniprogram/dev/api/payment/wx.requestMerchantTransfer.html
func (s *Sim) deviceTransfer(c *echo.Context) error {
	in := transferRequest{Action: "confirm"}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if !oneOf("confirm", "cancel", "fail")(in.Action) {
		return badInput("action must be confirm, cancel or fail")
	}
	errMsg, refusal, err := s.requestTransfer(c, in)
	if err != nil {
		return err
	}
	s.recordPhone("requestMerchantTransfer", "package="+clip(in.Package, 80)+" action="+in.Action, errMsg, refusal, nil)
	return c.JSON(http.StatusOK, map[string]string{"errMsg": errMsg})
}

// requestTransfer checks and confirms. A refusal is what the phone found wrong; err is the control API's own.
func (s *Sim) requestTransfer(c *echo.Context, in transferRequest) (errMsg, refusal string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return "", "", err
	}
	t, refusal, err := s.confirmable(in, id)
	switch {
	case err != nil:
		return "", "", err
	case refusal != "":
		return transferPrefix + "fail " + refusal, refusal, nil
	case in.Action == "cancel", s.faults.take(onTransferDevice, "cancel") != nil:
		return transferPrefix + "fail cancel", "", nil
	case in.Action == "fail", s.faults.take(onTransferDevice, "fail") != nil:
		return transferPrefix + "fail 系统繁忙，请稍后再试", "", nil
	}
	return transferPrefix + "ok", "", s.moveTransfer(t, transferMoves, "", s.Now())
}

// confirmable finds the transfer that this person can confirm in this mini program. The caller holds s.mu.
func (s *Sim) confirmable(in transferRequest, id *identity) (t *transfer, refusal string, err error) {
	if in.MchID == "" || in.PayApp == "" || strings.TrimSpace(in.Package) == "" {
		return nil, "parameter error: mchId, appId and package are needed", nil
	}
	for _, one := range s.state.transfers {
		if one.Package == in.Package {
			t = one
		}
	}
	if t, err = s.ripenedTransfer(t, s.Now()); err != nil {
		return nil, "", err
	}
	switch {
	case t == nil:
		return nil, "package无效", nil
	case t.MchID != in.MchID || t.AppID != in.PayApp || t.AppID != id.AppID:
		return nil, "商户号或appid与转账单不一致", nil
	case t.OpenID != id.OpenID || in.OpenID != "" && in.OpenID != t.OpenID:
		return nil, "收款账号与转账单不一致", nil
	case t.State != transferWaits:
		return nil, "该转账单不可确认：" + t.State, nil
	}
	return t, "", nil
}

// listTransfers gives the transfers as they stand now, the latest first; ?limit= and ?after={transfer_bill_no} page through them.
func (s *Sim) listTransfers(c *echo.Context) error {
	now := s.Now()
	return answerPage(s, c, func(st *state) *book.Shelf[transfer] { return &st.transferShelf }, "", func(t *transfer) error {
		_, err := s.ripenedTransfer(t, now)
		return err
	})
}

// endTransferByHand is POST /_sim/transfers/{transfer_bill_no}: one that has not ended ends as asked.
func (s *Sim) endTransferByHand(c *echo.Context) error {
	var in struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	if !oneOf(transferSuccess, transferFailed, transferCancelled)(in.State) {
		return badInput("state must be SUCCESS, FAIL or CANCELLED")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.ripenedTransfer(s.state.byBillNo[c.Param("transfer_bill_no")], s.Now())
	switch {
	case err != nil:
		return err
	case t == nil:
		return notThere("no transfer has this transfer_bill_no")
	case t.isFinal():
		return conflict("the transfer has ended: " + t.State)
	}
	if in.State != transferFailed {
		in.Reason = ""
	} else {
		in.Reason = or(in.Reason, failAccount)
	}
	if err := s.moveTransfer(t, in.State, in.Reason, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(t))
}

// bindTransfers binds what the control API has about merchant transfers.
func (s *Sim) bindTransfers(g *echo.Group) {
	g.POST("/people/:id/transfer", s.deviceTransfer)
	g.GET("/transfers", s.listTransfers)
	g.POST("/transfers/:transfer_bill_no", s.endTransferByHand)
}

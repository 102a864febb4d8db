package wechat

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

const (
	opSetMessagePath = "setMsgJumpPath"
	opPreSale        = "opSpecialOrder"
	opPhonePackage   = "getUsageDetail"
)

// SetMessagePath sets to which page the messages about shipping and receipt lead a buyer; empty is WeChat's own page, and so is a page that is
// not there. WeChat adds transaction_id, merchant_id and merchant_trade_no to it, and has no call that tells what was set:
// POST /wxa/sec/order/set_msg_jump_path (server/API/order_shipping/api_setmsgjumppath.html, 消息跳转路径设置).
func (c *Client) SetMessagePath(ctx context.Context, path string) error {
	_, err := c.do(ctx, call{
		op: opSetMessagePath, method: http.MethodPost, path: "/wxa/sec/order/set_msg_jump_path",
		body: map[string]string{"path": path}, needsToken: true, repeatable: true,
	})
	return err
}

// ReportPreSale tells WeChat that the goods of a paid order are shipped later than 15 days after the payment, at most 330; the buyer is told the
// date. number is the transaction id or out_trade_no: POST /wxa/sec/order/opspecialorder
// (server/API/order_shipping/api_opspecialorder.html, 特殊发货报备). The same date again changes nothing.
//
// Errors: KindArgs for 268546001, a date that WeChat does not take; KindState for 268546002, no such order that waits to be shipped.
func (c *Client) ReportPreSale(ctx context.Context, number string, shipBy time.Time) error {
	if number == "" {
		return fieldError(opPreSale, "order_id", "must not be empty")
	}
	_, err := c.do(ctx, call{
		op: opPreSale, method: http.MethodPost, path: "/wxa/sec/order/opspecialorder",
		body: map[string]any{"order_id": number, "type": 1, "delay_to": shipBy.Unix()}, needsToken: true, repeatable: true,
	})
	return err
}

// phoneSPU is WeChat's id of the product "phone number quick check" (手机号快速验证组件).
const phoneSPU = "10000077"

// Package is what was bought of a paid ability and how much of it is used. All is 0 where nothing was ever bought.
type Package struct{ All, Used int64 }

// Left is how often it can still be used.
func (p Package) Left() int64 { return max(p.All-p.Used, 0) }

// PhonePackage asks what is left of the phone number button's package: GET /wxa/charge/usage/get
// (server/API/charge/api_getusagedetail.html, 查询购买资源包的用量情况). note: one SDK posts it, others and the page get it.
// Errors: KindBadAnswer with [ErrMissingField] when WeChat does not say.
func (c *Client) PhonePackage(ctx context.Context) (Package, error) {
	var p Package
	_, err := c.do(ctx, call{
		op: opPhonePackage, method: http.MethodGet, path: "/wxa/charge/usage/get",
		query: url.Values{"spuId": {phoneSPU}, "offset": {"0"}, "limit": {"20"}}, needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				All  *number `json:"effectiveAll"`
				Used *number `json:"effectiveUse"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			if wire.All == nil || wire.Used == nil {
				return ErrMissingField
			}
			p = Package{int64(*wire.All), int64(*wire.Used)}
			return nil
		},
	})
	return p, err
}

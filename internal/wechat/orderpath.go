package wechat

import (
	"context"
	"net/http"
)

const (
	opOrderPath    = "getOrderDetailPath"
	opSetOrderPath = "updateOrderDetailPath"
)

// OrderPathMark is the placeholder that WeChat replaces by out_trade_no in the path of the order centre.
const OrderPathMark = "${商品订单号}"

// OrderPath returns the page to which the order centre (订单中心) sends a buyer; empty if it was never set: POST
// /wxa/sec/order/get_order_detail_path (platform-capabilities/business-capabilities/order_center, 订单中心).
func (c *Client) OrderPath(ctx context.Context) (path string, err error) {
	_, err = c.do(ctx, call{
		op: opOrderPath, method: http.MethodPost, path: "/wxa/sec/order/get_order_detail_path", body: map[string]string{},
		needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				Path string `json:"path"`
			}
			err := decode(body, &wire)
			path = wire.Path
			return err
		},
	})
	return path, err
}

// SetOrderPath sets that page; path contains [OrderPathMark]: POST /wxa/sec/order/update_order_detail_path. Errors:
// errcode 10060035 for a path that WeChat refuses.
func (c *Client) SetOrderPath(ctx context.Context, path string) error {
	_, err := c.do(ctx, call{
		op: opSetOrderPath, method: http.MethodPost, path: "/wxa/sec/order/update_order_detail_path",
		body: map[string]string{"path": path}, needsToken: true, repeatable: true,
	})
	return err
}

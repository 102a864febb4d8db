package sim

import (
	"strings"

	"github.com/labstack/echo/v5"
)

// orderPathRow is where the order centre (订单中心) and the messages about shipping lead the buyers of one mini program.
type orderPathRow struct {
	AppID   string `json:"appid"`
	Path    string `json:"path"`
	Message string `json:"message,omitempty"` // empty is WeChat's own page
}

func (r orderPathRow) Entity() (kind, id string) { return "order_path", r.AppID }

// orderPathTable holds the page of an order, by appid.
type orderPathTable struct{ orderPaths map[string]*orderPathRow }

func (t *orderPathTable) register(r *registry) { remember(r, "order_path", &t.orderPaths, nil) }

// orderPathMark stands for out_trade_no in such a path.
const orderPathMark = "${商品订单号}"

// setOrderPath is POST /wxa/sec/order/update_order_detail_path: the page of an order.
func (s *Sim) setOrderPath(c *call) reply {
	var in struct {
		Path string `json:"path"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	page, _, _ := strings.Cut(in.Path, "?")
	if !strings.Contains(in.Path, orderPathMark) || !pageShape.MatchString(page) {
		return c.refuse(10060035, "path must be a page with "+orderPathMark+" in its query")
	}
	return s.changePaths(c, func(row *orderPathRow) { row.Path = in.Path })
}

// setMessagePath is POST /wxa/sec/order/set_msg_jump_path: where the messages about shipping and receipt lead. An empty path, and a page that
// is not there, mean WeChat's own page and are no error.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_setmsgjumppath.html (消息跳转路径设置)
func (s *Sim) setMessagePath(c *call) reply {
	var in struct {
		Path string `json:"path"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	return s.changePaths(c, func(row *orderPathRow) { row.Message = in.Path })
}

// changePaths keeps a changed copy of the row of the calling mini program.
func (s *Sim) changePaths(c *call, change func(*orderPathRow)) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := &orderPathRow{AppID: c.appid}
	if old := s.state.orderPaths[c.appid]; old != nil {
		*row = *old
	}
	change(row)
	if err := s.save(row); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.orderPaths[c.appid] = row
	return c.ok(plainOK{ErrMsg: "ok"})
}

// listPaths is GET /_sim/order-paths: what WeChat tells nobody of the message's path, a test may see.
func (s *Sim) listPaths(c *echo.Context) error {
	return s.inBook(c, func() any {
		list := make([]*orderPathRow, 0, len(s.state.orderPaths))
		for _, appid := range sortedKeys(s.state.orderPaths) {
			list = append(list, s.state.orderPaths[appid])
		}
		return list
	})
}

// getOrderPath is POST /wxa/sec/order/get_order_detail_path: what was set, or nothing.
func (s *Sim) getOrderPath(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := ""
	if row := s.state.orderPaths[c.appid]; row != nil {
		path = row.Path
	}
	return c.ok(struct {
		plainOK
		Path string `json:"path"`
	}{plainOK{ErrMsg: "ok"}, path})
}

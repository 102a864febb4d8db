package sim

import "strings"

// orderPathRow is where the order centre (订单中心) leads the buyers of one mini program.
type orderPathRow struct {
	AppID string `json:"appid"`
	Path  string `json:"path"`
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
	row := &orderPathRow{AppID: c.appid, Path: in.Path}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(row); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.orderPaths[c.appid] = row
	return c.ok(plainOK{ErrMsg: "ok"})
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

package sim

// delivery is a parcel service, as upload_shipping_info names it in express_company.
type delivery struct {
	ID   string `json:"delivery_id"`
	Name string `json:"delivery_name"`
}

// deliveryList is a dozen of WeChat's companies, of which there are some 1,400.
func deliveryList() []delivery {
	return []delivery{
		{"SF", "顺丰速运"},
		{"ZTO", "中通快递"},
		{"YTO", "圆通速递"},
		{"YUNDA", "韵达速递"},
		{"STO", "申通快递"},
		{"JTSD", "极兔快递"},
		{"JD", "京东快递"},
		{"EMS", "中国邮政速递物流"},
		{"YZPY", "邮政快递包裹"},
		{"DBL", "德邦快递"},
		{"HTKY", "百世快递"},
		{"FWX", "丰网速运"},
	}
}

// deliveries is POST /cgi-bin/express/delivery/open_msg/get_delivery_list.
func (s *Sim) deliveries(c *call) reply {
	list := deliveryList()
	return c.ok(struct {
		plainOK
		List  []delivery `json:"delivery_list"`
		Count int        `json:"count"`
	}{plainOK{ErrMsg: "ok"}, list, len(list)})
}

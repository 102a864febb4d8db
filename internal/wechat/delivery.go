package wechat

import (
	"context"
	"net/http"
)

const opDeliveries = "getDeliveryList"

// Delivery is a parcel service. Its ID is the value of [Parcel.ExpressCompany].
type Delivery struct {
	ID   string
	Name string
}

// Deliveries lists the companies that WeChat knows, some 1,400: POST /cgi-bin/express/delivery/open_msg/get_delivery_list
// (server/API/express/express-open-msg/api_getdeliverylist.html, 获取运力id列表).
func (c *Client) Deliveries(ctx context.Context) ([]Delivery, error) {
	var list []Delivery
	_, err := c.do(ctx, call{
		op: opDeliveries, method: http.MethodPost, path: "/cgi-bin/express/delivery/open_msg/get_delivery_list", body: struct{}{},
		needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				List []struct {
					ID   string `json:"delivery_id"`
					Name string `json:"delivery_name"`
				} `json:"delivery_list"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			list = make([]Delivery, 0, len(wire.List))
			for _, d := range wire.List {
				if d.ID == "" {
					return ErrMissingField
				}
				list = append(list, Delivery{d.ID, d.Name})
			}
			return nil
		},
	})
	return list, err
}

// Command embed is a shop of its own around wxbase: it makes an order, is told when it is paid, says so in a room, and refunds it.
// parcels.go ships the order and makes the code of a table. It starts with the credentials of the environment or of the dashboard; to try it
// without any, run it beside a simulated WeChat:
//
//	wxbase sim exec -- go run . serve --http 127.0.0.1:8090
package main

import (
	"log"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
)

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: hooks.Connect})
	wx := hooks.MustRegister(app, hooks.Config{})
	wx.OnOrderPaid().BindFunc(func(e *hooks.PaidEvent) error {
		log.Println("paid:", e.Order.Id)
		if _, err := wx.Publish("kitchen", "order", map[string]any{"order": e.Order.Id}); err != nil {
			return err
		}
		return e.Next()
	})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		shop := e.Router.Group("/shop").Bind(apis.RequireSuperuserAuth())
		shop.POST("/tables/{table}/bill/{user}", func(e *core.RequestEvent) error {
			user, what := e.Request.PathValue("user"), "桌号 "+e.Request.PathValue("table")
			order, err := wx.CreateOrder(hooks.NewOrder{User: user, Total: 5800, Description: what})
			return answer(e, order, err)
		})
		shop.POST("/orders/{order}/sorry", func(e *core.RequestEvent) error {
			all := hooks.NewRefund{All: true, Reason: "抱歉，今日售罄"}
			refund, err := wx.Refund(e.Request.Context(), e.Request.PathValue("order"), all)
			return answer(e, refund, err)
		})
		bindParcels(wx, shop)
		return e.Next()
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

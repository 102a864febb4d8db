// Command embed is a shop of its own around wxbase: an order that the program makes, is told of when it is paid, announces and refunds.
//
//	go run . serve --http 127.0.0.1:8090
package main

import (
	"log"
	"os"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
)

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{DBConnect: hooks.Connect})
	wx := hooks.MustRegister(app, hooks.Config{Sim: true, SimHTTP: os.Getenv("SIM_HTTP")})
	wx.OnOrderPaid().BindFunc(func(e *hooks.PaidEvent) error {
		if _, err := wx.Publish("kitchen", "order", map[string]any{"number": e.Order.GetString("number")}); err != nil {
			return err
		}
		return e.Next()
	})
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.Router.POST("/tables/{table}/bill/{user}", func(e *core.RequestEvent) error {
			order, err := wx.CreateOrder(hooks.NewOrder{
				User: e.Request.PathValue("user"), Total: 5800, Description: "桌号 " + e.Request.PathValue("table"),
			})
			if err != nil {
				return err
			}
			return e.JSON(200, map[string]any{"order": order.Id})
		}).Bind(apis.RequireSuperuserAuth())
		e.Router.POST("/orders/{order}/sorry", func(e *core.RequestEvent) error {
			refund, err := wx.Refund(e.Request.Context(), e.Request.PathValue("order"), hooks.NewRefund{All: true, Reason: "抱歉，今日售罄"})
			if err != nil {
				return err
			}
			return e.JSON(200, map[string]any{"refund": refund.Id, "state": refund.GetString("state")})
		}).Bind(apis.RequireSuperuserAuth())
		return e.Next()
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

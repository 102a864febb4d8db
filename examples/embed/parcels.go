package main

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/hooks"
)

// answer gives what was made, or the error: those of wxbase are answered with their code.
func answer(e *core.RequestEvent, made any, err error) error {
	if err != nil {
		return err
	}
	return e.JSON(200, made)
}

// bindParcels adds what comes after the payment, and the code of a table.
func bindParcels(wx *hooks.Plugin, shop *router.RouterGroup[*core.RequestEvent]) {
	shop.POST("/orders/{order}/ready", func(e *core.RequestEvent) error {
		parcel := hooks.Parcel{By: hooks.PickedUp, Goods: "堂食"}
		shipped, err := wx.Ship(e.Request.Context(), e.Request.PathValue("order"), parcel)
		return answer(e, shipped, err)
	})
	shop.POST("/tables/{table}/code", func(e *core.RequestEvent) error {
		table := map[string]any{"table": e.Request.PathValue("table")}
		code, err := wx.MakeCode(e.Request.Context(), hooks.NewCode{Payload: table})
		return answer(e, code, err)
	})
}

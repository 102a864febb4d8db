package desk

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

// remarkOrder handles POST /api/wx/admin/orders/{id}/remark {remark}: the shop's own note, which the buyer never sees.
func (p *ordersPage) remarkOrder(e *core.RequestEvent) error {
	var form struct {
		Remark string `json:"remark"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if utf8.RuneCountInString(form.Remark) > 2_000 {
		return answer.Field(answer.FieldInvalid, "remark", "at most 2000 characters")
	}
	o, err := orderByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	err = e.App.RunInTransaction(func(tx core.App) error {
		r, err := remarkOf(tx, o.Id)
		if err != nil {
			return err
		}
		r.Set("remark", form.Remark)
		r.Set("by", Who(e).Email)
		return books.Save(tx, r)
	})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	About(e, o.Id, o.GetString("number"))
	return e.JSON(http.StatusOK, map[string]any{"remark": form.Remark})
}

// remarkOf finds the note of an order, or begins one.
func remarkOf(app core.App, orderID string) (*core.Record, error) {
	r, err := app.FindFirstRecordByData("wx_remarks", "order", orderID)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	c, err := app.FindCachedCollectionByNameOrId("wx_remarks")
	if err != nil {
		return nil, fmt.Errorf("find wx_remarks: %w", err)
	}
	r = core.NewRecord(c)
	r.Set("order", orderID)
	return r, nil
}

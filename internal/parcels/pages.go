package parcels

// Where WeChat leads a buyer: from the order centre (订单中心) to the page of an order, and from the messages about shipping and receipt to a page
// where it is confirmed. Both are set at WeChat, once. WeChat tells the first when it is asked; of the second it takes any path and tells nothing,
// so what was set last is kept here, in a row of _params.

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// pagesParam is the row of _params that holds what was set, by appid.
const pagesParam = "wxbase_message_pages"

// MessagePage is the page that the messages lead to, as it was set last.
type MessagePage struct {
	Path string    `json:"path"` // empty is WeChat's own
	At   time.Time `json:"at"`
}

// MessagePages reads what was set, by appid.
func MessagePages(app core.App) (map[string]MessagePage, error) {
	pages := map[string]MessagePage{}
	var row core.Param
	err := app.ModelQuery(&row).Model(pagesParam, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return pages, nil
	}
	if err == nil {
		err = json.Unmarshal(row.Value, &pages)
	}
	if err != nil {
		return nil, fmt.Errorf("read message pages: %w", err)
	}
	return pages, nil
}

// keepMessagePage notes what WeChat has taken.
func keepMessagePage(app core.App, appID string, page MessagePage) error {
	return app.RunInTransaction(func(tx core.App) error {
		pages, err := MessagePages(tx)
		if err != nil {
			return err
		}
		pages[appID] = page
		raw, err := json.Marshal(pages)
		if err != nil {
			return fmt.Errorf("encode message pages: %w", err)
		}
		var row core.Param
		err = tx.ModelQuery(&row).Model(pagesParam, &row)
		if errors.Is(err, sql.ErrNoRows) {
			row.Id, row.Created = pagesParam, types.NowDateTime()
			row.MarkAsNew()
			err = nil
		}
		if err != nil {
			return fmt.Errorf("read message pages: %w", err)
		}
		row.Value, row.Updated = raw, types.NowDateTime()
		return tx.Save(&row)
	})
}

// pagesForm is the body of POST /api/wx/admin/order-pages; what is left out stays as it is.
type pagesForm struct {
	AppID       string  `json:"appid"`
	OrderPath   *string `json:"orderPath"`
	MessagePath *string `json:"messagePath"`
}

// pagePath is a page without a slash before it, and perhaps a query.
var pagePath = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(\?\S*)?$`)

// longestPath is ours; WeChat tells none.
const longestPath = 1024

func (f pagesForm) check() error {
	for _, one := range []struct {
		name string
		path *string
		mark bool
	}{{"orderPath", f.OrderPath, true}, {"messagePath", f.MessagePath, false}} {
		switch {
		case one.path == nil, *one.path == "" && !one.mark:
		case len(*one.path) > longestPath || !pagePath.MatchString(*one.path):
			return answer.Field(answer.FieldInvalid, one.name, "a page without a slash before it, such as pages/order/order")
		case strings.Contains(*one.path, wechat.OrderPathMark) != one.mark:
			return answer.Field(answer.FieldInvalid, one.name, "the order's path has "+wechat.OrderPathMark+" in it, the messages' path has not")
		}
	}
	return nil
}

// ShowPages handles GET /api/wx/admin/order-pages?appid=: it asks WeChat where the order centre leads.
func (p *Parcels) ShowPages(e *core.RequestEvent) error {
	app, err := p.Accounts.Settings.App(e.Request.URL.Query().Get("appid"))
	if err != nil {
		return answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), accounts.CallTimeout)
	defer cancel()
	return p.answerPages(ctx, e, app)
}

// ChangePages handles POST /api/wx/admin/order-pages: it sets what is given at WeChat, and answers as ShowPages.
func (p *Parcels) ChangePages(e *core.RequestEvent) error {
	var form pagesForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := form.check(); err != nil {
		return err
	}
	app, err := p.Accounts.Settings.App(form.AppID)
	if err != nil {
		return answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), 2*accounts.CallTimeout)
	defer cancel()
	client := p.Accounts.Wechat(app)
	if form.OrderPath != nil {
		if err := client.SetOrderPath(ctx, *form.OrderPath); err != nil {
			return answer.FromWechat(err)
		}
	}
	if form.MessagePath != nil {
		if err := client.SetMessagePath(ctx, *form.MessagePath); err != nil {
			return answer.FromWechat(err)
		}
		if err := keepMessagePage(e.App, app.AppID, MessagePage{*form.MessagePath, p.Now().UTC()}); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return p.answerPages(ctx, e, app)
}

func (p *Parcels) answerPages(ctx context.Context, e *core.RequestEvent, app settings.App) error {
	path, err := p.Accounts.Wechat(app).OrderPath(ctx)
	if err != nil {
		return answer.FromWechat(err)
	}
	pages, err := MessagePages(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	page, known := pages[app.AppID]
	reply := map[string]any{"appid": app.AppID, "orderPath": path, "messagePath": nil, "messagePathSetAt": nil}
	if known {
		reply["messagePath"], reply["messagePathSetAt"] = page.Path, page.At
	}
	return e.JSON(http.StatusOK, reply)
}

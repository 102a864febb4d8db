package till

// How virtual goods get on sale at WeChat. Each price of a product is an item (道具) there, which is uploaded and then published; both are
// batches that take their time. An item never changes: another price is another item, so that what was ordered before can still be paid.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// Items uploads what is sold by virtual payment to WeChat.
type Items struct {
	*kit

	looked time.Time // when the products were last looked through; the sweep alone uses it
}

// How far an item is, as stored in wx_items.state.
const (
	itemNew        = "NEW"
	itemUploading  = "UPLOADING"
	itemUploaded   = "UPLOADED"
	itemPublishing = "PUBLISHING"
	ItemPublished  = "PUBLISHED"
	ItemFailed     = "FAILED"
)

const (
	itemsPerBatch = 100
	lookEvery     = time.Minute
)

// itemID names what is sold at a price.
func itemID(item order.Item) string {
	_, id := shelfOf(item)
	return fmt.Sprintf("%s-%d", id, item.Price)
}

func findItem(app core.App, appID string, sandbox bool, id string) (*core.Record, error) {
	return books.Find(app, "wx_items", dbx.HashExp{"appid": appID, "sandbox": sandbox, "itemId": id})
}

// onSale gives the item of a line, or the refusal that says how far it is.
func (i *Items) onSale(app core.App, appID string, sandbox bool, item order.Item) (string, error) {
	row, err := findItem(app, appID, sandbox, itemID(item))
	if errors.Is(err, sql.ErrNoRows) {
		return "", answer.With(answer.ItemPending, "state", itemNew)
	}
	if err != nil {
		return "", err
	}
	// NB! the price that the buyer sees is compared with the published one, which WeChat takes
	if state := row.GetString("state"); state != ItemPublished || int64(row.GetInt("price")) != item.Price {
		return "", answer.With(answer.ItemPending, "state", state)
	}
	return row.GetString("itemId"), nil
}

// offer puts the item of an order on its way to WeChat, if it is not on sale there.
func (i *Items) offer(ctx context.Context, o rows.Order) error {
	items, err := o.Items()
	if err != nil || len(items) != 1 || items[0].Kind != order.KindVirtual {
		return err
	}
	app, err := i.accounts.Settings.App(o.AppID())
	if err != nil || !app.SellsVirtual() {
		return err
	}
	sandbox := app.XpayEnv == settings.XpaySandbox
	if _, err := i.onSale(i.app, app.AppID, sandbox, items[0]); err == nil {
		return nil
	}
	if err := i.add(app.AppID, sandbox, items[0]); err != nil {
		return err
	}
	return i.drive(ctx, app, sandbox)
}

// add writes the row of an item that is not there yet.
func (i *Items) add(appID string, sandbox bool, item order.Item) error {
	_, err := findItem(i.app, appID, sandbox, itemID(item))
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	picture := ""
	if product, err := books.ByID(i.app, "products", item.Product); err == nil && product.GetString("image") != "" {
		picture = i.accounts.Settings.PublicURL() + "/api/files/" + product.BaseFilesPath() + "/" + product.GetString("image")
	}
	_, err = books.Insert(i.app, "wx_items", map[string]any{
		"appid": appID, "sandbox": sandbox, "itemId": itemID(item), "product": item.Product, "variant": item.Variant, "name": item.Title(),
		"price": item.Price, "picture": picture, "state": itemNew, "nextAt": i.now(),
	})
	if err != nil && strings.Contains(err.Error(), "UNIQUE") {
		return nil // another request was faster
	}
	return err
}

// Sweep adds what the shop sells and goes on with what is under way.
func (i *Items) Sweep(ctx context.Context) error {
	apps, err := i.accounts.Settings.Apps()
	if err != nil {
		return err
	}
	look := !i.now().Before(i.looked.Add(lookEvery))
	for _, app := range apps {
		if !app.SellsVirtual() {
			continue
		}
		if look {
			if err := i.addAll(app); err != nil {
				return err
			}
		}
		if err := i.drive(ctx, app, app.XpayEnv == settings.XpaySandbox); err != nil {
			return err
		}
	}
	if look {
		i.looked = i.now()
	}
	return nil
}

// addAll looks through the virtual goods that are on sale here.
func (i *Items) addAll(app settings.App) error {
	products, err := books.Select(i.app, "products", "`kind` = ? AND `active`", order.KindVirtual)
	if err != nil {
		return fmt.Errorf("read virtual goods: %w", err)
	}
	sandbox := app.XpayEnv == settings.XpaySandbox
	for _, p := range products {
		line := order.Item{Product: p.Id, Name: p.GetString("name"), Price: int64(p.GetInt("price"))}
		variants, err := books.Select(i.app, "product_variants", "`product` = ? AND `active`", p.Id)
		if err != nil {
			return fmt.Errorf("read variants: %w", err)
		}
		lines := []order.Item{line}
		if len(variants) > 0 {
			lines = nil
		}
		for _, v := range variants {
			line.Variant, line.VariantName, line.Price = v.Id, v.GetString("name"), int64(v.GetInt("price"))
			lines = append(lines, line)
		}
		for _, line := range lines {
			if line.Price < 1 {
				continue
			}
			if err := i.add(app.AppID, sandbox, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// drive takes the items of a mini program as far as WeChat is.
func (i *Items) drive(ctx context.Context, app settings.App, sandbox bool) error {
	defer i.locks.Lock("items/" + app.AppID)()
	due, err := books.Select(i.app, "wx_items", "`appid` = ? AND `sandbox` = ? AND `nextAt` != '' AND `nextAt` <= ? ORDER BY `nextAt` LIMIT ?",
		app.AppID, sandbox, i.now().UTC().Format("2006-01-02 15:04:05.000Z"), itemsPerBatch)
	if err != nil || len(due) == 0 {
		return err
	}
	calls, err := i.accounts.Xpay(app, sandbox)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	by := map[string][]*core.Record{}
	for _, row := range due {
		by[row.GetString("state")] = append(by[row.GetString("state")], row)
	}
	// note: what is under way first, so that a batch that is over makes room for the next
	return errors.Join(
		i.ask(ctx, by[itemPublishing], calls.Published, ItemPublished, itemUploaded),
		i.ask(ctx, by[itemUploading], calls.Uploaded, itemUploaded, itemNew),
		i.publish(ctx, calls, by[itemUploaded]),
		i.upload(ctx, calls, by[itemNew]),
	)
}

func (i *Items) upload(ctx context.Context, calls wechat.Xpay, rows []*core.Record) error {
	if len(rows) == 0 {
		return nil
	}
	items := make([]wechat.XpayItem, 0, len(rows))
	for _, r := range rows {
		items = append(items, wechat.XpayItem{
			ID: r.GetString("itemId"), Name: r.GetString("name"), Price: int64(r.GetInt("price")), Remark: r.GetString("product"), ItemURL: r.GetString("picture"),
		})
	}
	return i.began(rows, itemUploading, calls.UploadItems(ctx, items))
}

func (i *Items) publish(ctx context.Context, calls wechat.Xpay, rows []*core.Record) error {
	if len(rows) == 0 {
		return nil
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.GetString("itemId"))
	}
	return i.began(rows, itemPublishing, calls.PublishItems(ctx, ids))
}

// began notes that a batch runs, or why it does not.
func (i *Items) began(rows []*core.Record, state string, err error) error {
	for _, r := range rows {
		if err == nil {
			r.Set("state", state)
		}
		if e := i.later(r, err); e != nil {
			return e
		}
	}
	return nil
}

// later has an item looked at again, and keeps why it is not further.
func (i *Items) later(r *core.Record, why error) error {
	attempts := r.GetInt("attempts") + 1
	r.Set("attempts", attempts)
	r.Set("error", "")
	if why != nil {
		r.Set("error", books.Clip(why.Error(), 600))
	}
	r.Set("nextAt", i.now().Add(min(10*time.Minute, time.Second<<min(attempts, 10))))
	return books.Write(i.app, r)
}

// ask looks how far a batch is. What is in no batch any more begins anew at before.
func (i *Items) ask(
	ctx context.Context, rows []*core.Record, query func(context.Context) (wechat.XpayTask, []wechat.XpayItemState, error), done, before string,
) error {
	if len(rows) == 0 {
		return nil
	}
	task, found, err := query(ctx)
	if err != nil {
		return i.began(rows, "", err)
	}
	states := map[string]wechat.XpayItemState{}
	for _, s := range found {
		states[s.ID] = s
	}
	for _, r := range rows {
		s, known := states[r.GetString("itemId")]
		if err := i.note(r, s, known, task, done, before); err != nil {
			return err
		}
	}
	return nil
}

func (i *Items) note(r *core.Record, s wechat.XpayItemState, known bool, task wechat.XpayTask, done, before string) error {
	switch {
	case known && s.Done && done == ItemPublished:
		r.Load(map[string]any{"state": done, "error": "", "nextAt": "", "publishedAt": i.now()})
		return books.Write(i.app, r)
	case known && s.Done:
		r.Load(map[string]any{"state": done, "error": "", "attempts": 0, "nextAt": i.now()})
		return books.Write(i.app, r)
	case known && s.Failed:
		r.Load(map[string]any{"state": ItemFailed, "error": books.Clip(s.Problem, 600), "nextAt": ""})
		return books.Write(i.app, r)
	case !known && task != wechat.XpayTaskRunning:
		r.Set("state", before)
	}
	return i.later(r, nil)
}

// itemView is an item as the shop's pages show it.
type itemView struct {
	ID        string `json:"id"`
	AppID     string `json:"appid"`
	Sandbox   bool   `json:"sandbox"`
	ItemID    string `json:"itemId"`
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	Name      string `json:"name"`
	Price     int    `json:"price"` // fen
	State     string `json:"state"`
	Error     string `json:"error"`
	Published string `json:"publishedAt"`
}

// List handles GET /api/wx/admin/items: what is on sale at WeChat, and what is on its way there; {product?} names one product's.
func (i *Items) List(e *core.RequestEvent) error {
	where, values := "1 = 1", []any{}
	if product := e.Request.URL.Query().Get("product"); product != "" {
		where, values = "`product` = ?", []any{product}
	}
	found, err := books.Select(e.App, "wx_items", where+" ORDER BY `created` DESC LIMIT 500", values...)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	views := make([]itemView, 0, len(found))
	for _, r := range found {
		views = append(views, itemView{
			ID: r.Id, AppID: r.GetString("appid"), Sandbox: r.GetBool("sandbox"), ItemID: r.GetString("itemId"), Product: r.GetString("product"),
			Variant: r.GetString("variant"), Name: r.GetString("name"), Price: r.GetInt("price"), State: r.GetString("state"), Error: r.GetString("error"),
			Published: r.GetString("publishedAt"),
		})
	}
	return e.JSON(http.StatusOK, map[string]any{"items": views})
}

// Again handles POST /api/wx/admin/items/{id}/again: an item that WeChat has refused is uploaded once more.
func (i *Items) Again(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	r, err := books.ByID(e.App, "wx_items", e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		return answer.Fail(answer.ItemMissing, nil)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	desk.About(e, r.Id, r.GetString("name"))
	if r.GetString("state") != ItemPublished {
		r.Load(map[string]any{"state": itemNew, "error": "", "attempts": 0, "nextAt": i.now()})
		if err := books.Write(e.App, r); err != nil {
			return answer.Fail(answer.Busy, err)
		}
	}
	return e.JSON(http.StatusOK, map[string]string{"id": r.Id, "state": r.GetString("state")})
}

// Bill handles GET /api/wx/admin/virtual/bill?date=: where WeChat's file of a day of virtual payment lies, for five minutes and for people.
func (i *Items) Bill(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	day, err := time.ParseInLocation(time.DateOnly, query.Get("date"), days.Beijing())
	if err != nil {
		return answer.Field(answer.FieldInvalid, "date", "a day such as 2026-01-31")
	}
	app, err := i.accounts.Settings.App(query.Get("appid"))
	if err != nil {
		return answer.Fail(answer.NotConfigured, err)
	}
	if !app.SellsVirtual() {
		return answer.Fail(answer.VirtualConfig, nil)
	}
	gateway, err := i.accounts.Virtual(app, app.XpayEnv == settings.XpaySandbox)
	if err != nil {
		return answer.FromPay(err)
	}
	address, err := gateway.BillAddress(e.Request.Context(), day, day)
	if err != nil {
		return answer.FromPay(err)
	}
	return e.JSON(http.StatusOK, map[string]string{"date": day.Format(time.DateOnly), "url": address})
}

package till

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/people"
)

// OrderForm is the body of POST /api/wx/orders. A client names products and quantities and nothing that costs or pays; the last
// fields are for superusers, who may sell what is in no catalogue.
type OrderForm struct {
	Items []OrderItem `json:"items"`
	Note  string      `json:"note"`
	Key   string      `json:"key"`
	AppID string      `json:"appid"`

	User        string `json:"user"`
	Total       *int64 `json:"total"` // NB! 0 is no price and not "none named": a discount that took all must not charge all
	Description string `json:"description"`

	bounded bool // by the limits of a user
}

// OrderItem is so many of a product.
type OrderItem struct {
	Product  string `json:"product"`
	Variant  string `json:"variant"` // of a product that has some
	Quantity int    `json:"quantity"`
}

// orderDraft is an order that has been checked but not written.
type orderDraft struct {
	user, appID, note, key, description string
	items                               []order.Item
	total                               int64
}

// CreateOrder handles POST /api/wx/orders. The total is computed here from the stored prices, the stock is reserved in the same
// transaction, and a key makes the call safe to repeat: the same key gives the same order.
func (t *Till) CreateOrder(e *core.RequestEvent) error {
	var form OrderForm
	if err := answer.ReadByRank(e, &form); err != nil {
		return err
	}
	if !e.HasSuperuserAuth() { // NB! nobody else says who pays how much
		form.User, form.Total, form.Description = e.Auth.Id, nil, ""
		form.bounded = true
	}
	record, err := t.PlaceOrder(e.App, form)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if err := apis.EnrichRecord(e, record); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, record)
}

// PlaceOrder writes the order of a form whose sender may say what it says.
func (t *Till) PlaceOrder(app core.App, form OrderForm) (record *core.Record, err error) {
	if len(form.Key) > 64 {
		return nil, answer.Field(answer.BadRequest, "key", "at most 64 bytes")
	}
	if len([]rune(form.Note)) > 500 {
		return nil, answer.Field(answer.BadRequest, "note", "at most 500 characters")
	}
	err = app.RunInTransaction(func(tx core.App) error {
		// note: the key comes first; a repeat must not fail because a product has been sold out or taken down since
		if record, err = orderOfKey(tx, form); record != nil || err != nil {
			return err
		}
		if err := t.mayOrder(tx, form); err != nil {
			return err
		}
		draft, err := t.draftOrder(tx, form)
		if err != nil {
			return err
		}
		if err := reserveStock(tx, draft.items, -1); err != nil {
			return err
		}
		record, err = t.saveOrder(tx, draft)
		return err
	})
	return record, err
}

// mayOrder holds a user's orders against the limits: those that hold stock without being paid, and those of today.
func (t *Till) mayOrder(tx core.App, form OrderForm) error {
	if !form.bounded {
		return nil
	}
	now := t.Now().In(days.Beijing())
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for _, limit := range []struct {
		per  string
		most int
		of   dbx.Expression
	}{
		{"open", t.Limits.OpenOrders, dbx.HashExp{"payState": string(order.PayUnpaid)}},
		{"day", t.Limits.OrdersPerDay, dbx.NewExp("created >= {:midnight}", dbx.Params{"midnight": midnight.UTC().Format(days.Stored)})},
	} {
		if limit.most < 0 {
			continue
		}
		n, err := tx.CountRecords("orders", dbx.HashExp{"user": form.User}, limit.of)
		if err != nil {
			return fmt.Errorf("count orders: %w", err)
		}
		if n >= int64(limit.most) {
			answer := answer.With(answer.OrderLimit, "per", limit.per)
			answer.Data["most"] = limit.most
			return answer
		}
	}
	return nil
}

// draftOrder decides who buys what for how much.
func (t *Till) draftOrder(tx core.App, form OrderForm) (orderDraft, error) {
	draftOf := draftFromCatalogue
	if form.Total != nil {
		draftOf = draftByHand
	}
	draft, err := draftOf(tx, form)
	if err != nil {
		return draft, err
	}
	draft.user, draft.note, draft.key = form.User, form.Note, form.Key
	identity, err := people.IdentityOf(tx, draft.user, form.AppID)
	if err != nil {
		return draft, answer.Fail(answer.IdentityMissing, err)
	}
	draft.appID = identity.GetString("appid")
	return draft, nil
}

// draftFromCatalogue takes prices and names from the products on sale.
func draftFromCatalogue(tx core.App, form OrderForm) (orderDraft, error) {
	items, err := priceItems(tx, form)
	if err != nil {
		return orderDraft{}, err
	}
	total, err := order.Total(items)
	if err != nil {
		return orderDraft{}, answer.Fail(answer.ItemsInvalid, err)
	}
	return orderDraft{items: items, total: total, description: order.Description(items)}, nil
}

// draftByHand is a superuser's own total and description. Items may come along: they are priced as ever, for the record, and
// reserved from the stock.
func draftByHand(tx core.App, form OrderForm) (orderDraft, error) {
	if *form.Total < 1 || *form.Total > order.MaxTotal {
		return orderDraft{}, answer.Field(answer.ItemsInvalid, "total", "1 to 100000000 fen")
	}
	if form.Description == "" || len(form.Description) > order.MaxDescription {
		return orderDraft{}, answer.Field(answer.ItemsInvalid, "description", "1 to 127 bytes")
	}
	own := []order.Item{{Name: form.Description, Price: *form.Total, Quantity: 1}}
	draft := orderDraft{items: own, total: *form.Total, description: order.Description(own)}
	if len(form.Items) == 0 {
		return draft, nil
	}
	items, err := priceItems(tx, form)
	if err != nil {
		return draft, err
	}
	if _, err := order.Total(items); err != nil && !errors.Is(err, order.ErrTotal) {
		return draft, answer.Fail(answer.ItemsInvalid, err)
	}
	draft.items = items
	return draft, nil
}

// priceItems looks up what is on sale; the same thing twice becomes one line.
func priceItems(tx core.App, form OrderForm) ([]order.Item, error) {
	if len(form.Items) < 1 || len(form.Items) > order.MaxLines {
		return nil, answer.Field(answer.ItemsInvalid, "items", "1 to 100 lines")
	}
	var items []order.Item
	seen := map[string]int{}
	for i, line := range form.Items {
		if line.Quantity < 1 || line.Quantity > order.MaxQuantity {
			refusal := answer.Field(answer.ItemsInvalid, fmt.Sprintf("items[%d].quantity", i), "1 to 999")
			refusal.Data["product"] = line.Product
			return nil, refusal
		}
		what := goods(line.Product, line.Variant)
		if at, ok := seen[what]; ok {
			items[at].Quantity += line.Quantity
			continue
		}
		item, err := priceItem(tx, line.Product, line.Variant)
		if err != nil {
			return nil, err
		}
		item.Quantity = line.Quantity
		seen[what] = len(items)
		items = append(items, item)
	}
	return items, nil
}

// orderOfKey finds the order that an earlier call with the same key made. Another content under the same key is a mistake of the
// client, which must hear about it.
func orderOfKey(tx core.App, form OrderForm) (*core.Record, error) {
	if form.Key == "" {
		return nil, nil //nolint:nilnil // no key, no order, no mistake
	}
	have, err := books.Find(tx, "orders", dbx.HashExp{"user": form.User, "key": form.Key})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, fmt.Errorf("find order by key: %w", err)
	}
	items, err := order.ParseItems(have.GetString("items"))
	if err != nil {
		return nil, err
	}
	otherTotal := form.Total != nil && *form.Total != int64(have.GetInt("total"))
	if otherTotal || !sameGoods(items, form) || have.GetString("note") != form.Note {
		return nil, answer.Fail(answer.KeyReused, nil)
	}
	return have, nil
}

// sameGoods compares what was bought with what is asked for; prices may have changed since the first call.
func sameGoods(items []order.Item, form OrderForm) bool {
	had, asked := map[string]int{}, map[string]int{}
	for _, i := range items {
		had[cmp.Or(goods(i.Product, i.Variant), "by hand: "+i.Name)] += i.Quantity
	}
	for _, line := range form.Items {
		asked[goods(line.Product, line.Variant)] += line.Quantity
	}
	if len(form.Items) == 0 {
		asked["by hand: "+form.Description] = 1
	}
	return maps.Equal(had, asked)
}

func (t *Till) saveOrder(tx core.App, d orderDraft) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("orders")
	if err != nil {
		return nil, err
	}
	now := t.Now()
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"user": d.user, "appid": d.appID, "number": orderNumber(now), "items": d.items, "total": d.total,
		"description": d.description, "payState": string(order.PayUnpaid), "shipState": "NONE",
		"expiresAt": now.Add(t.OrderLife), "note": d.note, "key": d.key,
	})
	event := &events.OrderEvent{App: tx, Order: r}
	err = t.OnOrderCreate.Trigger(event, func(oe *events.OrderEvent) error { return books.Save(oe.App, oe.Order) })
	if err != nil {
		return nil, fmt.Errorf("save order: %w", err)
	}
	return r, nil
}

// orderNumber is what people read to each other: the day in Beijing and ten characters without look-alikes.
func orderNumber(now time.Time) string {
	day := now.In(days.Beijing()).Format("20060102")
	return day + strings.ToUpper(rand.Text()[:10])
}

// OwnOrder loads the order of the route for its owner or the shop. To anybody else it does not exist.
func OwnOrder(e *core.RequestEvent) (*core.Record, error) {
	r, err := e.App.FindRecordById("orders", e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !desk.IsOperator(e) && r.GetString("user") != e.Auth.Id {
		return nil, answer.Fail(answer.OrderMissing, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return r, nil
}

// answerOrder reads the order again and writes it.
func answerOrder(e *core.RequestEvent, id string) error {
	r, err := e.App.FindRecordById("orders", id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := apis.EnrichRecord(e, r); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, r)
}

package till

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/order"
	"wxbase/internal/people"
	"wxbase/internal/rows"
)

// Orders makes orders, holds their stock, and moves them to paid, frozen and cancelled.
type Orders struct {
	*kit
	limits limit.Limits
	life   time.Duration // after which an unpaid order is cancelled

	OnCreate *hook.Hook[*events.OrderEvent]
}

// OrderForm is the body of POST /api/wx/orders. A client names products and quantities, and neither prices nor the
// payer; the last fields are for superusers, who may sell what is not in the catalogue.
type OrderForm struct {
	Items []OrderItem `json:"items"`
	Note  string      `json:"note"`
	Key   string      `json:"key"`
	AppID string      `json:"appid"`

	User        string `json:"user"`
	Total       *int64 `json:"total"` // NB! 0 is not a price and differs from absent: a discount of everything must not charge everything
	Description string `json:"description"`

	bounded bool // by a user's limits
}

// OrderItem is a quantity of a product.
type OrderItem struct {
	Product  string `json:"product"`
	Variant  string `json:"variant"` // of a product with specifications
	Quantity int    `json:"quantity"`
}

// orderDraft is a checked order before it is written.
type orderDraft struct {
	user, appID, note, key, description string
	items                               []order.Item
	counted                             []order.Item // those with a stock
	total                               int64
}

// Create handles POST /api/wx/orders. The total is computed here from the stored prices, the same transaction reserves
// the stock, and a key makes the call safe to repeat: the same key gives the same order.
func (s *Orders) Create(e *core.RequestEvent) error {
	var form OrderForm
	if err := answer.ReadByRank(e, &form); err != nil {
		return err
	}
	if !e.HasSuperuserAuth() { // NB! only a superuser sets the payer and the amount
		form.User, form.Total, form.Description = e.Auth.Id, nil, ""
		form.bounded = true
	}
	record, err := s.Place(e.App, form)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if err := apis.EnrichRecord(e, record); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, record)
}

// Place writes the order of a form, whose sender has been authorised.
func (s *Orders) Place(app core.App, form OrderForm) (record *core.Record, err error) {
	if len(form.Key) > 64 {
		return nil, answer.Field(answer.BadRequest, "key", "at most 64 bytes")
	}
	if len([]rune(form.Note)) > 500 {
		return nil, answer.Field(answer.BadRequest, "note", "at most 500 characters")
	}
	err = books.TogetherUnless(s.OnCreate.Length() > 0, app, func(tx core.App) error {
		// note: the key comes first; a repeat must not fail because a product has since been sold out or removed
		if record, err = orderOfKey(tx, form); record != nil || err != nil {
			return err
		}
		if err := s.mayOrder(tx, form); err != nil {
			return err
		}
		draft, err := s.draft(tx, form)
		if err != nil {
			return err
		}
		if err := reserveStock(tx, draft.counted, -1); err != nil {
			return err
		}
		record, err = s.save(tx, draft)
		return err
	})
	return record, err
}

// mayOrder checks a user's limits: unpaid orders that hold stock, and today's orders.
func (s *Orders) mayOrder(tx core.App, form OrderForm) error {
	if !form.bounded {
		return nil
	}
	now := s.now().In(days.Beijing())
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for _, limit := range []struct {
		per   string
		most  int
		where string
		than  string
	}{
		{"open", s.limits.OpenOrders, "`payState` = ?", string(order.PayUnpaid)},
		{"day", s.limits.OrdersPerDay, "`created` >= ?", midnight.UTC().Format(days.Stored)},
	} {
		if limit.most < 0 {
			continue
		}
		var n int64
		if err := books.Row(tx, "SELECT COUNT(*) FROM `orders` WHERE `user` = ? AND "+limit.where, []any{form.User, limit.than}, &n); err != nil {
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

// draft decides the buyer, the goods and the amount.
func (s *Orders) draft(tx core.App, form OrderForm) (orderDraft, error) {
	draftOf := draftFromCatalogue
	if form.Total != nil {
		draftOf = draftByHand
	}
	draft, err := draftOf(tx, form)
	if err != nil {
		return draft, err
	}
	draft.user, draft.note, draft.key = form.User, form.Note, form.Key
	if draft.appID, _, err = people.OpenIDOf(tx, draft.user, form.AppID); err != nil {
		return draft, answer.Fail(answer.IdentityMissing, err)
	}
	return draft, nil
}

// draftFromCatalogue takes prices and names from the products on sale.
func draftFromCatalogue(tx core.App, form OrderForm) (orderDraft, error) {
	items, counted, err := priceItems(tx, form)
	if err != nil {
		return orderDraft{}, err
	}
	total, err := order.Total(items)
	if err != nil {
		return orderDraft{}, answer.Fail(answer.ItemsInvalid, err)
	}
	return orderDraft{items: items, counted: counted, total: total, description: order.Description(items)}, nil
}

// draftByHand uses a superuser's total and description. Optional items are priced as usual, for the record, and
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
	items, counted, err := priceItems(tx, form)
	if err != nil {
		return draft, err
	}
	if _, err := order.Total(items); err != nil && !errors.Is(err, order.ErrTotal) {
		return draft, answer.Fail(answer.ItemsInvalid, err)
	}
	draft.items, draft.counted = items, counted
	return draft, nil
}

// priceItems looks up what is on sale, and which of it has a stock; equal items become one line.
func priceItems(tx core.App, form OrderForm) (items, counted []order.Item, err error) {
	if len(form.Items) < 1 || len(form.Items) > order.MaxLines {
		return nil, nil, answer.Field(answer.ItemsInvalid, "items", "1 to 100 lines")
	}
	var found []shelf
	seen := map[string]int{}
	for i, line := range form.Items {
		if line.Quantity < 1 || line.Quantity > order.MaxQuantity {
			refusal := answer.Field(answer.ItemsInvalid, fmt.Sprintf("items[%d].quantity", i), "1 to 999")
			refusal.Data["product"] = line.Product
			return nil, nil, refusal
		}
		what := goods(line.Product, line.Variant)
		if at, ok := seen[what]; ok {
			found[at].Quantity += line.Quantity
			continue
		}
		item, err := onShelf(tx, line.Product, line.Variant)
		if err != nil {
			return nil, nil, err
		}
		item.Quantity = line.Quantity
		seen[what] = len(found)
		found = append(found, item)
	}
	for _, f := range found {
		if items = append(items, f.Item); f.counted {
			counted = append(counted, f.Item)
		}
	}
	return items, counted, refuseMixed(items)
}

// refuseMixed refuses a cart that no one payment can pay: virtual goods beside others, and more than one kind of virtual goods, because
// WeChat sells one item at a time.
func refuseMixed(items []order.Item) error {
	virtual, err := order.Virtual(items)
	switch {
	case err != nil:
		return answer.Fail(answer.CartMixed, err)
	case virtual && len(items) > 1:
		return answer.Fail(answer.CartVirtual, nil)
	default:
		return nil
	}
}

// orderOfKey finds the order of an earlier call with the same key. Another content under the same key is a client's
// mistake, which is reported.
func orderOfKey(tx core.App, form OrderForm) (*core.Record, error) {
	if form.Key == "" {
		return nil, nil //nolint:nilnil // without a key there is no earlier order
	}
	found, err := books.First(tx, "orders", "`user` = ? AND `key` = ? AND `key` != ''", form.User, form.Key) // note: without the last word SQLite reads all of the user's orders
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // the key is new
	}
	if err != nil {
		return nil, fmt.Errorf("find order by key: %w", err)
	}
	have := rows.OrderOf(found)
	items, err := have.Items()
	if err != nil {
		return nil, err
	}
	otherTotal := form.Total != nil && *form.Total != have.Total()
	if otherTotal || !sameGoods(items, form) || have.Note() != form.Note {
		return nil, answer.Fail(answer.KeyReused, nil)
	}
	return have.Record, nil
}

// sameGoods compares an order's goods with the form's; prices may have changed since the first call.
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

func (s *Orders) save(tx core.App, d orderDraft) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("orders")
	if err != nil {
		return nil, err
	}
	now := s.now()
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"user": d.user, "appid": d.appID, "number": orderNumber(now), "items": d.items, "total": d.total,
		"description": d.description, "payState": string(order.PayUnpaid), "shipState": "NONE",
		"expiresAt": now.Add(s.life), "note": d.note, "key": d.key,
	})
	event := &events.OrderEvent{App: tx, Order: r}
	err = s.OnCreate.Trigger(event, func(oe *events.OrderEvent) error { return books.Create(oe.App, oe.Order) })
	if err != nil {
		return nil, fmt.Errorf("save order: %w", err)
	}
	return r, nil
}

// orderNumber is the number for people: the day in Beijing and ten characters without look-alikes. The first four of
// these count the day in steps of 82 ms, so that orders close in time are neighbours in the index; the rest, 30 bits,
// is random.
func orderNumber(now time.Time) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // of rand.Text
	now = now.In(days.Beijing())
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	step := now.Sub(midnight) / (24 * time.Hour >> 20)
	at := []byte{digits[step>>15&31], digits[step>>10&31], digits[step>>5&31], digits[step&31]}
	return now.Format("20060102") + string(at) + rand.Text()[:6]
}

// OwnOrder loads the route's order for its owner or the shop. For others it does not exist.
func OwnOrder(e *core.RequestEvent) (rows.Order, error) {
	o, err := rows.OrderByID(e.App, e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !desk.IsOperator(e) && o.User() != e.Auth.Id {
		return o, answer.Fail(answer.OrderMissing, nil)
	}
	if err != nil {
		return o, answer.Fail(answer.Busy, err)
	}
	return o, nil
}

// answerOrder reads the order again and writes it.
func answerOrder(e *core.RequestEvent, id string) error {
	o, err := rows.OrderByID(e.App, id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := apis.EnrichRecord(e, o.Record); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, o)
}

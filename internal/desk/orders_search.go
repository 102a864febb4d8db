package desk

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
)

// orderFind is what somebody looks for, and the column by which it is sorted and which has an index.
type orderFind struct {
	where dbx.Expression
	sort  string
}

// orderFilter reads ?search=&state=&ship=&from=&to=&product= of the lists of orders.
//
// note: every condition is one that an index serves; a search for a text is turned into ids first.
func (p *ordersPage) orderFilter(e *core.RequestEvent) (orderFind, error) {
	query := e.Request.URL.Query()
	find := orderFind{sort: "created"}
	var all []dbx.Expression
	state, err := stateFilter(query.Get("state"))
	if err != nil {
		return find, err
	}
	ship, err := shipFilter(query.Get("ship"))
	if err != nil {
		return find, err
	}
	if ship != nil {
		find.sort = "paidAt"
	}
	span, err := spanOf(e, find.sort)
	if err != nil {
		return find, err
	}
	all = append(all, state, ship, span)
	if product := query.Get("product"); product != "" {
		all = append(all, soldOf([]string{product}))
	}
	if search := strings.TrimSpace(query.Get("search")); search != "" {
		found, err := p.searchOrders(e.App, search)
		if err != nil {
			return find, answer.Fail(answer.Busy, err)
		}
		all = append(all, found)
	}
	find.where = both(all...)
	return find, nil
}

// stateFilter takes payState, and disputed for those that wait for a person.
func stateFilter(state string) (dbx.Expression, error) {
	switch order.PayState(state) {
	case "":
		return nil, nil //nolint:nilnil // no condition, no mistake
	case "disputed":
		return dbx.NewExp("[[frozenAt]] != ''"), nil
	case order.PayUnpaid, order.PayPaid, order.PayPartRefunded, order.PayRefunded, order.PayCancelled:
		return dbx.HashExp{"payState": state}, nil
	}
	return nil, answer.Field(answer.FieldInvalid, "state", "UNPAID, PAID, PART_REFUNDED, REFUNDED, CANCELLED or disputed")
}

// shipFilter takes shipState; NONE are those that have to be shipped.
func shipFilter(state string) (dbx.Expression, error) {
	switch state {
	case "":
		return nil, nil //nolint:nilnil // no condition, no mistake
	case shipNone:
		// note: unpaid orders stand first in the index, and there may be very many
		return dbx.NewExp("[[shipState]] = 'NONE' AND [[paidAt]] > '' AND [[payState]] IN ('PAID', 'PART_REFUNDED')"), nil
	case "SHIPPED", "RECEIVED":
		return dbx.HashExp{"shipState": state}, nil
	}
	return nil, answer.Field(answer.FieldInvalid, "ship", "NONE, SHIPPED or RECEIVED")
}

// soldOf are the orders with a line of one of these products.
func soldOf(products []string) dbx.Expression {
	params, names := dbx.Params{}, make([]string, len(products))
	for i, p := range products {
		key := fmt.Sprintf("sold%d", i)
		params[key], names[i] = p, "{:"+key+"}"
	}
	return dbx.NewExp("[[orders.id]] IN (SELECT [[order]] FROM {{wx_order_lines}} WHERE [[product]] IN ("+strings.Join(names, ",")+"))", params)
}

const (
	mostFound    = 100 // people or numbers that a search is taken for
	mostProducts = 30  // products whose name has what was typed; who types less than a name wants to type more
)

var (
	fourDigits  = regexp.MustCompile(`^\d{4}$`)
	phoneDigits = regexp.MustCompile(`^\d{7,15}$`)
	wholeWord   = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{6,64}$`)
)

// searchOrders finds orders by what somebody typed. The first meaning that fits anything counts: our number (or its beginning), one of
// WeChat's or the merchant's, a phone number or its last four digits, the name of a product.
func (p *ordersPage) searchOrders(app core.App, text string) (dbx.Expression, error) {
	if wholeWord.MatchString(text) {
		ids, err := ordersByNumber(app, text)
		if err != nil || len(ids) > 0 {
			return anyOf("orders.id", ids), err
		}
	}
	if fourDigits.MatchString(text) || phoneDigits.MatchString(text) {
		users, err := usersByPhone(app, text)
		if err != nil || len(users) > 0 {
			return anyOf("user", users), err
		}
	}
	var products []string
	err := app.DB().Select("id").From("products").Where(dbx.Like("name", text)).Limit(mostProducts).Column(&products)
	if err != nil || len(products) == 0 {
		return dbx.NewExp("0 = 1"), err
	}
	return soldOf(products), nil
}

// ordersByNumber looks for a number where the shop, WeChat or the merchant platform has one.
func ordersByNumber(app core.App, number string) ([]string, error) {
	var ids []string
	for _, place := range []struct{ table, column, field string }{
		{"payments", "order", "transactionId"}, {"payments", "order", "outTradeNo"}, {"refunds", "order", "outRefundNo"},
	} {
		var found []string
		err := app.DB().Select(place.column).From(place.table).Where(dbx.HashExp{place.field: number}).Limit(mostFound).Column(&found)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", place.field, err)
		}
		ids = append(ids, found...)
	}
	var ours []string
	upper := strings.ToUpper(number)
	err := app.DB().Select("id").From("orders").Where(dbx.Between("number", upper, upper+"~")).Limit(mostFound).Column(&ours)
	if err != nil {
		return nil, fmt.Errorf("look for number: %w", err)
	}
	return append(ids, ours...), nil
}

// usersByPhone looks for a whole phone number, or for its last four digits.
func usersByPhone(app core.App, digits string) ([]string, error) {
	where := dbx.Expression(dbx.HashExp{"phone": digits})
	if fourDigits.MatchString(digits) { // note: the index of phones is read whole, which is a narrow column of every user
		where = dbx.NewExp("[[phone]] > '' AND substr([[phone]], -4) = {:last}", dbx.Params{"last": digits})
	}
	var users []string
	if err := app.DB().Select("id").From("users").Where(where).Limit(mostFound).Column(&users); err != nil {
		return nil, fmt.Errorf("look for phone: %w", err)
	}
	return users, nil
}

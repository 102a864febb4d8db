package desk

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// piecesSold counts the pieces of products that were paid for, by the sums of the days.
func piecesSold(app core.App, products []any) (map[string]int, error) {
	var rows []struct {
		Product string `db:"product"`
		Sold    int    `db:"sold"`
	}
	err := app.DB().Select("product", "sum(quantity) AS sold").From("wx_sales_products").
		Where(dbx.In("product", products...)).GroupBy("product").All(&rows)
	if err != nil {
		return nil, fmt.Errorf("add up what was sold: %w", err)
	}
	sold := map[string]int{}
	for _, r := range rows {
		sold[r.Product] = r.Sold
	}
	return sold, nil
}

// wasOrdered tells whether a product stands in any order.
func wasOrdered(app core.App, product string) (bool, error) {
	n, err := app.CountRecords("wx_order_lines", dbx.HashExp{"product": product})
	if err != nil {
		return false, fmt.Errorf("look for orders of a product: %w", err)
	}
	return n > 0, nil
}

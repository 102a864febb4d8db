package till

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
)

// goods is the key of a product, or of one specification of it; empty for what is not in the catalogue.
func goods(product, variant string) string {
	if variant == "" {
		return product
	}
	return product + "/" + variant
}

// shelf is a product on sale, or its chosen specification, in the database.
type shelf struct {
	order.Item
	counted bool // has a stock
}

// onShelf looks up an item. A product with specifications is only sold as one of them, so its own price and stock are
// not used.
func onShelf(tx core.App, productID, variantID string) (shelf, error) {
	found := shelf{Item: order.Item{Product: productID}}
	var stock string
	var has bool
	err := books.Row(tx, "SELECT `name`, `price`, `stock`, EXISTS (SELECT 1 FROM `product_variants` WHERE `product` = `products`.`id`) FROM `products` WHERE `id` = ? AND `active`",
		[]any{productID}, &found.Name, &found.Price, &stock, &has)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return shelf{}, answer.With(answer.ProductMissing, "product", productID)
	case err != nil:
		return shelf{}, fmt.Errorf("read product: %w", err)
	case variantID == "" && has:
		return shelf{}, answer.With(answer.VariantWanted, "product", productID)
	case variantID != "":
		err = books.Row(tx, "SELECT `id`, `name`, `price`, `stock` FROM `product_variants` WHERE `id` = ? AND `product` = ? AND `active`", []any{variantID, productID},
			&found.Variant, &found.VariantName, &found.Price, &stock)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return shelf{}, ofVariant(answer.With(answer.VariantMissing, "product", productID), variantID)
	case err != nil:
		return shelf{}, fmt.Errorf("read variant: %w", err)
	}
	found.counted = stock != ""
	return found, nil
}

// ofVariant adds the specification to a refusal, if there is one.
func ofVariant(refusal *router.ApiError, variant string) *router.ApiError {
	if variant != "" {
		refusal.Data["variant"] = variant
	}
	return refusal
}

// reserveStock takes stock (sign -1) or returns it (sign +1). Goods without a stock are unlimited.
func reserveStock(tx core.App, items []order.Item, sign int) error {
	for _, item := range items {
		if item.Product == "" {
			continue
		}
		if err := moveStock(tx, item, sign*item.Quantity); err != nil {
			return err
		}
	}
	return nil
}

// moveStock changes the stock of what a line is about: the product, or its specification.
func moveStock(tx core.App, item order.Item, by int) error {
	collection, id := "products", item.Product
	if item.Variant != "" {
		collection, id = "product_variants", item.Variant
	}
	var has string
	err := books.Row(tx, "SELECT `stock` FROM `"+collection+"` WHERE `id` = ?", []any{id}, &has)
	if errors.Is(err, sql.ErrNoRows) && by > 0 {
		return nil // it was deleted, and its stock with it
	}
	if err != nil {
		return fmt.Errorf("read stock in %s: %w", collection, err)
	}
	stock, err := strconv.Atoi(has)
	if err != nil { // unlimited
		return nil //nolint:nilerr // an empty stock is not a number
	}
	row, err := books.ByID(tx, collection, id)
	if err != nil {
		return fmt.Errorf("read stock in %s: %w", collection, err)
	}
	if stock += by; stock < 0 {
		return ofVariant(answer.With(answer.StockShort, "product", item.Product), item.Variant)
	}
	row.Set("stock", strconv.Itoa(stock))
	if err := books.Write(tx, row); err != nil {
		return fmt.Errorf("save stock: %w", err)
	}
	return nil
}

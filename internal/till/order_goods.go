package till

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
)

// goods names a product, or one specification of it; empty for what is in no catalogue.
func goods(product, variant string) string {
	if variant == "" {
		return product
	}
	return product + "/" + variant
}

// priceItem looks up one product on sale, or the specification of it that was chosen. A product that has specifications is bought by one of
// them only, so that its own price and stock never count.
func priceItem(tx core.App, productID, variantID string) (order.Item, error) {
	product, err := books.Find(tx, "products", dbx.HashExp{"id": productID, "active": true})
	if errors.Is(err, sql.ErrNoRows) {
		return order.Item{}, answer.With(answer.ProductMissing, "product", productID)
	}
	if err != nil {
		return order.Item{}, fmt.Errorf("read product: %w", err)
	}
	item := order.Item{Product: product.Id, Name: product.GetString("name"), Price: int64(product.GetInt("price"))}
	if variantID == "" {
		n, err := tx.CountRecords("product_variants", dbx.HashExp{"product": productID})
		if err != nil {
			return order.Item{}, fmt.Errorf("count variants: %w", err)
		}
		if n > 0 {
			return order.Item{}, answer.With(answer.VariantWanted, "product", productID)
		}
		return item, nil
	}
	variant, err := books.Find(tx, "product_variants", dbx.HashExp{"id": variantID, "product": productID, "active": true})
	if errors.Is(err, sql.ErrNoRows) {
		return order.Item{}, ofVariant(answer.With(answer.VariantMissing, "product", productID), variantID)
	}
	if err != nil {
		return order.Item{}, fmt.Errorf("read variant: %w", err)
	}
	item.Variant, item.VariantName, item.Price = variant.Id, variant.GetString("name"), int64(variant.GetInt("price"))
	return item, nil
}

// ofVariant names the specification in a refusal, where there is one.
func ofVariant(refusal *router.ApiError, variant string) *router.ApiError {
	if variant != "" {
		refusal.Data["variant"] = variant
	}
	return refusal
}

// reserveStock takes stock (sign -1) or gives it back (sign +1). What has no stock is unlimited.
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
	shelf, err := tx.FindRecordById(collection, id)
	if errors.Is(err, sql.ErrNoRows) && by > 0 {
		return nil // it is gone, and its stock with it
	}
	if err != nil {
		return fmt.Errorf("read stock in %s: %w", collection, err)
	}
	stock, err := strconv.Atoi(shelf.GetString("stock"))
	if err != nil { // unlimited
		return nil //nolint:nilerr // an empty stock is no number
	}
	if stock += by; stock < 0 {
		return ofVariant(answer.With(answer.StockShort, "product", item.Product), item.Variant)
	}
	shelf.Set("stock", strconv.Itoa(stock))
	if err := books.Save(tx, shelf); err != nil {
		return fmt.Errorf("save stock: %w", err)
	}
	return nil
}

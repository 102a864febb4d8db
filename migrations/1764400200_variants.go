package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

func init() {
	core.AppMigrations.Register(upVariants, downVariants)
}

// upVariants lets a product come in several specifications, each with a price and a stock of its own, and sorts the products.
//
// note: what was ordered keeps the name of its specification in orders.items; a specification that is deleted takes nothing with it.
func upVariants(app core.App) error {
	products, err := app.FindCollectionByNameOrId("products")
	if err != nil {
		return fmt.Errorf("find products: %w", err)
	}
	products.Fields.Add(
		&core.TextField{Name: "category", Max: 50, System: true},
		&core.NumberField{Name: "position", OnlyInt: true, System: true, Help: "Products are shown from the lowest to the highest."},
	)
	products.AddIndex("idx_products_shelf", false, "`active`, `position`", "")
	if err := app.SaveNoValidate(products); err != nil {
		return fmt.Errorf("save products: %w", err)
	}
	if err := create(app, variantSchema(products.Id)); err != nil {
		return err
	}
	return lock(app, true, variantFields)
}

const variantFields = `product_variants product name price stock active position created updated`

func variantSchema(products string) schema {
	return schema{
		name: "product_variants", read: rule("active = true && product.active = true"),
		fields: []core.Field{
			&core.RelationField{Name: "product", CollectionId: products, MaxSelect: 1, Required: true, CascadeDelete: true},
			&core.TextField{Name: "name", Required: true, Max: 100, Presentable: true},
			&core.NumberField{Name: "price", OnlyInt: true, Min: types.Pointer(0.0), Max: types.Pointer(100_000_000.0), Help: "In fen (1/100 yuan)."},
			&core.TextField{Name: "stock", Pattern: `^\d{0,9}$`, Help: "Digits; empty means unlimited."},
			flag("active"),
			&core.NumberField{Name: "position", OnlyInt: true},
		},
		indexes: []index{{"product", false, "`product`, `position`", ""}},
	}
}

func downVariants(app core.App) error {
	if err := drop(app, "product_variants"); err != nil {
		return err
	}
	products, err := app.FindCollectionByNameOrId("products")
	if err != nil {
		return fmt.Errorf("find products: %w", err)
	}
	products.RemoveIndex("idx_products_shelf")
	for _, name := range []string{"category", "position"} {
		if f := products.Fields.GetByName(name); f != nil {
			f.SetSystem(false)
			products.Fields.RemoveByName(name)
		}
	}
	if err := app.SaveNoValidate(products); err != nil {
		return fmt.Errorf("save products: %w", err)
	}
	return nil
}

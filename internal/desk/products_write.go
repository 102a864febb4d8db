package desk

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// Limits of what one request changes.
const (
	mostVariants = 50
	mostBulk     = 1000
)

// productForm is the body of POST and PATCH: what is left out stays.
type productForm struct {
	Name        *string        `json:"name"`
	Description *string        `json:"description"`
	Price       *int           `json:"price"`
	Stock       *int           `json:"stock"`    // -1: never runs out
	StockWas    *int           `json:"stockWas"` // the stock that the person saw: what was sold since stays sold
	Active      *bool          `json:"active"`
	Category    *string        `json:"category"`
	Kind        *string        `json:"kind"`
	Position    *int           `json:"position"`
	Variants    *[]variantForm `json:"variants"` // all of them: one that is left out is removed
}

type variantForm struct {
	ID       string `json:"id"` // empty: a new one
	Name     string `json:"name"`
	Price    int    `json:"price"`
	Stock    *int   `json:"stock"`
	StockWas *int   `json:"stockWas"`
	Active   bool   `json:"active"`
}

// createProduct handles POST /api/wx/admin/products.
func (p *productsPage) createProduct(e *core.RequestEvent) error {
	c, err := e.App.FindCachedCollectionByNameOrId("products")
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return p.writeProduct(e, core.NewRecord(c))
}

// changeProduct handles PATCH /api/wx/admin/products/{id}.
func (p *productsPage) changeProduct(e *core.RequestEvent) error {
	product, err := findProduct(e)
	if err != nil {
		return err
	}
	return p.writeProduct(e, product)
}

func (p *productsPage) writeProduct(e *core.RequestEvent, product *core.Record) error {
	var form productForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if err := form.check(); err != nil {
		return err
	}
	err := e.App.RunInTransaction(func(tx core.App) error {
		if !product.IsNew() { // note: the stock may have moved since it was read
			fresh, err := tx.FindRecordById("products", product.Id)
			if err != nil {
				return fmt.Errorf("read product: %w", err)
			}
			product = fresh
		}
		if err := form.fill(tx, product); err != nil {
			return err
		}
		noteChanges(e, product)
		if err := tx.Save(product); err != nil {
			return refusal(err, "")
		}
		return form.saveVariants(tx, product.Id)
	})
	if err != nil {
		return asAnswer(err)
	}
	About(e, product.Id, product.GetString("name"))
	return answerProduct(e, product)
}

func (f *productForm) check() error {
	if f.Variants == nil {
		return nil
	}
	if len(*f.Variants) > mostVariants {
		return answer.Field(answer.FieldInvalid, "variants", "at most 50")
	}
	for i, v := range *f.Variants {
		at := "variants[" + strconv.Itoa(i) + "]"
		if v.Stock != nil && *v.Stock < unlimited {
			return answer.Field(answer.FieldInvalid, at+".stock", "a number of pieces, or -1 for what never runs out")
		}
		if slices.ContainsFunc((*f.Variants)[:i], func(o variantForm) bool { return o.Name == v.Name || o.ID != "" && o.ID == v.ID }) {
			return answer.Field(answer.FieldInvalid, at+".name", "another specification has this name")
		}
	}
	return nil
}

// fill puts the form into a record. A product in specifications that has no price of its own shows the lowest of theirs.
func (f *productForm) fill(tx core.App, r *core.Record) error {
	set(r, "name", f.Name)
	set(r, "description", f.Description)
	set(r, "price", f.Price)
	set(r, "active", f.Active)
	set(r, "category", f.Category)
	set(r, "kind", f.Kind)
	set(r, "position", f.Position)
	if err := setStock(r, f.Stock, f.StockWas, "stock"); err != nil {
		return err
	}
	if f.Variants != nil && r.GetInt("price") == 0 {
		lowest := 0
		for _, v := range *f.Variants {
			if v.Price > 0 && (lowest == 0 || v.Price < lowest) {
				lowest = v.Price
			}
		}
		r.Set("price", lowest)
	}
	if !r.IsNew() || f.Position != nil {
		return nil
	}
	var last int
	if err := tx.DB().Select("coalesce(max(position), 0)").From("products").Row(&last); err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	r.Set("position", last+1)
	return nil
}

func set[T any](r *core.Record, field string, value *T) {
	if value != nil {
		r.Set(field, *value)
	}
}

// setStock writes a stock. With the stock that the person saw, it is changed by the difference, so that pieces that were sold in between are
// not put back on the shelf.
func setStock(r *core.Record, stock, was *int, field string) error {
	if stock == nil {
		return nil
	}
	n := *stock
	if have := stockOf(r); was != nil && n >= 0 && *was >= 0 && have >= 0 {
		n = max(0, have+n-*was)
	}
	switch {
	case n == unlimited:
		r.Set("stock", "")
	case n < 0 || n > 999_999_999:
		return answer.Field(answer.FieldInvalid, field, "a number of pieces, or -1 for what never runs out")
	default:
		r.Set("stock", strconv.Itoa(n))
	}
	return nil
}

// saveVariants makes the specifications of a product those of the form, in their order.
func (f *productForm) saveVariants(tx core.App, product string) error {
	if f.Variants == nil {
		return nil
	}
	var rows []*core.Record
	if err := tx.RecordQuery("product_variants").AndWhere(dbx.HashExp{"product": product}).All(&rows); err != nil {
		return fmt.Errorf("read variants: %w", err)
	}
	for i, v := range *f.Variants {
		at := "variants[" + strconv.Itoa(i) + "]."
		r, err := v.record(tx, rows, at)
		if err != nil {
			return err
		}
		r.Load(map[string]any{"product": product, "name": v.Name, "price": v.Price, "active": v.Active, "position": i + 1})
		if err := setStock(r, v.Stock, v.StockWas, at+"stock"); err != nil {
			return err
		}
		if err := tx.Save(r); err != nil {
			return refusal(err, at)
		}
	}
	for _, r := range rows {
		if slices.ContainsFunc(*f.Variants, func(v variantForm) bool { return v.ID == r.Id }) {
			continue
		}
		if err := tx.Delete(r); err != nil {
			return fmt.Errorf("remove variant: %w", err)
		}
	}
	return nil
}

// record is the row of a specification, or a new one.
func (v variantForm) record(tx core.App, rows []*core.Record, at string) (*core.Record, error) {
	if v.ID != "" {
		i := slices.IndexFunc(rows, func(r *core.Record) bool { return r.Id == v.ID })
		if i < 0 {
			return nil, answer.Field(answer.FieldInvalid, at+"id", "no specification of this product")
		}
		return rows[i], nil
	}
	c, err := tx.FindCachedCollectionByNameOrId("product_variants")
	if err != nil {
		return nil, fmt.Errorf("find product_variants: %w", err)
	}
	return core.NewRecord(c), nil
}

// refusal turns what PocketBase says of a record into an answer that names the field.
func refusal(err error, at string) error {
	fields, ok := errors.AsType[validation.Errors](err)
	if !ok {
		return err
	}
	for name, cause := range fields {
		return answer.Field(answer.FieldInvalid, at+name, cause.Error())
	}
	return err
}

// noteChanges writes into the audit what has money or stock in it.
func noteChanges(e *core.RequestEvent, r *core.Record) {
	for _, field := range []string{"name", "price", "stock", "active"} {
		if before, after := r.Original().GetString(field), r.GetString(field); before != after {
			Note(e, field, map[string]string{"from": before, "to": after})
		}
	}
}

// removeProduct handles DELETE /api/wx/admin/products/{id}. What was ever ordered is taken down and stays, so that its orders go on naming it.
func (p *productsPage) removeProduct(e *core.RequestEvent) error {
	product, err := findProduct(e)
	if err != nil {
		return err
	}
	ordered, err := wasOrdered(e.App, product.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	Note(e, "archived", ordered)
	if !ordered {
		err = e.App.Delete(product)
	} else {
		product.Set("active", false)
		err = e.App.Save(product)
	}
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("remove product: %w", err))
	}
	return e.JSON(http.StatusOK, map[string]bool{"archived": ordered})
}

// setProductImage handles POST /api/wx/admin/products/{id}/image: a form with the file "image".
func (p *productsPage) setProductImage(e *core.RequestEvent) error {
	product, err := findProduct(e)
	if err != nil {
		return err
	}
	files, err := e.FindUploadedFiles("image")
	if err != nil || len(files) != 1 {
		return answer.Field(answer.FieldInvalid, "image", "one file")
	}
	product.Set("image", files[0])
	if err := e.App.Save(product); err != nil {
		return asAnswer(refusal(err, ""))
	}
	return answerProduct(e, product)
}

// orderProducts handles POST /api/wx/admin/products/order: the shop shows these products in this order, before all others.
func (p *productsPage) orderProducts(e *core.RequestEvent) error {
	var form struct {
		IDs []string `json:"ids"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if len(form.IDs) < 1 || len(form.IDs) > mostBulk {
		return answer.Field(answer.FieldInvalid, "ids", "1 to 1000")
	}
	err := e.App.RunInTransaction(func(tx core.App) error {
		places, err := placesOf(tx, form.IDs)
		if err != nil {
			return err
		}
		for i, id := range form.IDs {
			if _, err := tx.NonconcurrentDB().Update("products", dbx.Params{"position": places[i]}, dbx.HashExp{"id": id}).Execute(); err != nil {
				return fmt.Errorf("save position: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return asAnswer(err)
	}
	return e.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// placesOf gives the products that are sorted the places that they have together, so that a page of a long list can be sorted by itself.
// Products that share a place are spread first.
func placesOf(tx core.App, ids []string) ([]int, error) {
	if _, err := tx.NonconcurrentDB().NewQuery(`UPDATE products SET position = (SELECT n FROM
		(SELECT id AS i, row_number() OVER (ORDER BY position, created, id) AS n FROM products) WHERE i = products.id)`).Execute(); err != nil {
		return nil, fmt.Errorf("spread positions: %w", err)
	}
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	var places []int
	if err := tx.DB().Select("position").From("products").Where(dbx.In("id", values...)).OrderBy("position").Column(&places); err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	if len(places) != len(ids) {
		return nil, answer.Field(answer.FieldInvalid, "ids", "a product is not there, or twice")
	}
	return places, nil
}

// bulkProducts handles POST /api/wx/admin/products/bulk: several on or off sale, all or none.
func (p *productsPage) bulkProducts(e *core.RequestEvent) error {
	var form struct {
		IDs    []string `json:"ids"`
		Active *bool    `json:"active"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	if len(form.IDs) < 1 || len(form.IDs) > mostBulk || form.Active == nil {
		return answer.Field(answer.FieldInvalid, "ids", "1 to 1000, with active")
	}
	Note(e, "count", len(form.IDs))
	Note(e, "active", *form.Active)
	err := e.App.RunInTransaction(func(tx core.App) error {
		for i, id := range form.IDs {
			r, err := tx.FindRecordById("products", id)
			if err != nil {
				return answer.Field(answer.FieldInvalid, "ids["+strconv.Itoa(i)+"]", "no product")
			}
			r.Set("active", *form.Active)
			if err := tx.Save(r); err != nil {
				return refusal(err, "ids["+strconv.Itoa(i)+"].")
			}
		}
		return nil
	})
	if err != nil {
		return asAnswer(err)
	}
	return e.JSON(http.StatusOK, map[string]int{"changed": len(form.IDs)})
}

package desk

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
)

// productsPage shows and changes the products.
type productsPage struct{ kit }

// mostImage is a little more than the field products.image takes, which says what is wrong with a picture that is larger.
const mostImage = 6 << 20

// unlimited is the stock of what never runs out.
const unlimited = -1

// productView is a product as the dashboard shows it.
type productView struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Image       string        `json:"image"` // path of the file; empty without one
	Price       int           `json:"price"` // fen
	Stock       int           `json:"stock"`
	Active      bool          `json:"active"`
	Category    string        `json:"category"`
	Kind        string        `json:"kind"` // physical, virtual or service
	Position    int           `json:"position"`
	Variants    []variantView `json:"variants"`
	Sold        int           `json:"sold"` // pieces that were paid for
	Updated     string        `json:"updated"`
}

// variantView is one specification of a product.
type variantView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Price    int    `json:"price"`
	Stock    int    `json:"stock"`
	Active   bool   `json:"active"`
	Position int    `json:"position"`
}

// listProducts handles GET /api/wx/admin/products, in the order in which the shop shows them.
func (p *productsPage) listProducts(e *core.RequestEvent) error {
	ask, err := PageOf(e)
	if err != nil {
		return err
	}
	query, where := e.Request.URL.Query(), []dbx.Expression{dbx.NewExp("1 = 1")}
	if search := strings.TrimSpace(query.Get("search")); search != "" {
		where = append(where, dbx.Or(dbx.HashExp{"id": search}, dbx.Like("name", search)))
	}
	if query.Has("category") && query.Get("category") != "" {
		where = append(where, dbx.HashExp{"category": query.Get("category")})
	}
	switch active := query.Get("active"); active {
	case "":
	case "true", "1":
		where = append(where, dbx.HashExp{"active": true})
	case "false", "0":
		where = append(where, dbx.HashExp{"active": false})
	default:
		return answer.Field(answer.FieldInvalid, "active", "true or false")
	}
	return AnswerPage(e, ask, "products", both(where...), "position, created, id", func(rows []*core.Record) ([]productView, error) {
		return viewProducts(e.App, rows)
	})
}

// showProduct handles GET /api/wx/admin/products/{id}.
func (p *productsPage) showProduct(e *core.RequestEvent) error {
	product, err := findProduct(e)
	if err != nil {
		return err
	}
	return answerProduct(e, product)
}

func findProduct(e *core.RequestEvent) (*core.Record, error) {
	product, err := e.App.FindRecordById("products", e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.DeskProductNotFound, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, fmt.Errorf("read product: %w", err))
	}
	About(e, product.Id, product.GetString("name"))
	return product, nil
}

func answerProduct(e *core.RequestEvent, product *core.Record) error {
	views, err := viewProducts(e.App, []*core.Record{product})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, views[0])
}

// viewProducts adds to products their specifications and what was sold of them, with one query each.
func viewProducts(app core.App, rows []*core.Record) ([]productView, error) {
	ids := make([]any, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.Id)
	}
	variants, err := variantsOf(app, ids)
	if err != nil {
		return nil, err
	}
	sold, err := piecesSold(app, ids)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r *core.Record) productView {
		v := productView{
			ID: r.Id, Name: r.GetString("name"), Description: r.GetString("description"), Image: fileOf(r, "image"), Price: r.GetInt("price"),
			Stock: stockOf(r), Active: r.GetBool("active"), Category: r.GetString("category"), Kind: cmp.Or(r.GetString("kind"), order.KindPhysical), Position: r.GetInt("position"),
			Variants: variants[r.Id], Sold: sold[r.Id], Updated: moment(r.GetDateTime("updated")),
		}
		if v.Variants == nil {
			v.Variants = []variantView{}
		}
		return v
	}), nil
}

func variantsOf(app core.App, products []any) (map[string][]variantView, error) {
	var rows []*core.Record
	err := app.RecordQuery("product_variants").AndWhere(dbx.In("product", products...)).OrderBy("position", "created", "id").All(&rows)
	if err != nil {
		return nil, fmt.Errorf("read variants: %w", err)
	}
	of := map[string][]variantView{}
	for _, r := range rows {
		product := r.GetString("product")
		of[product] = append(of[product], variantView{
			ID: r.Id, Name: r.GetString("name"), Price: r.GetInt("price"), Stock: stockOf(r), Active: r.GetBool("active"), Position: r.GetInt("position"),
		})
	}
	return of, nil
}

// stockOf reads a stock, which is digits, or empty for what never runs out.
func stockOf(r *core.Record) int {
	n, err := strconv.Atoi(r.GetString("stock"))
	if err != nil {
		return unlimited
	}
	return n
}

// fileOf is the path of a record's file; empty without one.
func fileOf(r *core.Record, field string) string {
	name := r.GetString(field)
	if name == "" {
		return ""
	}
	return "/api/files/" + r.BaseFilesPath() + "/" + name
}

// listCategories handles GET /api/wx/admin/categories: those that products have.
func (p *productsPage) listCategories(e *core.RequestEvent) error {
	var names []string
	err := e.App.DB().Select("category").Distinct(true).From("products").Where(dbx.Not(dbx.HashExp{"category": ""})).OrderBy("category").Column(&names)
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read categories: %w", err))
	}
	return answerItems(e, names)
}

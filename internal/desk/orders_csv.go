package desk

// Orders as a file that Excel and WPS open right: UTF-8 with a BOM, CRLF, texts that cannot become formulas, and long numbers that stay
// text. It is written as it is read, page after page, so that a hundred thousand orders need no more memory than a thousand.

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"golang.org/x/text/language"
)

// exportPage is how many orders are read at once.
const exportPage = 1_000

// exportTime is how long an export may take: the server's own limit on an answer is shorter for slow lines.
const exportTime = 30 * time.Minute

var csvHeads = map[bool][]string{
	false: {"Order number", "Created", "Paid", "Payment", "Shipping", "Total (yuan)", "Refunded (yuan)", "Goods", "Buyer", "Phone", "Buyer's note", "WeChat's number"},
	true:  {"订单号", "下单时间", "支付时间", "支付状态", "发货状态", "金额（元）", "已退款（元）", "商品", "买家", "手机号", "买家备注", "微信支付单号"},
}

// csvRow is what the file says about an order.
type csvRow struct {
	ID          string `db:"id"`
	Number      string `db:"number"`
	Created     string `db:"created"`
	PaidAt      string `db:"paidAt"`
	PayState    string `db:"payState"`
	ShipState   string `db:"shipState"`
	Total       int64  `db:"total"`
	Refunded    int64  `db:"refunded"`
	Description string `db:"description"`
	Note        string `db:"note"`
	Name        string `db:"name"`
	Phone       string `db:"phone"`
	Transaction string `db:"transaction"`
	Key         string `db:"key"` // the column by which it is sorted
}

// exportOrders handles GET /api/wx/admin/orders.csv with the filters of the list.
func (p *ordersPage) exportOrders(e *core.RequestEvent) error {
	find, err := p.orderFilter(e)
	if err != nil {
		return err
	}
	head := e.Response.Header()
	head.Set("Content-Type", "text/csv; charset=utf-8")
	head.Set("Content-Disposition", `attachment; filename="orders-`+p.Now().In(beijing).Format("20060102")+`.csv"`)
	head.Set("Cache-Control", "no-store")
	control := http.NewResponseController(e.Response)
	_ = control.SetWriteDeadline(time.Now().Add(exportTime)) // a test's recorder has none
	buffer := bufio.NewWriterSize(e.Response, 64<<10)
	_, _ = buffer.WriteString("\ufeff")
	file := csv.NewWriter(buffer)
	file.UseCRLF = true
	_ = file.Write(csvHeads[prefersChinese(e)])
	rows, err := p.writeOrders(e, find, file)
	Note(e, "rows", rows)
	Note(e, "filter", e.Request.URL.RawQuery)
	if err != nil {
		// note: the head is out, so that only a torn answer tells that the file is not whole
		e.App.Logger().Error("export of orders stopped", "rows", rows, "error", err.Error())
		p.audit.leaveRow(e, Who(e), "orders.export", http.StatusInternalServerError)
		panic(http.ErrAbortHandler)
	}
	file.Flush()
	return buffer.Flush()
}

// writeOrders writes all that is found, the newest first.
func (p *ordersPage) writeOrders(e *core.RequestEvent, find orderFind, file *csv.Writer) (count int, err error) {
	var last *csvRow
	for {
		rows, err := exportedOrders(e.App, find, last)
		if err != nil {
			return count, err
		}
		for i := range rows {
			if err := file.Write(rows[i].cells()); err != nil {
				return count, err
			}
		}
		if count += len(rows); len(rows) < exportPage || e.Request.Context().Err() != nil {
			return count, e.Request.Context().Err()
		}
		last = &rows[len(rows)-1]
	}
}

// exportedOrders reads the page behind a row.
func exportedOrders(app core.App, find orderFind, after *csvRow) ([]csvRow, error) {
	where := find.where
	if after != nil {
		where = dbx.And(where, dbx.NewExp("([["+find.sort+"]], [[id]]) < ({:key}, {:id})", dbx.Params{"key": after.Key, "id": after.ID}))
	}
	inner := app.DB().Select("id", "number", "created", "paidAt", "payState", "shipState", "total", "refunded", "description", "note", "user", find.sort+" AS key").
		From("orders").Where(where).OrderBy(find.sort+" DESC", "id DESC").Limit(exportPage).Build()
	var rows []csvRow
	err := app.DB().NewQuery(`SELECT o.id, o.number, o.created, o.[[paidAt]], o.[[payState]], o.[[shipState]], o.total, o.refunded, o.description, o.note, o.key,
		coalesce(u.name, '') AS name, coalesce(u.phone, '') AS phone,
		coalesce((SELECT p.[[transactionId]] FROM payments p WHERE p.[[order]] = o.id AND p.[[transactionId]] != '' LIMIT 1), '') AS [[transaction]]
		FROM (` + inner.SQL() + `) o LEFT JOIN users u ON u.id = o.user ORDER BY o.key DESC, o.id DESC`).Bind(inner.Params()).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return rows, nil
}

func (r csvRow) cells() []string {
	return []string{
		asText(r.Number), csvTime(r.Created), csvTime(r.PaidAt), r.PayState, r.ShipState, yuan(r.Total), yuan(r.Refunded),
		harmless(r.Description), harmless(r.Name), maskPhone(r.Phone), harmless(r.Note), asText(r.Transaction),
	}
}

// harmless keeps a spreadsheet from taking a text that somebody typed for a formula.
func harmless(text string) string {
	if strings.ContainsAny(strings.TrimLeft(text, " \u3000\u00a0"), "\r\n") {
		text = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(text)
	}
	if strings.IndexAny(strings.TrimLeft(text, " \u3000\u00a0"), "=+-@\t＝＋－＠") == 0 {
		return "'" + text
	}
	return text
}

// asText keeps a spreadsheet from rounding a long number.
func asText(number string) string {
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return harmless(number)
	}
	return number + "\t"
}

// yuan is an amount of fen with two digits behind the point.
func yuan(fen int64) string {
	return strconv.FormatInt(fen/100, 10) + "." + fmt.Sprintf("%02d", fen%100)
}

// csvTime is a moment in Beijing, as a spreadsheet reads it.
func csvTime(text string) string {
	at, err := types.ParseDateTime(text)
	if err != nil || at.IsZero() {
		return ""
	}
	return at.Time().In(beijing).Format(time.DateTime)
}

var readers = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// prefersChinese tells in which language a file or a finding is written.
func prefersChinese(e *core.RequestEvent) bool {
	_, at := language.MatchStrings(readers, e.Request.Header.Get("Accept-Language"))
	return at == 1
}

package wxpay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxBillColumns = 64
	columnText     = "商品名称"  // what the shop calls what it sold
	columnAttach   = "商户数据包" // what the shop sent along
)

// billColumns maps a column's name to its position.
type billColumns struct {
	index map[string]int
	text  int // position of 商品名称, with 商户数据包 right after it; -1 when absent
}

// newBillColumns reads the header line, whose names have no backtick, and fails when one of needed is missing.
func newBillColumns(line string, needed ...string) (*billColumns, error) {
	names := strings.Split(line, ",")
	c := &billColumns{index: make(map[string]int, len(names)), text: -1}
	if len(names) > maxBillColumns {
		return nil, errors.New("it has too many columns")
	}
	for i, name := range names {
		if _, twice := c.index[name]; twice {
			return nil, errors.New("it has a column twice")
		}
		c.index[name] = i
	}
	for _, name := range needed {
		if !c.has(name) {
			return nil, fmt.Errorf("it has no column %s", name)
		}
	}
	if at, ok := c.index[columnText]; ok && c.has(columnAttach) && c.index[columnAttach] == at+1 {
		c.text = at
	}
	return c, nil
}

func (c *billColumns) has(name string) bool {
	_, ok := c.index[name]
	return ok
}

// split cuts a line into cells.
//
// NB! the shop's own texts may contain what looks like a cell border, and money stands to their right. Surplus cells
// count as part of these texts, and the columns on both sides keep their place.
func (c *billColumns) split(line string) (billCells, error) {
	rest, ok := strings.CutPrefix(line, "`")
	if !ok {
		return billCells{}, errors.New("it does not begin with a backtick")
	}
	values := strings.Split(strings.ToValidUTF8(rest, "\ufffd"), cellBorder)
	extra := len(values) - len(c.index)
	if extra > 0 && c.text >= 0 {
		end := c.text + extra + 1
		values = slices.Replace(values, c.text, end, strings.Join(values[c.text:end], cellBorder))
	}
	if len(values) != len(c.index) {
		return billCells{}, errors.New("it has another number of values than columns")
	}
	return billCells{c, values}, nil
}

// billCells maps the names of the columns to the cells of one line.
type billCells struct {
	columns *billColumns
	values  []string
}

// text is empty for an absent column.
func (c billCells) text(column string) string {
	if at, ok := c.columns.index[column]; ok {
		return c.values[at]
	}
	return ""
}

// words undoes the escapes of commas in the shop's texts.
func (c billCells) words(column string) string {
	return strings.ReplaceAll(c.text(column), `\,`, ",")
}

// yuan is zero for an absent column; an empty value is refused.
func (c billCells) yuan(column string, digits int) (Fen, error) {
	if !c.columns.has(column) {
		return 0, nil
	}
	fen, err := parseDecimal(c.text(column), digits, 2)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", column, err)
	}
	return Fen(fen), nil
}

// fee may be negative: WeChat returns it with a refund.
func (c billCells) fee(column string, digits int) (int64, error) {
	if !c.columns.has(column) {
		return 0, nil
	}
	text, negative := strings.CutPrefix(c.text(column), "-")
	fee, err := parseDecimal(text, digits, feeDecimals)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", column, err)
	}
	if negative {
		fee = -fee
	}
	return fee, nil
}

// roundFee rounds to the nearest fen, halves away from zero.
func roundFee(fee int64) Fen {
	if fee < 0 {
		return -roundFee(-fee)
	}
	return Fen((fee + feeUnit/2) / feeUnit)
}

// row reads a row, with its fee to the last decimal.
func (c billCells) row() (row BillRow, fee int64, err error) {
	row = BillRow{
		AppID: c.text("公众账号ID"), MchID: c.text("商户号"), TransactionID: c.text("微信订单号"), OutTradeNo: c.text("商户订单号"),
		OpenID: c.text("用户标识"), TradeType: c.text("交易类型"), TradeState: c.text("交易状态"), Currency: c.text("货币种类"),
		RefundID: c.text("微信退款单号"), OutRefundNo: c.text("商户退款单号"), RefundState: c.text("退款状态"),
		Description: c.words(columnText), Attach: c.words(columnAttach),
	}
	if row.RefundID == "0" {
		row.RefundID, row.OutRefundNo = "", "" // "0" in the row of a payment
	}
	var timeErr, totalErr, refundErr, feeErr error
	row.TradeAt, timeErr = readBeijing(c.text(billHead))
	row.Total, totalErr = c.yuan("订单金额", maxYuanDigits)
	row.RefundAmount, refundErr = c.yuan("申请退款金额", maxYuanDigits)
	fee, feeErr = c.fee(columnFee, maxFeeDigits)
	row.Fee = roundFee(fee)
	return row, fee, errors.Join(timeErr, totalErr, refundErr, feeErr, row.check())
}

// check refuses a row that cannot be told apart from others.
func (r BillRow) check() error {
	if r.TradeAt.IsZero() || r.TransactionID == "" || r.OutTradeNo == "" || r.TradeState == "" {
		return errors.New("it has no time, number or state")
	}
	return nil
}

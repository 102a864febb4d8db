package wxpay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	// MaxBillBytes limits a bill after unpacking.
	MaxBillBytes = 256 << 20

	maxBillRows  = 500_000
	maxBillLine  = 64 << 10
	maxSumDigits = 13      // yuan of a day
	maxFeeDigits = 6       // yuan of a row
	feeDecimals  = 5       // fees are written like 0.00600
	feeUnit      = 1_000   // of these decimals in a fen
	billSlack    = 60 * 60 // seconds

	cellBorder = ",`"      // every value has a backtick in front, so that Excel keeps its digits
	byteOrder  = "\ufeff"  // may stand before the first line
	billHead   = "交易时间"    // how the first line begins
	sumHead    = "总交易单数"   // how the line before the last one begins
	sumTotal   = "订单总金额"   // of 订单金额
	sumRefund  = "申请退款总金额" // of 申请退款金额
	sumFee     = "手续费总金额"  // of columnFee
	columnFee  = "手续费"
)

// ErrBill is wrapped by every refusal of ParseBill except the reader's own errors.
var ErrBill = errors.New("bill is malformed")

// ParseBill reads the 交易账单 of the Beijing day that contains the instant day, in any of its types (ALL, SUCCESS, REFUND)
// and from either version of the API. It reads to the end of r.
//
// It accepts all or nothing: the last line must equal the sums of the rows, a payment must be of that day, an amount
// must be plain yuan without a sign (except fees), and the bill must not exceed MaxBillBytes. It finds columns by name,
// because they differ by type, and ignores unknown ones.
//
// https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html (交易账单文件格式说明).
func ParseBill(r io.Reader, day time.Time) (Bill, error) {
	capped := &io.LimitedReader{R: r, N: MaxBillBytes + 1}
	lines := bufio.NewScanner(capped)
	lines.Buffer(make([]byte, 0, 4<<10), maxBillLine)
	p := newBillParser(day)
	for lines.Scan() {
		p.line++
		if err := p.take(strings.TrimSuffix(lines.Text(), "\r")); err != nil {
			return Bill{}, fmt.Errorf("read line %d of bill: %w: %w", p.line, ErrBill, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Bill{}, fmt.Errorf("read bill: %w: a line is longer than %d bytes", ErrBill, maxBillLine)
	case err != nil:
		return Bill{}, fmt.Errorf("read bill: %w", err)
	case capped.N <= 0:
		return Bill{}, fmt.Errorf("read bill: %w: longer than %d bytes", ErrBill, MaxBillBytes)
	}
	if err := p.check(); err != nil {
		return Bill{}, fmt.Errorf("check bill: %w: %w", ErrBill, err)
	}
	return p.bill, nil
}

// billParser goes through the four parts of a bill: names of columns, rows, names of sums, sums.
type billParser struct {
	bill    Bill
	from    time.Time
	line    int
	columns *billColumns // nil before the first line
	sums    *billColumns // nil before the names of the sums
	done    bool         // the sums were read
	have    billSums     // of the rows
	want    billSums     // of the last line
}

// billSums are compared with the rows. Fees are in hundred-thousandths of a yuan.
type billSums struct {
	total, refund Fen
	fee           int64
}

func newBillParser(day time.Time) *billParser {
	at := beijing(day)
	return &billParser{
		bill: Bill{Date: at.Format(time.DateOnly)},
		from: time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location()),
	}
}

// take parses the next line.
func (p *billParser) take(line string) error {
	switch {
	case p.columns == nil:
		return p.takeHead(strings.TrimPrefix(line, byteOrder))
	case p.done:
		if strings.TrimSpace(line) != "" {
			return errors.New("something comes after the sums")
		}
		return nil
	case p.sums != nil:
		p.done = true
		return p.takeSums(line)
	case strings.HasPrefix(line, sumHead):
		var err error
		p.sums, err = newBillColumns(line, sumHead, sumTotal)
		return err
	default:
		return p.takeRow(line)
	}
}

func (p *billParser) takeHead(line string) (err error) {
	if !strings.HasPrefix(line, billHead) {
		return errors.New("it is not a bill of trades")
	}
	p.columns, err = newBillColumns(line, billHead, "微信订单号", "商户订单号", "交易状态", "订单金额")
	return err
}

func (p *billParser) takeRow(line string) error {
	if len(p.bill.Rows) >= maxBillRows {
		return fmt.Errorf("it has more than %d rows", maxBillRows)
	}
	cells, err := p.columns.split(line)
	if err != nil {
		return err
	}
	row, fee, err := cells.row()
	if err != nil {
		return err
	}
	// note: a payment belongs to the day of its success; the meaning of a refund row's time differs by type.
	since := row.TradeAt.Unix() - p.from.Unix()
	if row.RefundID == "" && row.TradeState == string(StateSuccess) && (since < -billSlack || since > 24*60*60+billSlack) {
		return errors.New("a payment is of another day")
	}
	p.bill.Rows = append(p.bill.Rows, row)
	p.have.total += row.Total
	p.have.refund += row.RefundAmount
	p.have.fee += fee
	return nil
}

func (p *billParser) takeSums(line string) error {
	cells, err := p.sums.split(line)
	if err != nil {
		return err
	}
	count := cells.text(sumHead)
	if !areDigits(count, 9) {
		return errors.New("the number of trades is not one")
	}
	var totalErr, refundErr, feeErr error
	p.want.total, totalErr = cells.yuan(sumTotal, maxSumDigits)
	p.want.refund, refundErr = cells.yuan(sumRefund, maxSumDigits)
	p.want.fee, feeErr = cells.fee(sumFee, maxSumDigits)
	p.bill.Summary = BillSummary{
		Count: int(parseDigits(count)), Total: p.want.total, Refund: p.want.refund, Fee: roundFee(p.want.fee),
	}
	return errors.Join(totalErr, refundErr, feeErr)
}

// check compares the rows with the sums, which a truncated file lacks.
func (p *billParser) check() error {
	switch {
	case !p.done:
		return errors.New("it has no sums at its end")
	case p.bill.Summary.Count != len(p.bill.Rows):
		return fmt.Errorf("it has %d rows and says %d", len(p.bill.Rows), p.bill.Summary.Count)
	case p.want.total != p.have.total:
		return errors.New(sumTotal + " is not the sum of its rows")
	case p.sums.has(sumRefund) && p.want.refund != p.have.refund:
		return errors.New(sumRefund + " is not the sum of its rows")
	case p.sums.has(sumFee) && p.columns.has(columnFee) && max(p.want.fee-p.have.fee, p.have.fee-p.want.fee) >= feeUnit:
		// note: the documents do not say whether WeChat rounds before or after adding.
		return errors.New(sumFee + " is a fen or more from the sum of its rows")
	}
	p.bill.Empty = len(p.bill.Rows) == 0
	return nil
}

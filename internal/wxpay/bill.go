package wxpay

import "time"

// BillRow is one line of a 交易账单: a payment, or a refund that was taken on. Columns that the bill does not
// have are zero, and so are numbers that it gives as "0".
type BillRow struct {
	TradeAt                   time.Time // 交易时间, of the payment, or of the refund in its row
	AppID, MchID              string
	TransactionID, OutTradeNo string
	OpenID, TradeType         string
	TradeState                string // SUCCESS, REFUND, REVOKED
	Currency                  string
	Total                     Fen // 订单金额: compare this one; zero in the row of a refund
	RefundID, OutRefundNo     string
	RefundAmount              Fen    // 申请退款金额
	RefundState               string // SUCCESS, PROCESSING, FAIL, CHANGE: as it was when the bill was made
	Fee                       Fen    // 手续费, negative in a refund's row; fractions of a fen are rounded
	Description, Attach       string // 商品名称, 商户数据包
}

// BillSummary is the last line of a bill.
type BillSummary struct {
	Count              int
	Total, Refund, Fee Fen // 订单总金额, 申请退款总金额, 手续费总金额
}

// Bill is the 交易账单 of one day. Payments made over v2 and v3 are in the same one.
type Bill struct {
	Date    string // yyyy-MM-dd, the day in Beijing
	Rows    []BillRow
	Summary BillSummary
	Empty   bool   // nothing was paid or refunded that day
	SHA1    string // of the file as WeChat announced it, lower-case hex; empty for v2, which announces none
}

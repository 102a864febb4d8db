package wxpay

import "time"

// BillRow is one line of a 交易账单: a payment, or a refund that was accepted. A column that the bill lacks is zero, and so
// is a number given as "0".
type BillRow struct {
	TradeAt                   time.Time // 交易时间: when it was paid; in a refund's row, when the refund was made
	AppID, MchID              string
	TransactionID, OutTradeNo string
	OpenID, TradeType         string
	TradeState                string // SUCCESS, REFUND, REVOKED
	Currency                  string
	Total                     Fen // 订单金额: compare this one; zero in a refund's row
	RefundID, OutRefundNo     string
	RefundAmount              Fen    // 申请退款金额
	RefundState               string // SUCCESS, PROCESSING, FAIL, CHANGE: as of the time of the bill
	Fee                       Fen    // 手续费, negative in a refund's row; fractions of a fen are rounded
	Description, Attach       string // 商品名称, 商户数据包
}

// BillSummary is the last line of a bill.
type BillSummary struct {
	Count              int
	Total, Refund, Fee Fen // 订单总金额, 申请退款总金额, 手续费总金额
}

// Bill is the 交易账单 of one day. It has the payments of v2 and of v3.
type Bill struct {
	Date    string // yyyy-MM-dd, the day in Beijing
	Rows    []BillRow
	Summary BillSummary
	Empty   bool   // nothing was paid or refunded that day
	SHA1    string // of the file as WeChat announced it, lower-case hex; empty for v2, which does not announce one
}

// Package till takes the money: orders, their payments and refunds, what WeChat Pay notifies, disputes, and the comparison with its bills.
//
// WeChat is the source of truth for money, our database for what was asked. pay.go tells how a payment goes, refund.go how a refund does.
// Package internal/order decides what an event means; the only writers of states are pay_apply.go and refund_drive.go.
package till

import (
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/metrics"
)

// Till holds the money of one app. The exported fields are set before the app serves.
type Till struct {
	App                   core.App
	Now                   func() time.Time
	Accounts              *accounts.Accounts
	Books                 *books.Books
	Locks                 *locks.Keyed
	Limits                limit.Limits
	Metrics               *metrics.Metrics
	OrderLife, SweepEvery time.Duration
	Hold                  func(e *core.RequestEvent, order string, wish RefundWish) (held any, status int, err error) // for a second person; held is nil when none is needed

	BillRound  sync.Mutex // one round of bills at a time
	syncMinute limit.Minute

	OnOrderCreate     *hook.Hook[*events.OrderEvent]
	OnOrderPaid       *hook.Hook[*events.PaidEvent]
	OnRefundSucceeded *hook.Hook[*events.RefundEvent]
}

package hooks

import (
	"sync"
	"time"
	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"
	"wxbase/internal/locks"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

type till struct {
	app                   core.App
	now                   func() time.Time
	accounts              *accounts.Accounts
	books                 *books.Books
	locks                 *locks.Keyed
	limits                limit.Limits
	metrics               *metrics
	orderLife, sweepEvery time.Duration
	hold                  func(e *core.RequestEvent, order string, wish refundWish) (held any, status int, err error) // for a second person; held is nil when none is needed

	billRound  sync.Mutex // one round of bills at a time
	syncMinute limit.Minute

	onOrderCreate     *hook.Hook[*OrderEvent]
	onOrderPaid       *hook.Hook[*PaidEvent]
	onRefundSucceeded *hook.Hook[*RefundEvent]
}

package privacy

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
)

// saleEnds is how long after its payment an unshipped order counts as under way. Shops that deliver nothing do not
// report shipments either, and must not keep a person for that.
const saleEnds = 30 * 24 * time.Hour

// moneyUnderWay lists the numbers of orders that have to end before their buyer can be forgotten: open ones that may still be paid, paid ones that
// are not shipped, disputed ones, and those whose refund is on its way or waits for a second person. At most ten.
func (p *Privacy) moneyUnderWay(app core.App, user string) (numbers []string, err error) {
	now := p.Now()
	err = app.ConcurrentDB().NewQuery(`SELECT o.number FROM orders o WHERE o.[[user]] = {:user} AND (
		o.[[payState]] = 'UNPAID' OR o.[[frozenAt]] != ''
		OR o.[[payState]] IN ('PAID', 'PART_REFUNDED') AND o.[[shipState]] = 'NONE' AND (o.[[paidAt]] > {:then} OR o.[[shipBy]] > {:now})
		OR EXISTS (SELECT 1 FROM refunds r WHERE r.[[order]] = o.id AND r.state IN ('NEW', 'SUBMITTED', 'PROCESSING', 'ABNORMAL'))
		OR EXISTS (SELECT 1 FROM payments p WHERE p.[[order]] = o.id AND p.state IN ('DISPUTED', 'PREPAYING', 'UNKNOWN', 'CLOSING'))
		OR EXISTS (SELECT 1 FROM wx_refund_requests w WHERE w.[[order]] = o.id AND w.state = 'WAITING')
	) ORDER BY o.created LIMIT 10`).Bind(dbx.Params{
		"user": user, "then": now.Add(-saleEnds).UTC().Format(days.Stored), "now": now.UTC().Format(days.Stored),
	}).Column(&numbers)
	if err != nil {
		return nil, fmt.Errorf("look for open orders: %w", err)
	}
	return numbers, nil
}

package backup

import (
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
)

// invariants hold in the books of every shop at every moment, between any two commits. Each query counts what breaks one.
//
// note: nothing that a shop deletes for its age may be asked for here (the outbox, closed alerts).
func invariants() map[string]string {
	return map[string]string{
		"an attempt turned PAID twice":                    `SELECT COUNT(*) FROM (SELECT payment FROM wx_ledger WHERE [[to]] = 'PAID' AND [[from]] != 'PAID' GROUP BY payment HAVING COUNT(*) > 1)`,
		"an order with two attempts that paid it":         `SELECT COUNT(*) FROM (SELECT [[order]] FROM payments WHERE state = 'PAID' GROUP BY [[order]] HAVING COUNT(*) > 1)`,
		"an order with two live attempts":                 `SELECT COUNT(*) FROM (SELECT [[order]] FROM payments WHERE state IN ('NEW','PREPAYING','PREPAID','UNKNOWN') GROUP BY [[order]] HAVING COUNT(*) > 1)`,
		"a paid order without an attempt that paid it":    `SELECT COUNT(*) FROM orders o WHERE payState IN ('PAID','PART_REFUNDED','REFUNDED') AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.[[order]] = o.id AND p.state = 'PAID')`,
		"an attempt that paid an order which is not paid": `SELECT COUNT(*) FROM payments p JOIN orders o ON o.id = p.[[order]] WHERE p.state = 'PAID' AND o.payState IN ('UNPAID','CANCELLED')`,
		"more refunded or reserved than was paid":         `SELECT COUNT(*) FROM payments p WHERE p.amount < (SELECT COALESCE(SUM(amount), 0) FROM refunds r WHERE r.payment = p.id AND r.state NOT IN ('CLOSED','REJECTED'))`,
		"a refunded total that is not the sum":            `SELECT COUNT(*) FROM orders o WHERE refunded != (SELECT COALESCE(SUM(r.amount), 0) FROM refunds r JOIN payments p ON p.id = r.payment WHERE r.[[order]] = o.id AND r.state = 'SUCCESS' AND p.state = 'PAID')`,
		"a transition without a ledger row":               `SELECT COUNT(*) FROM payments p WHERE state != 'NEW' AND NOT EXISTS (SELECT 1 FROM wx_ledger g WHERE g.payment = p.id AND g.[[to]] = p.state)`,
		"a live attempt that nobody will look at":         `SELECT COUNT(*) FROM payments WHERE state IN ('NEW','PREPAYING','PREPAID','UNKNOWN','CLOSING') AND nextQueryAt = ''`,
	}
}

// Wrong says what does not hold in the books of a database, in words; nothing when all does.
func Wrong(db dbx.Builder) (found []string) {
	for what, query := range invariants() {
		var n int
		if err := db.NewQuery(query).Row(&n); err != nil {
			found = append(found, fmt.Sprintf("%s: not known (%v)", what, err))
		} else if n > 0 {
			found = append(found, fmt.Sprintf("%s: %d", what, n))
		}
	}
	slices.Sort(found)
	return found
}

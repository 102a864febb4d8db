package till

// Days whose bill was not fetched in the three months for which WeChat keeps it. Manual refunds of such a day, or
// payments while the server was down, may be missing in our books, so each has a row with the state LOST, which only a
// person closes.

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/rows"
)

// mostLostDays limits how far back lost days without a row are listed.
const mostLostDays = 400

// LostSubject is the subject of the only alert for the lost days of a merchant.
func LostSubject(mchID string) string { return mchID + "/lost" }

// nameLostDays writes a row for every day since the first payment that lacks one and whose bill WeChat no longer has.
func (b *Bills) nameLostDays(mchID string, first, oldest time.Time) error {
	if far := oldest.AddDate(0, 0, -mostLostDays); first.Before(far) {
		first = far
	}
	if !first.Before(oldest) {
		return nil
	}
	lost, err := b.daysWithoutRow(mchID, first, oldest)
	if err != nil || len(lost) == 0 {
		return err
	}
	return b.app.RunInTransaction(func(tx core.App) error {
		for _, date := range lost {
			_, err := books.Insert(tx, "wx_bills", map[string]any{
				"merchant": mchID, "date": date, "state": billLost, "error": "it was not fetched within the three months for which WeChat keeps a bill",
			})
			if err != nil {
				return fmt.Errorf("name lost day: %w", err)
			}
		}
		return b.books.Raise(tx, books.AlertBill, LostSubject(mchID), map[string]any{
			"merchant": mchID, "state": billLost, "days": len(lost), "from": lost[0], "to": lost[len(lost)-1],
		})
	})
}

func (b *Bills) daysWithoutRow(mchID string, first, oldest time.Time) ([]string, error) {
	found, err := b.app.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID}, dbx.Between("date", first.Format(time.DateOnly), oldest.Format(time.DateOnly)))
	if err != nil {
		return nil, fmt.Errorf("read bills: %w", err)
	}
	have := map[string]bool{}
	for _, bill := range rows.BillsOf(found) {
		have[bill.Date()] = true
	}
	var lost []string
	for day := first; day.Before(oldest); day = day.AddDate(0, 0, 1) {
		if date := day.Format(time.DateOnly); !have[date] {
			lost = append(lost, date)
		}
	}
	return lost, nil
}

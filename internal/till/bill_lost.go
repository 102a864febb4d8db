package till

// Days whose bill nobody fetched in the three months for which WeChat keeps it. What was refunded by hand on such a day, or paid while the
// server was down, may be missing in our books, so that each has a row with the state LOST, which only a person closes.

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/rows"
)

// mostLostDays bounds how far back days are named that have no row at all.
const mostLostDays = 400

// LostSubject is the subject of the one alert for the days of a merchant that were lost while nobody asked for them.
func LostSubject(mchID string) string { return mchID + "/lost" }

// nameLostDays writes a row for every day since the first payment that has none and whose bill WeChat has no longer.
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

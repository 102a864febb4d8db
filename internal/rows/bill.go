package rows

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Bill is the comparison of a day with WeChat's bill, a row of wx_bills. The zero Bill is none.
type Bill struct{ *core.Record }

// BillOf wraps a record of wx_bills.
func BillOf(r *core.Record) Bill { return Bill{r} }

// BillsOf wraps records of wx_bills.
func BillsOf(records []*core.Record) []Bill { return all(records, BillOf) }

// MchID names the merchant.
func (b Bill) MchID() string { return b.GetString("merchant") }

// Date is 2006-01-02 in Beijing.
func (b Bill) Date() string { return b.GetString("date") }

// State reads the field.
func (b Bill) State() string { return b.GetString("state") }

// SetState changes State.
func (b Bill) SetState(v string) { b.Set("state", v) }

// Attempts reads the field.
func (b Bill) Attempts() int { return b.GetInt("attempts") }

// SetAttempts changes Attempts.
func (b Bill) SetAttempts(v int) { b.Set("attempts", v) }

// NextAt is when the day is asked for again; zero when it is finished.
func (b Bill) NextAt() time.Time { return b.GetDateTime("nextAt").Time() }

// SetNextAt changes NextAt.
func (b Bill) SetNextAt(v time.Time) { setTime(b.Record, "nextAt", v) }

// Problem is why the bill is missing.
func (b Bill) Problem() string { return b.GetString("error") }

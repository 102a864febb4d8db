package sim

import (
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// The states of a transfer, in WeChat Pay's spelling.
const (
	transferAccepted   = "ACCEPTED"
	transferWaits      = "WAIT_USER_CONFIRM"
	transferMoves      = "TRANSFERING"
	transferSuccess    = "SUCCESS"
	transferFailed     = "FAIL"
	transferCancelling = "CANCELING"
	transferCancelled  = "CANCELLED"

	confirmableFor = 24 * time.Hour
	rememberedFor  = 30 * 24 * time.Hour // by the two queries
	nameFrom       = 200_000             // fen
	leastTransfer  = 10                  // fen

	failOverdue = "OVERDUE_CLOSE" // note: what a transfer fails with that nobody confirms; the fact sheets do not tell the word
	failAccount = "PAYEE_ACCOUNT_ABNORMAL"
)

// transfer is one out_bill_no of a merchant: money on its way to a person, who has to confirm it. Amounts are fen.
type transfer struct {
	MchID      string     `json:"mchid"`
	AppID      string     `json:"appid"`
	OutBillNo  string     `json:"out_bill_no"`
	BillNo     string     `json:"transfer_bill_no"`
	OpenID     string     `json:"openid"`
	SceneID    string     `json:"transfer_scene_id"`
	Remark     string     `json:"transfer_remark"`
	Perception string     `json:"user_recv_perception,omitempty"`
	UserName   string     `json:"user_name,omitempty"` // opened
	NotifyURL  string     `json:"notify_url,omitempty"`
	Amount     int64      `json:"transfer_amount"`
	State      string     `json:"state"`
	FailReason string     `json:"fail_reason,omitempty"`
	Fate       string     `json:"fate,omitempty"` // the fail_reason that it ends with instead of succeeding
	Package    string     `json:"package_info"`
	Hash       string     `json:"hash"` // of the first request's parameters
	ByKey      bool       `json:"by_key"`
	MadeAt     time.Time  `json:"made_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	NextAt     time.Time  `json:"next_at,omitzero"` // when it goes on by itself
	EndedAt    *time.Time `json:"ended_at,omitempty"`
}

func (t transfer) Entity() (kind, id string) { return "transfer", t.MchID + "/" + t.OutBillNo }

// transferTable is the transfers.
type transferTable struct {
	transfers     map[string]*transfer
	byBillNo      map[string]*transfer
	transferShelf book.Shelf[transfer]
}

func (t *transferTable) register(r *registry) {
	t.byBillNo = map[string]*transfer{}
	remember(r, "transfer", &t.transfers, nil)
	r.indexes = append(r.indexes, t.reindex)
	r.surplus = append(r.surplus, t.tooMany)
}

// tooMany finds the oldest that have ended.
func (t *transferTable) tooMany(most int) func() {
	n := t.transferShelf.Excess(most)
	if n == 0 {
		return nil
	}
	return func() {
		for _, one := range t.transferShelf.Rows {
			if n > 0 && one.EndedAt != nil {
				_, id := one.Entity()
				delete(t.transfers, id)
				delete(t.byBillNo, one.BillNo)
				n--
			}
		}
		t.transferShelf.Drop(func(one *transfer) bool { return t.byBillNo[one.BillNo] == nil })
	}
}

func (t *transferTable) reindex(at restart) {
	for _, one := range t.transfers {
		t.byBillNo[one.BillNo] = one
	}
	t.transferShelf.Restock(t.byBillNo, func(one *transfer) time.Time { return one.MadeAt })
	for _, one := range t.transferShelf.Rows {
		if !one.NextAt.IsZero() {
			one.NextAt = later(one.NextAt, at.now)
			at.agenda.enter(one.NextAt, one)
		}
	}
}

// begin is for the agenda: it lets a transfer go on, and tries later again when the journal cannot keep that.
func (t *transfer) begin(s *Sim, now time.Time) errand {
	if _, err := s.ripenedTransfer(t, now); err != nil {
		s.note("transfer", "the journal could not keep a transfer: "+err.Error())
		s.state.agenda.enter(now.Add(longestNap), t)
	}
	return nil
}

// ripenedTransfer lets a transfer go on as far as it has by now. The caller holds s.mu.
func (s *Sim) ripenedTransfer(t *transfer, now time.Time) (*transfer, error) {
	for t != nil && !t.NextAt.IsZero() && !now.Before(t.NextAt) {
		at := t.NextAt
		var err error
		switch t.State {
		case transferAccepted:
			err = s.moveTransfer(t, transferWaits, "", at)
		case transferWaits:
			err = s.moveTransfer(t, transferFailed, failOverdue, at)
		case transferCancelling:
			err = s.moveTransfer(t, transferCancelled, "", at)
		case transferMoves:
			state := transferSuccess
			if t.Fate != "" {
				state = transferFailed
			}
			err = s.moveTransfer(t, state, t.Fate, at)
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// moveTransfer puts a transfer into a state, in one write with the notification of its end. The caller holds s.mu.
func (s *Sim) moveTransfer(t *transfer, state, reason string, at time.Time) error {
	next := *t
	next.State, next.FailReason, next.UpdatedAt, next.NextAt = state, reason, at, s.nextOfTransfer(t.MadeAt, state, at)
	rows := []book.Row{&next}
	var n *notification
	if next.isFinal() {
		next.EndedAt = &at
		if n = transferNotification(next, at); n != nil {
			rows = append(rows, n)
		}
	}
	if err := s.save(rows...); err != nil {
		return err
	}
	*t = next
	if n != nil {
		s.state.addNotification(n)
	}
	if !t.NextAt.IsZero() {
		s.state.agenda.enter(t.NextAt, t)
	}
	s.wakeWorker()
	return nil
}

// nextOfTransfer is when a transfer in a state goes on by itself. The rule refundDelay says how long money takes.
func (s *Sim) nextOfTransfer(madeAt time.Time, state string, at time.Time) time.Time {
	switch state {
	case transferWaits:
		return madeAt.Add(confirmableFor)
	case transferAccepted, transferMoves, transferCancelling:
		if delay := s.rule().refundDelay; delay >= 0 {
			return at.Add(delay)
		}
	}
	return time.Time{}
}

func (t *transfer) isFinal() bool {
	return t.State == transferSuccess || t.State == transferFailed || t.State == transferCancelled
}

// addTransfer keeps a new transfer. The caller holds s.mu.
func (s *Sim) addTransfer(t *transfer) error {
	t.NextAt = s.nextOfTransfer(t.MadeAt, t.State, t.MadeAt)
	if err := s.save(t); err != nil {
		return err
	}
	_, id := t.Entity()
	s.state.transfers[id], s.state.byBillNo[t.BillNo] = t, t
	s.state.transferShelf.Put(t.BillNo, t)
	if !t.NextAt.IsZero() {
		s.state.agenda.enter(t.NextAt, t)
		s.wakeWorker()
	}
	return nil
}

// transferNotice is what a notification of a transfer's end tells, once opened. note: the query calls its first field mch_id.
type transferNotice struct {
	OutBillNo  string `json:"out_bill_no"`
	BillNo     string `json:"transfer_bill_no"`
	State      string `json:"state"`
	MchID      string `json:"mchid"`
	Amount     int64  `json:"transfer_amount"`
	OpenID     string `json:"openid"`
	FailReason string `json:"fail_reason,omitempty"`
	CreateTime string `json:"create_time"`
	UpdateTime string `json:"update_time"`
}

func (t transfer) notice() transferNotice {
	return transferNotice{
		OutBillNo: t.OutBillNo, BillNo: t.BillNo, State: t.State, MchID: t.MchID, Amount: t.Amount, OpenID: t.OpenID, FailReason: t.FailReason,
		CreateTime: wire.Stamp(t.MadeAt), UpdateTime: wire.Stamp(t.UpdatedAt),
	}
}

// transferNotification is the message that follows the end of a transfer, nil when nobody asked for one.
func transferNotification(t transfer, at time.Time) *notification {
	if t.NotifyURL == "" {
		return nil
	}
	n := newNotification(eventTransfer, apiV3, t.NotifyURL, at)
	n.ByKey, n.Transfer = t.ByKey, &t
	return n
}

// falsifyTransfer changes what the message says, in the ways a receiver has to notice. The message names no appid: the receiver's openid
// changes in its place.
func (f *fault) falsifyTransfer(t transfer) transfer {
	switch {
	case f.hasKind("other_amount"):
		t.Amount++
	case f.hasKind("other_appid"):
		t.OpenID = wire.NewOpenID()
	case f.hasKind("other_mchid"):
		t.MchID = "19" + wire.Pick(wire.Digits, 8)
	case f.hasKind("unknown_order"):
		t.OutBillNo, t.BillNo = "UNKNOWN"+wire.Pick(wire.Digits, 12), "1330"+wire.Pick(wire.Digits, 24)
	}
	return t
}

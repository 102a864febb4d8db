package sim

import (
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// The states of a refund, and its origin.
const (
	refundProcessing = "PROCESSING"
	refundSuccess    = "SUCCESS"
	refundAbnormal   = "ABNORMAL"
	refundClosed     = "CLOSED"

	apiV3  = "v3"
	apiV2  = "v2"
	byHand = "platform" // a person at pay.weixin.qq.com

	mostRefunds   = 50
	refundableFor = 365 * 24 * time.Hour
)

// refund is one out_refund_no: permanently one refund, also after repeated requests. Amounts are fen.
type refund struct {
	MchID         string     `json:"mchid"`
	AppID         string     `json:"appid"`
	OutRefundNo   string     `json:"out_refund_no"`
	RefundID      string     `json:"refund_id"`
	OutTradeNo    string     `json:"out_trade_no"`
	TransactionID string     `json:"transaction_id"`
	Reason        string     `json:"reason,omitempty"`
	NotifyURL     string     `json:"notify_url,omitempty"`
	Amount        int64      `json:"refund"`
	Total         int64      `json:"total"`
	PayerAmount   int64      `json:"payer_refund"`
	PayerTotal    int64      `json:"payer_total"`
	Status        string     `json:"status"`
	API           string     `json:"api"` // v3, v2 or platform
	Hash          string     `json:"hash"`
	ByKey         bool       `json:"by_key"`
	Fate          string     `json:"fate,omitempty"` // what PROCESSING ends in, if not SUCCESS
	MadeAt        time.Time  `json:"made_at"`
	SettleAt      time.Time  `json:"settle_at,omitzero"` // when PROCESSING ends by itself
	SettledAt     *time.Time `json:"settled_at,omitempty"`
}

func (r refund) Entity() (kind, id string) { return "refund", r.MchID + "/" + r.OutRefundNo }

// refundTable holds the refunds, and indexes by order and by day.
type refundTable struct {
	refunds     map[string]*refund
	byRefundID  map[string]*refund
	refundsOf   map[string][]*refund // by the order's key, the oldest first
	refundedOn  map[string][]*refund // by the day in Beijing
	refundShelf book.Shelf[refund]
}

func (t *refundTable) register(r *registry) {
	t.byRefundID, t.refundsOf, t.refundedOn = map[string]*refund{}, map[string][]*refund{}, map[string][]*refund{}
	remember(r, "refund", &t.refunds, nil)
	r.indexes = append(r.indexes, t.reindex)
}

// reindex indexes all refunds from the journal. Open ones go on the agenda.
func (t *refundTable) reindex(at restart) {
	for _, one := range t.refunds {
		t.byRefundID[one.RefundID] = one
	}
	t.refundShelf.Restock(t.byRefundID, func(one *refund) time.Time { return one.MadeAt })
	for _, one := range t.refundShelf.Rows {
		t.indexRefund(one)
		if one.Status == refundProcessing && !one.SettleAt.IsZero() {
			one.SettleAt = later(one.SettleAt, at.now)
			at.agenda.enter(one.SettleAt, one)
		}
	}
}

// addRefund stores a new refund.
func (t *refundTable) addRefund(r *refund) {
	_, id := r.Entity()
	t.refunds[id] = r
	t.refundShelf.Put(r.RefundID, r)
	t.indexRefund(r)
}

// indexRefund adds a new refund to the indexes by id, order and day.
func (t *refundTable) indexRefund(r *refund) {
	t.byRefundID[r.RefundID] = r
	t.refundsOf[r.orderKey()] = append(t.refundsOf[r.orderKey()], r)
	day := billDay(r.MadeAt)
	t.refundedOn[day] = append(t.refundedOn[day], r)
}

// orderKey is the id of the order in the books.
func (r *refund) orderKey() string { return r.MchID + "/" + r.OutTradeNo }

// refundAsk is a request for a refund, in either API.
type refundAsk struct {
	mchID, outRefundNo, transactionID, outTradeNo string
	amount, total                                 int64
	reason, notifyURL                             string
	api, hash                                     string
	byKey, fromShares                             bool
	fault                                         *fault
}

// refundRefusal is why a refund was refused; each API has its own word for it.
type refundRefusal struct {
	kind   refundProblem
	reason string
}

type refundProblem int

const (
	problemNone refundProblem = iota
	problemMissing
	problemUnpaid
	problemTerms   // other parameters than the first time
	problemAmounts // other amounts than the first time
	problemTotal
	problemSum
	problemCount
	problemSpacing
	problemOld
	problemShares
	problemFunds
	problemAccount
)

// acceptRefund makes a refund, or returns the existing one with this number. The caller holds s.mu.
func (s *Sim) acceptRefund(ask refundAsk, now time.Time) (*refund, refundRefusal, error) {
	o, problem, err := s.refundedOrder(ask, now)
	if err != nil || problem.kind != problemNone {
		return nil, problem, err
	}
	if known := s.state.refunds[o.MchID+"/"+ask.outRefundNo]; known != nil {
		if problem = known.compare(ask, o); problem.kind != problemNone {
			return nil, problem, nil
		}
		known, err = s.ripenedRefund(known, now)
		return known, problem, err
	}
	if problem = s.refundable(o, ask, now); problem.kind != problemNone {
		return nil, problem, nil
	}
	r, err := s.makeRefund(o, ask, now)
	return r, refundRefusal{}, err
}

// refundedOrder finds the paid order of a request.
func (s *Sim) refundedOrder(ask refundAsk, now time.Time) (*order, refundRefusal, error) {
	o := s.state.byTransaction[ask.transactionID]
	if ask.transactionID == "" {
		var err error
		if o, err = s.findOrder(ask.mchID, ask.outTradeNo, now); err != nil {
			return nil, refundRefusal{}, err
		}
	}
	switch {
	case o == nil, o.MchID != ask.mchID, ask.outTradeNo != "" && o.OutTradeNo != ask.outTradeNo:
		return nil, refundRefusal{problemMissing, "no such order of this merchant"}, nil
	case !o.paid():
		return nil, refundRefusal{problemUnpaid, "the order is not paid"}, nil
	}
	return o, refundRefusal{}, nil
}

// compare tells whether a repeated request matches the refund with its number.
func (r *refund) compare(ask refundAsk, o *order) refundRefusal {
	switch {
	case r.Amount != ask.amount || r.Total != ask.total:
		return refundRefusal{problemAmounts, "the number was used before with other amounts; one number is one refund for ever"}
	case r.OutTradeNo != o.OutTradeNo:
		return refundRefusal{problemTerms, "the number was used before for another order; one number is one refund for ever"}
	case r.API == ask.api && r.Hash != ask.hash:
		return refundRefusal{problemTerms, "the number was used before with other parameters; a retry repeats them all"}
	}
	return refundRefusal{}
}

// refundable checks the rules for another refund of an order.
func (s *Sim) refundable(o *order, ask refundAsk, now time.Time) refundRefusal {
	earlier := s.state.refundsOf[o.MchID+"/"+o.OutTradeNo]
	switch {
	case now.Sub(*o.PaidAt) > refundableFor:
		return refundRefusal{problemOld, "the order was paid more than 365 days ago"}
	case ask.total != o.Total:
		return refundRefusal{problemTotal, "total is not that of the order"}
	case ask.fromShares && !o.Sharing:
		return refundRefusal{problemShares, "amount.from is for orders with profit sharing"}
	case o.Refunded+ask.amount > o.Total: // NB! the sum over all refunds, including open ones
		return refundRefusal{problemSum, "all refunds together are more than the order"}
	case len(earlier) >= mostRefunds:
		return refundRefusal{problemCount, "the order has 50 refunds, which is all it can have"}
	case len(earlier) > 0 && now.Sub(earlier[len(earlier)-1].MadeAt) < s.rule().refundSpacing:
		return refundRefusal{problemSpacing, "the order's last refund is younger than " + s.rule().refundSpacing.String()}
	case ask.fault.hasKind("not_enough"):
		return refundRefusal{problemFunds, faulty}
	case ask.fault.hasKind("account_abnormal"):
		return refundRefusal{problemAccount, faulty}
	}
	return refundRefusal{}
}

// makeRefund accepts a refund: the same write sets the order to REFUND.
func (s *Sim) makeRefund(o *order, ask refundAsk, now time.Time) (*refund, error) {
	r := &refund{
		MchID: o.MchID, AppID: o.AppID, OutRefundNo: ask.outRefundNo, RefundID: wire.NewRefundID(now), OutTradeNo: o.OutTradeNo,
		TransactionID: o.TransactionID, Reason: ask.reason, NotifyURL: ask.notifyURL, Amount: ask.amount, Total: o.Total,
		PayerAmount: o.payerShare(ask.amount), PayerTotal: o.payerTotal(), Status: refundProcessing, API: ask.api,
		Hash: ask.hash, ByKey: ask.byKey, MadeAt: now,
	}
	if s.rule().refundDelay >= 0 {
		r.SettleAt = now.Add(s.rule().refundDelay)
	}
	switch {
	case ask.fault.hasKind("refund_abnormal"):
		r.Fate = refundAbnormal
	case ask.fault.hasKind("refund_closed"):
		r.Fate = refundClosed
	}
	refunded := *o
	refunded.State, refunded.Refunded = stateRefund, o.Refunded+ask.amount
	if err := s.save(refunded, r); err != nil {
		return nil, err
	}
	*o = refunded
	s.state.addRefund(r)
	if !r.SettleAt.IsZero() {
		s.state.agenda.enter(r.SettleAt, r)
		s.wakeWorker()
	}
	return r, nil
}

// payerShare is the part of a refund that goes to the payer; the rest returns to the coupon. The shares of all refunds
// together equal what the payer paid.
func (o *order) payerShare(amount int64) int64 {
	share := func(refunded int64) int64 { return refunded * o.payerTotal() / o.Total }
	return share(o.Refunded+amount) - share(o.Refunded)
}

// ripenedRefund settles a refund whose time has come. The caller holds s.mu.
func (s *Sim) ripenedRefund(r *refund, now time.Time) (*refund, error) {
	if r == nil || r.Status != refundProcessing || r.SettleAt.IsZero() || now.Before(r.SettleAt) {
		return r, nil
	}
	return r, s.settleRefund(r, or(r.Fate, refundSuccess), r.SettleAt)
}

// settleRefund ends a refund at a time and queues its notification, in one write. The caller holds s.mu.
func (s *Sim) settleRefund(r *refund, status string, at time.Time) error {
	settled := *r
	settled.Status, settled.SettledAt = status, &at
	rows := []book.Row{&settled}
	o := s.state.orders[r.orderKey()]
	left := *o
	if status == refundClosed {
		left.Refunded -= r.Amount // note: the money is free for another refund, which needs a new number
		rows = append(rows, left)
	}
	n := s.refundNotification(settled, at)
	if n != nil {
		rows = append(rows, n)
	}
	if err := s.save(rows...); err != nil {
		return err
	}
	*r, *o = settled, left
	if n != nil {
		s.state.addNotification(n)
		s.wakeWorker()
	}
	return nil
}

// begin is for the agenda: it settles a refund, and retries later when the journal fails.
func (r *refund) begin(s *Sim, now time.Time) errand {
	if _, err := s.ripenedRefund(r, now); err != nil {
		s.note("refund", "the journal could not keep a settled refund: "+err.Error())
		s.state.agenda.enter(now.Add(longestNap), r)
	}
	return nil
}

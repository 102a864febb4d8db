package sim

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxbase/internal/sim/wire"
)

// The targets of faults besides the calls.
const (
	onNotification       = "notification"
	onRefundNotification = "refund_notification"
	onPayDevice          = "pay_device"

	onTransferNotification = "transfer_notification"
	onTransferDevice       = "transfer_device"
	onPush                 = "push"
)

// fault is one queued misbehaviour. A nil fault means none; its methods may be called on nil.
type fault struct {
	ID          string        `json:"id"`
	On          string        `json:"on"`
	Kind        string        `json:"kind"`
	Times       int           `json:"times"` // how often it still strikes; -1 until it is cleared
	Probability float64       `json:"probability"`
	Delay       time.Duration `json:"-"`
	DelayText   string        `json:"delay,omitempty"`
	Copies      int           `json:"copies,omitempty"` // of concurrent
}

// faultQueue holds the requested faults, the oldest first.
type faultQueue struct {
	mu   sync.Mutex
	last int
	list []*fault
}

// apiFaults and the functions below list the kinds that each target can have.
func apiFaults() []string {
	return []string{
		"busy", "slow", "cut", "truncated", "html", "empty", "token_invalid", "rate_limit", "timeout_after_accept", "45009",
	}
}

func payFaults() []string {
	return []string{
		"busy", "slow", "cut", "html", "empty", "rate_limit", "timeout_after_accept",
		"wrong_signature", "probe", "stale_time", "future_time",
	}
}

// v2Faults lack those of a time stamp.
func v2Faults() []string {
	return []string{"busy", "slow", "cut", "html", "empty", "rate_limit", "timeout_after_accept", "wrong_signature"}
}

func notifyFaults() []string {
	return []string{
		"wrong_signature", "probe", "stale_time", "future_time", "mixed_serials", "duplicate", "concurrent", "late", "lost",
		"other_amount", "other_appid", "other_mchid", "unknown_order", "no_resource", "extra_fields", "xxe",
	}
}

// complaintFaults strike on messages about complaints, which say which complaint it is and no more.
func complaintFaults() []string {
	return []string{
		"wrong_signature", "probe", "stale_time", "future_time", "mixed_serials", "duplicate", "concurrent", "late", "lost",
		"unknown_complaint", "no_resource", "extra_fields", "xxe",
	}
}

// pushFaults strike on messages to a mini program's backend. note: other_key and bad_padding need a mode that encrypts.
func pushFaults() []string {
	return []string{
		"wrong_signature", "no_signature", "stale_time", "future_time", "duplicate", "concurrent", "replay", "late", "lost",
		"other_appid", "other_key", "bad_padding", "oversized", "downgrade", "extra_fields", "xxe",
	}
}

// refundFaults are extra kinds of the two refund calls: refused for lack of money or payer, or accepted and ending
// badly.
func refundFaults() []string {
	return []string{"not_enough", "account_abnormal", "refund_abnormal", "refund_closed"}
}

// transferFaults come on top at the transfer: refused, accepted without asking the receiver at once, or confirmed and failing.
func transferFaults() []string {
	return []string{"not_enough", "no_auth", "user_error", "transfer_accepted", "transfer_fail"}
}

// deviceFaults strike on the phone: it pays an order that was closed, a coupon pays a part, another program of the merchant is paid under
// the order's number, the bank refuses, or its owner thinks again.
func deviceFaults() []string {
	return []string{"paid_after_close", "coupon", "other_program", "fail", "cancel"}
}

// faultKinds maps every allowed `on` to its kinds: the names of the endpoints, api and pay for a whole host,
// notifications and the phone.
func faultKinds() map[string][]string {
	kinds := map[string][]string{
		"api": apiFaults(), "pay": payFaults(), onNotification: notifyFaults(), onRefundNotification: notifyFaults(), onPayDevice: deviceFaults(),
		onPush: pushFaults(), onTransferNotification: notifyFaults(), onTransferDevice: {"fail", "cancel"}, onVirtualDevice: virtualFaults(), onXpayRefund: {"failed"},
		onComplaintNotification: complaintFaults(),
	}
	for _, ep := range endpoints() {
		kinds[ep.name] = append(apiFaults(), ep.errcodes...)
		switch {
		case ep.pay:
			kinds[ep.name] = payFaults()
		case ep.v2:
			kinds[ep.name] = v2Faults()
		}
		if ep.refunds {
			kinds[ep.name] = append(kinds[ep.name], refundFaults()...)
		}
		if ep.transfers {
			kinds[ep.name] = append(kinds[ep.name], transferFaults()...)
		}
	}
	for _, tokenless := range []string{"code2session", "token", "stable_token"} {
		kinds[tokenless] = slices.DeleteFunc(kinds[tokenless], func(k string) bool { return k == "token_invalid" })
	}
	return kinds
}

// faultRequest is the body of POST /_sim/faults.
type faultRequest struct {
	On          string   `json:"on"`
	Kind        string   `json:"kind"`
	Times       *int     `json:"times"`
	Probability *float64 `json:"probability"`
	Delay       string   `json:"delay"`
	Copies      int      `json:"copies"`
}

// parse checks a request for a fault. It also accepts an endpoint's path.
func (in faultRequest) parse() (*fault, error) {
	kinds := faultKinds()
	for _, ep := range endpoints() {
		if ep.path == in.On {
			in.On = ep.name
		}
	}
	allowed, ok := kinds[in.On]
	if !ok {
		return nil, badInput("on must be one of " + strings.Join(sortedKeys(kinds), ", "))
	}
	if !slices.Contains(allowed, in.Kind) {
		return nil, badInput("kind at " + in.On + " must be one of " + strings.Join(allowed, ", "))
	}
	f := &fault{On: in.On, Kind: in.Kind, Times: 1, Probability: 1, Copies: in.Copies, DelayText: in.Delay}
	if in.Times != nil {
		f.Times = *in.Times
	}
	if in.Probability != nil {
		f.Probability = *in.Probability
	}
	return f, f.check()
}

// check bounds the numbers and reads the delay.
func (f *fault) check() error {
	switch {
	case f.Times == 0 || f.Times < -1:
		return badInput("times must be at least 1, or -1 for until it is cleared")
	case !(f.Probability > 0 && f.Probability <= 1):
		return badInput("probability must be above 0 and at most 1")
	case f.Copies < 0 || f.Copies > 50:
		return badInput("copies must be 0 to 50")
	}
	f.Delay = defaultDelay(f.Kind)
	if f.DelayText != "" {
		delay, err := time.ParseDuration(f.DelayText)
		if err != nil || delay < 0 {
			return badInput("delay must be a duration such as 2s or 1m30s")
		}
		f.Delay = delay
	}
	return nil
}

// defaultDelay is a fault's delay when the request gives none.
func defaultDelay(kind string) time.Duration {
	switch kind {
	case "slow":
		return 6 * time.Second // note: longer than the five seconds that most clients wait for WeChat
	case "timeout_after_accept":
		return 35 * time.Second
	case "late":
		return 10 * time.Minute
	case "stale_time", "future_time":
		return 10 * time.Minute
	}
	return 0
}

// add queues a fault and gives it an id.
func (q *faultQueue) add(f *fault) fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	f.ID = "f" + strconv.Itoa(q.last)
	q.list = append(q.list, f)
	return *f // note: a copy, since the one in the queue is counted down
}

// clear forgets all faults.
func (q *faultQueue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = nil
}

// snapshot copies the queue for showing.
func (q *faultQueue) snapshot() []fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]fault, len(q.list))
	for i, f := range q.list {
		list[i] = *f
	}
	return list
}

// take returns the first fault for name that strikes this time, and counts it. With kinds it considers only these; the
// others stay in the queue.
func (q *faultQueue) take(name string, kinds ...string) *fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, f := range q.list {
		if !f.meant(name) || len(kinds) > 0 && !slices.Contains(kinds, f.Kind) || !wire.Chance(f.Probability) {
			continue
		}
		drawn := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				q.list = slices.Delete(q.list, i, i+1)
			}
		}
		return &drawn
	}
	return nil
}

// meant tells whether the fault targets this name, or its whole host.
func (f *fault) meant(name string) bool {
	if f.On == name {
		return true
	}
	for _, ep := range endpoints() {
		if ep.name == name {
			return ep.ofMch() && f.On == "pay" || !ep.ofMch() && f.On == "api" && (f.Kind != "token_invalid" || ep.token)
		}
	}
	return false
}

// hasKind is false for a nil fault.
func (f *fault) hasKind(kind string) bool { return f != nil && f.Kind == kind }

// name returns the kind, empty without a fault.
func (f *fault) name() string {
	if f == nil {
		return ""
	}
	return f.Kind
}

// errcode returns the number of a kind such as 45009, and 0 for a kind that is a word.
func (f *fault) errcode() int {
	n, err := strconv.Atoi(f.name())
	if err != nil {
		return 0
	}
	return n
}

// instead returns the answer that replaces the call's own; the call then does not happen.
func (s *Sim) instead(f *fault, c *call) (reply, bool) {
	const page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
	switch {
	case f.hasKind("html") && c.endpoint.ofMch():
		return reply{status: http.StatusBadGateway, contentType: "text/html", body: []byte(page), code: "html", reason: faulty}, true
	case f.hasKind("html"):
		return reply{status: http.StatusOK, contentType: "text/html", body: []byte(page), code: "html", reason: faulty}, true
	case f.hasKind("empty"):
		return reply{status: http.StatusOK, contentType: c.jsonType(), code: "empty", reason: faulty}, true
	case !c.endpoint.ofMch() && f.errcode() != 0:
		return c.refuse(f.errcode(), faulty), true
	case c.endpoint.v2: // the rest needs a signed answer, see answerV2
	case f.hasKind("busy") && c.endpoint.pay:
		return systemError(faulty).reply(c), true
	case f.hasKind("busy"):
		return c.refuse(-1, faulty), true
	case f.hasKind("rate_limit") && c.endpoint.pay:
		return payError{status: 429, code: s.rule().rateLimitCode, numeric: numRate, message: "请求过于频繁", reason: faulty}.reply(c), true
	case f.hasKind("rate_limit"):
		return c.refuse(45011, faulty), true
	case f.hasKind("token_invalid"):
		return c.refuse(40001, faulty), true
	}
	return reply{}, false
}

const faulty = "a queued fault"

// wait delays the answer, at most until the caller disconnects.
func (f *fault) wait(ctx context.Context) {
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// shiftTime moves a time stamp out of the window.
func (f *fault) shiftTime(now time.Time) time.Time {
	switch {
	case f.hasKind("stale_time"):
		return now.Add(-f.Delay)
	case f.hasKind("future_time"):
		return now.Add(f.Delay)
	}
	return now
}

// spoil makes a signature wrong: in one byte, or as the probe with which WeChat Pay tests whether receivers verify.
func (f *fault) spoil(signature string) string {
	switch {
	case f.hasKind("probe"):
		return "WECHATPAY/SIGNTEST/" + signature
	case f.hasKind("wrong_signature") && signature[0] == 'A':
		return "B" + signature[1:]
	case f.hasKind("wrong_signature"):
		return "A" + signature[1:]
	}
	return signature
}

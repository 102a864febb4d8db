package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

const (
	notifyTimeout  = 5 * time.Second
	keptAnswer     = 2 << 10 // bytes of the receiver's answer that are kept
	readAnswer     = 64 << 10
	notifyPending  = "PENDING"
	notifyDone     = "DELIVERED"
	notifyGivenUp  = "GIVEN_UP"
	defaultCopies  = 3
	eventPaid      = "TRANSACTION.SUCCESS"
	eventRefund    = "REFUND." // and the refund's status
	originTransact = "transaction"
	originRefund   = "refund"

	eventTransfer  = "MCHTRANSFER.BILL.FINISHED"
	originTransfer = "mch_payment"
)

// notification is one message to a merchant with all its attempts. It describes a payment or a refund at that moment. A
// message to a mini program's backend is one too, with Push and an AppID.
type notification struct {
	ID          string         `json:"id"`
	EventType   string         `json:"event_type"`
	Format      string         `json:"format"` // v3 (signed JSON), v2 (XML) or push
	OutTradeNo  string         `json:"out_trade_no"`
	OutRefundNo string         `json:"out_refund_no,omitempty"`
	URL         string         `json:"url"`
	Plain       *transaction   `json:"plain,omitempty"`
	Refund      *refund        `json:"refund,omitempty"`
	Transfer    *transfer      `json:"transfer,omitempty"`
	AppID       string         `json:"appid,omitempty"`
	Push        *pushMessage   `json:"push,omitempty"`
	Complaint   *complaintTold `json:"complaint,omitempty"`
	Replay      *pushCopy      `json:"replay,omitempty"`
	ByKey       bool           `json:"by_key"`
	SignType    string         `json:"sign_type,omitempty"` // of v2
	State       string         `json:"state"`               // PENDING, DELIVERED or GIVEN_UP
	MadeAt      time.Time      `json:"made_at"`
	Due         time.Time      `json:"due"`  // of the next attempt
	Step        int            `json:"step"` // how many rounds of the schedule are done
	Attempts    []attempt      `json:"attempts"`

	hasBodies bool // see bodiesKept
}

func (n notification) Entity() (kind, id string) { return "notification", n.ID }

// notificationTable holds the messages to the merchant's backend.
type notificationTable struct {
	notifications map[string]*notification
	noteShelf     book.Shelf[notification]
	withBodies    []*notification // the latest attempted ones, whose attempts keep their bodies
}

func (t *notificationTable) register(r *registry) {
	remember(r, "notification", &t.notifications, nil)
	r.indexes = append(r.indexes, t.reindex)
	r.surplus = append(r.surplus, func(most int) func() {
		n := t.noteShelf.Excess(4 * most)
		if n == 0 {
			return nil
		}
		return func() { t.forgetNotes(n) }
	})
}

// reindex puts open messages on the agenda.
func (t *notificationTable) reindex(at restart) {
	t.noteShelf.Restock(t.notifications, func(n *notification) time.Time { return n.MadeAt })
	for _, n := range t.noteShelf.Rows {
		n.Format = or(n.Format, apiV3)
		t.keepBodies(n)
		if n.State == notifyPending {
			n.Due = later(n.Due, at.now)
			at.agenda.enter(n.Due, n)
		}
	}
}

// begin is for the agenda: it delivers a round without the lock.
func (n *notification) begin(s *Sim, _ time.Time) errand {
	return func(ctx context.Context) { s.deliver(ctx, n) }
}

// addNotification stores a new notification, which is due.
func (st *state) addNotification(n *notification) {
	st.notifications[n.ID] = n
	st.noteShelf.Put(n.ID, n)
	st.agenda.enter(n.Due, n)
}

// bodiesKept is how many notifications keep requests and answers; older ones keep only times and verdicts.
const bodiesKept = 500

// keepBodies adds a notification to the latest attempted ones and strips the one that drops out.
func (t *notificationTable) keepBodies(n *notification) {
	if n.hasBodies || len(n.Attempts) == 0 {
		return
	}
	n.hasBodies = true
	t.withBodies = append(t.withBodies, n)
	if len(t.withBodies) <= bodiesKept {
		return
	}
	oldest := t.withBodies[0]
	t.withBodies[0] = nil
	t.withBodies = t.withBodies[1:]
	oldest.hasBodies = false
	for i := range oldest.Attempts {
		a := &oldest.Attempts[i]
		a.Body, a.Answer, a.Headers = "", "", nil
	}
}

// forgetNotes drops so many of the oldest finished messages of all kinds; an order itself stays when its message goes.
func (t *notificationTable) forgetNotes(n int) {
	for _, one := range t.noteShelf.Rows {
		if n == 0 {
			break
		}
		if one.State != notifyPending && t.notifications[one.ID] != nil {
			delete(t.notifications, one.ID)
			n--
		}
	}
	t.dropNotes()
}

// dropNotes removes the messages that are in none of the maps from the lists.
func (t *notificationTable) dropNotes() {
	gone := func(n *notification) bool { return t.notifications[n.ID] == nil }
	t.noteShelf.Drop(gone)
	t.withBodies = slices.DeleteFunc(t.withBodies, gone)
}

// faultName is the target under which a fault for this message is queued.
func (n *notification) faultName() string {
	switch {
	case n.Replay != nil:
		return "" // a replayed message gets no further fault
	case n.Push != nil:
		return onPush
	case n.Refund != nil:
		return onRefundNotification
	case n.Transfer != nil:
		return onTransferNotification
	case n.Complaint != nil:
		return onComplaintNotification
	}
	return onNotification
}

// mchID is the merchant of this message, empty for one to a mini program.
func (n *notification) mchID() string {
	switch {
	case n.Refund != nil:
		return n.Refund.MchID
	case n.Transfer != nil:
		return n.Transfer.MchID
	case n.Plain != nil:
		return n.Plain.MchID
	case n.Complaint != nil:
		return n.Complaint.MchID
	}
	return ""
}

// attempt is one POST to the notify_url.
type attempt struct {
	At      time.Time         `json:"at"`
	URL     string            `json:"url,omitempty"` // of a push, whose query carries the signature
	Status  int               `json:"status"`        // 0 when there was no answer
	Error   string            `json:"error,omitempty"`
	Fault   string            `json:"fault,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Answer  string            `json:"answer,omitempty"`
	TookMs  int64             `json:"took_ms"`
}

// newNotification is a message that is due.
func newNotification(event, format, url string, now time.Time) *notification {
	return &notification{
		ID: wire.NewUUID(), EventType: event, Format: format, URL: url, State: notifyPending, MadeAt: now, Due: now, Attempts: []attempt{},
	}
}

// paidNotification is the message after a payment.
func paidNotification(o *order, now time.Time) *notification {
	n := newNotification(eventPaid, or(o.API, apiV3), o.NotifyURL, now)
	told := o.transaction()
	n.OutTradeNo, n.Plain, n.ByKey, n.SignType = o.OutTradeNo, &told, o.ByKey, o.SignType
	return n
}

// notifyClient posts as WeChat does; each request carries the deadline of five seconds.
func notifyClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport,
		// note: WeChat does not follow redirects; a 3xx is a refusal
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notifyEnvelope is the outside of a message; the fields keep the order seen in real traffic.
type notifyEnvelope struct {
	ID           string          `json:"id"`
	CreateTime   string          `json:"create_time"`
	ResourceType string          `json:"resource_type"`
	EventType    string          `json:"event_type"`
	Summary      string          `json:"summary"`
	Resource     *notifyResource `json:"resource,omitempty"`
}

// notifyResource is the encrypted part.
type notifyResource struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// seal builds the message of one attempt.
func (s *Sim) seal(n *notification, f *fault) (body []byte, header http.Header, err error) {
	header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Mozilla/4.0"}, "Accept": {"*/*"},
		"Pragma": {"no-cache"}, "Cache-Control": {"no-cache"},
	}
	if n.Format == apiV2 || f.hasKind("xxe") {
		header.Set("Content-Type", "text/xml")
		body, err = s.sealV2(n, f)
		return body, header, err
	}
	if body, err = s.sealV3(n, f); err != nil {
		return nil, nil, err
	}
	byKey := n.ByKey
	if f.hasKind("mixed_serials") || s.rule().mixedSerials {
		byKey = wire.Chance(0.5)
	}
	s.sellerOf(n.mchID()).signHeaders(header, body, byKey, s.wireTime(), f)
	return body, header, nil
}

// sealV3 encrypts the event under the APIv3 key.
func (s *Sim) sealV3(n *notification, f *fault) ([]byte, error) {
	var plain []byte
	origin, summary := originTransact, "支付成功"
	switch {
	case n.Refund != nil:
		plain = encode(f.falsifyRefund(*n.Refund).notice())
		origin, summary = originRefund, refundSummary(n.Refund.Status)
	case n.Transfer != nil:
		plain = encode(f.falsifyTransfer(*n.Transfer).notice())
		origin, summary = originTransfer, "商家转账单据终态通知"
	case n.Plain != nil:
		plain = encode(f.falsify(*n.Plain))
	case n.Complaint != nil:
		plain = encode(n.Complaint.notice(f))
		origin, summary = originComplaint, complaintSummary(n.EventType)
	}
	if f.hasKind("extra_fields") {
		plain = withExtra(plain)
	}
	resource := &notifyResource{OriginalType: origin, Algorithm: "AEAD_AES_256_GCM", AssociatedData: origin, Nonce: wire.Pick(wire.Alnum, 12)}
	var err error
	if resource.Ciphertext, err = sealGCM(s.sellerOf(n.mchID()).APIV3Key, resource.Nonce, resource.AssociatedData, plain); err != nil {
		return nil, err
	}
	if f.hasKind("no_resource") {
		resource = nil
	}
	body := encode(notifyEnvelope{n.ID, wire.Stamp(n.MadeAt), "encrypt-resource", n.EventType, summary, resource})
	if f.hasKind("extra_fields") {
		body = withExtra(body)
	}
	return body, nil
}

// withExtra adds an undocumented field, as WeChat does sometimes.
func withExtra(object []byte) []byte {
	return append(bytes.TrimSuffix(object, []byte("}")), `,"sim_extra":{"since":"2026"}}`...)
}

// falsify changes the content, in ways that a receiver must notice.
func (f *fault) falsify(t transaction) transaction {
	switch {
	case f.hasKind("other_amount"):
		other := t.Amount.Total + 1
		t.Amount.Total, t.Amount.PayerTotal = other, &other
	case f.hasKind("other_appid"):
		t.AppID = wire.NewAppID()
	case f.hasKind("other_mchid"):
		t.MchID = "19" + wire.Pick(wire.Digits, 8)
	case f.hasKind("unknown_order"):
		t.OutTradeNo, t.TransactionID = "UNKNOWN-"+wire.Pick(wire.Digits, 12), "4200"+wire.Pick(wire.Digits, 24)
	}
	return t
}

// post delivers once and records the result. It never fails: an error is part of the attempt.
func (s *Sim) post(ctx context.Context, n *notification, f *fault) (try attempt) {
	started := time.Now()
	try = attempt{At: s.Now(), Fault: f.name()}
	defer func() { try.TookMs = time.Since(started).Milliseconds() }()
	out, set, err := s.sealAny(n, f)
	if err != nil {
		try.Error = err.Error()
		return try
	}
	try.Body, try.Headers = string(out.body), flat(out.header)
	if n.Push != nil {
		try.URL = out.url
	}
	ctx, cancel := context.WithTimeout(ctx, n.patience())
	defer cancel()
	answer := s.exchange(ctx, out, &try)
	if n.Push != nil && try.Status/100 == 2 {
		check := set.checkPushAnswer
		if n.Push.isXpay() {
			check = func(answer []byte) error { return checkXpayAnswer(n.Push, set.PushFormat, answer) }
		}
		err := check(answer)
		if err == nil {
			err = s.noteTransfer(n.Push, set, answer)
		}
		if err != nil {
			try.Error = err.Error()
		}
	}
	return try
}

// exchange posts, and notes the answer or the error.
func (s *Sim) exchange(ctx context.Context, out outgoing, try *attempt) (answer []byte) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, out.url, bytes.NewReader(out.body))
	if err != nil {
		try.Error = fmt.Sprintf("make request: %v", err)
		return nil
	}
	req.Header = out.header
	resp, err := s.client.Do(req)
	if err != nil {
		try.Error = err.Error()
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ = io.ReadAll(io.LimitReader(resp.Body, readAnswer))
	try.Status, try.Answer = resp.StatusCode, string(bytes.ToValidUTF8(answer[:min(len(answer), keptAnswer)], []byte("?")))
	return answer
}

// sealAny builds one attempt's request, of any kind; set is used only for a push.
func (s *Sim) sealAny(n *notification, f *fault) (out outgoing, set pushRow, err error) {
	if n.Push != nil {
		return s.sealMessage(n, f)
	}
	out.url = n.URL
	out.body, out.header, err = s.seal(n, f)
	return out, set, err
}

// received tells whether the receiver accepted the message. With v3 the status decides, with v2 the body;
// checkPushAnswer decides about a push.
func (n *notification) received(try attempt) bool {
	switch {
	case n.Push != nil:
		return try.Status/100 == 2 && try.Error == ""
	case n.Format == apiV2:
		return try.Status/100 == 2 && saysSuccess(try.Answer)
	}
	return try.Status/100 == 2
}

// flat keeps one value of each header, for the books.
func flat(header http.Header) map[string]string {
	out := make(map[string]string, len(header))
	for name := range header {
		out[name] = header.Get(name)
	}
	return out
}

package simcmd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxbase/internal/sim"
)

// scenario is a file, or one of several in a file: what happens, and what the backend has to make of it.
type scenario struct {
	Name  string `yaml:"name"`
	Why   string `yaml:"why"`
	Steps []step `yaml:"steps"`
}

// step is one thing that happens; exactly one field is set.
type step struct {
	Order   int64             `yaml:"order"`   // the backend makes an order of so many fen
	Pay     bool              `yaml:"pay"`     // the phone pays it
	Cancel  bool              `yaml:"cancel"`  // the phone does not
	Close   bool              `yaml:"close"`   // the backend closes the order
	Refund  int64             `yaml:"refund"`  // somebody gives so many fen back at pay.weixin.qq.com
	Forge   string            `yaml:"forge"`   // a message about it that is not true, see GET /_sim/forgeries
	Fault   *faultStep        `yaml:"fault"`   // see GET /_sim/faults/kinds
	Trigger string            `yaml:"trigger"` // see GET /_sim/triggers
	Advance string            `yaml:"advance"` // WeChat's clock
	Rules   map[string]any    `yaml:"rules"`   // see GET /_sim/rules
	Request string            `yaml:"request"` // one of the backend's named requests
	Expect  *expectation      `yaml:"expect"`
	With    map[string]string `yaml:"with"` // variables of a request
}

type faultStep struct {
	On     string `yaml:"on"     json:"on"`
	Kind   string `yaml:"kind"   json:"kind"`
	Times  int    `yaml:"times"  json:"times,omitempty"`
	Delay  string `yaml:"delay"  json:"delay,omitempty"`
	Copies int    `yaml:"copies" json:"copies,omitempty"`
}

// expectation is what has to be true, at the latest after the patience of the run.
type expectation struct {
	Paid      *bool `yaml:"paid"`
	Refused   *bool `yaml:"refused"`   // the last forged message was answered with 4xx or 5xx
	Delivered *int  `yaml:"delivered"` // how often the goods went out, where the backend tells
	Square    bool  `yaml:"square"`    // the order is paid, or WeChat Pay has given all its money back
}

// backend is how to speak to the backend under test.
type backend struct {
	URL    string             `yaml:"url"`
	Start  []request          `yaml:"start"` // once: a login and the like
	Order  []request          `yaml:"order"` // make an order of {{total}} fen that {{openid}} can pay
	Close  []request          `yaml:"close"` // close the order; without it scenarios that close one are skipped
	Status []request          `yaml:"status"`
	Paid   match              `yaml:"paid"`
	Count  string             `yaml:"count"` // path of the number of deliveries in the status; may be left out
	Named  map[string]request `yaml:"requests"`

	RefundURL string `yaml:"refundUrl"` // where it hears of refunds made by hand; {{mchid}} is the merchant
}

// request is one call. Values may hold {{url}}, {{code}} (of wx.login), {{openid}}, {{mchid}}, {{total}} and what was saved before.
type request struct {
	Method  string            `yaml:"method"`
	URL     string            `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	Body    any               `yaml:"body"`
	Save    map[string]string `yaml:"save"`    // name to path in the answer
	Payment string            `yaml:"payment"` // path of the object for wx.requestPayment; "." is the answer itself
}

type match struct {
	Path string   `yaml:"path"`
	In   []string `yaml:"in"`
}

// runner plays scenarios against one backend and one simulator.
type runner struct {
	sim      client
	config   sim.Config
	backend  backend
	person   string
	patience time.Duration
	vars     map[string]string
	payment  json.RawMessage
	number   string
	forged   int // status of the last forged message
}

// newRunner reads the credentials and runs the backend's start.
func newRunner(c client, b backend, person string, patience time.Duration) (*runner, error) {
	r := &runner{sim: c, backend: b, person: person, patience: patience, vars: map[string]string{"url": strings.TrimRight(b.URL, "/")}}
	var err error
	if r.config, err = c.config(); err != nil {
		return nil, err
	}
	if err := r.identify(); err != nil {
		return nil, err
	}
	if err := r.tellRefunds(); err != nil {
		return nil, err
	}
	for _, q := range b.Start {
		if _, err := r.send(q); err != nil {
			return nil, fmt.Errorf("start: %w", err)
		}
	}
	return r, nil
}

// identify finds the person's openid, and leaves a fresh code for the backend's own login.
func (r *runner) identify() error {
	code, err := r.loginCode()
	if err != nil {
		return err
	}
	app := r.config.Apps[0]
	query := url.Values{"appid": {app.AppID}, "secret": {app.Secret}, "js_code": {code}, "grant_type": {"authorization_code"}}
	resp, err := r.sim.http.Get(r.config.APIBase + "/sns/jscode2session?" + query.Encode()) //nolint:noctx // the client has a deadline
	if err != nil {
		return errors.New("the simulator does not answer a login")
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		OpenID string `json:"openid"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.OpenID == "" {
		return errors.New("the simulator gives no openid for " + r.person)
	}
	r.vars["openid"] = said.OpenID
	r.vars["code"], err = r.loginCode()
	return err
}

func (r *runner) loginCode() (string, error) {
	var said struct {
		Code string `json:"code"`
	}
	err := r.sim.do(http.MethodPost, "/people/"+url.PathEscape(r.person)+"/login", nil, &said)
	return said.Code, err
}

// play runs a scenario and gives what is wrong, nil when the backend survived.
func (r *runner) play(s scenario) error {
	r.payment, r.number, r.forged = nil, "", 0
	for i, step := range s.Steps {
		if err := r.do(step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return r.sim.do(http.MethodDelete, "/faults", nil, nil)
}

// do is one step.
func (r *runner) do(s step) error {
	switch {
	case s.Order > 0:
		return r.order(s.Order)
	case s.Pay:
		return r.pay("pay")
	case s.Cancel:
		return r.pay("cancel")
	case s.Close:
		return r.closeOrder()
	case s.Refund > 0:
		return r.refund(s.Refund)
	case s.Forge != "":
		return r.forge(s.Forge)
	case s.Fault != nil:
		return r.sim.do(http.MethodPost, "/faults", s.Fault, nil)
	case s.Trigger != "":
		return r.sim.do(http.MethodPost, "/trigger", map[string]string{"event": s.Trigger, "out_trade_no": r.number}, nil)
	case s.Advance != "":
		return r.sim.do(http.MethodPost, "/clock", map[string]string{"advance": s.Advance}, nil)
	case s.Rules != nil:
		return r.sim.do(http.MethodPost, "/rules", s.Rules, nil)
	case s.Request != "":
		q, known := r.backend.Named[s.Request]
		if !known {
			return errors.New("the backend has no request " + s.Request)
		}
		maps.Copy(r.vars, s.With)
		_, err := r.send(q)
		return err
	case s.Expect != nil:
		return r.expect(*s.Expect)
	}
	return errors.New("a step that says nothing")
}

// order lets the backend make an order and finds its number in the simulator.
func (r *runner) order(total int64) error {
	r.vars["total"] = fmt.Sprint(total)
	for _, q := range r.backend.Order {
		answer, err := r.send(q)
		if err != nil {
			return fmt.Errorf("make an order: %w", err)
		}
		if q.Payment != "" {
			if r.payment, err = json.Marshal(find(answer, q.Payment)); err != nil {
				return fmt.Errorf("read the payment: %w", err)
			}
		}
	}
	var orders []struct {
		Number string `json:"out_trade_no"`
	}
	if err := r.sim.do(http.MethodGet, "/orders?limit=1", nil, &orders); err != nil {
		return err
	}
	if len(orders) == 0 || orders[0].Number == r.number {
		return errors.New("the backend made no order at WeChat Pay")
	}
	r.number = orders[0].Number
	r.vars["number"] = r.number
	return nil
}

// pay is the phone, with what the backend gave it; a backend that gave nothing is paid all the same.
func (r *runner) pay(action string) error {
	if len(r.payment) == 0 || string(r.payment) == "null" {
		if action != "pay" {
			return nil
		}
		return r.sim.do(http.MethodPost, "/trigger", map[string]string{"event": "pay.success", "out_trade_no": r.number}, nil)
	}
	var object map[string]any
	if err := json.Unmarshal(r.payment, &object); err != nil {
		return fmt.Errorf("read the payment: %w", err)
	}
	object["action"] = action
	var said struct {
		ErrMsg string `json:"errMsg"`
	}
	if err := r.sim.do(http.MethodPost, "/people/"+url.PathEscape(r.person)+"/pay", object, &said); err != nil {
		return err
	}
	if action == "pay" && said.ErrMsg != "requestPayment:ok" {
		return errors.New("the phone says " + said.ErrMsg)
	}
	return nil
}

func (r *runner) forge(kind string) error {
	var said struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	}
	if err := r.sim.do(http.MethodPost, "/forge", map[string]string{"out_trade_no": r.number, "kind": kind}, &said); err != nil {
		return err
	}
	if r.forged = said.Status; said.Status == 0 {
		return errors.New("the backend did not answer: " + said.Error)
	}
	return nil
}

// expect asks until it is so, or until the patience is over. What must not become true is asked once, after all messages are answered.
func (r *runner) expect(e expectation) error {
	if e.Refused != nil && *e.Refused != (r.forged >= 400) {
		return fmt.Errorf("the message was answered with %d, want it %s", r.forged, map[bool]string{true: "refused", false: "taken"}[*e.Refused])
	}
	deadline := time.Now().Add(r.patience)
	for {
		wrong := r.look(e)
		if wrong == nil || time.Now().After(deadline) || e.Paid != nil && !*e.Paid {
			return wrong
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// look compares once.
func (r *runner) look(e expectation) error {
	if e.Delivered != nil {
		if err := r.settled(); err != nil {
			return err
		}
	}
	var answer any
	for _, q := range r.backend.Status {
		var err error
		if answer, err = r.send(q); err != nil {
			return fmt.Errorf("ask for the order: %w", err)
		}
	}
	got := fmt.Sprint(find(answer, r.backend.Paid.Path))
	paid := false
	for _, word := range r.backend.Paid.In {
		paid = paid || got == word
	}
	if e.Paid != nil && paid != *e.Paid {
		return fmt.Errorf("the order is %s, want it %s", cmp.Or(got, "nothing"), map[bool]string{true: "paid", false: "not paid"}[*e.Paid])
	}
	if e.Square && !paid {
		return r.givenBack()
	}
	if e.Delivered != nil && r.backend.Count != "" {
		if got := fmt.Sprint(find(answer, r.backend.Count)); got != fmt.Sprint(*e.Delivered) {
			return fmt.Errorf("delivered %s times, want %d", got, *e.Delivered)
		}
	}
	return nil
}

// settled tells whether every true message about the order is done with.
func (r *runner) settled() error {
	var notes []struct {
		Number string `json:"out_trade_no"`
		State  string `json:"state"`
	}
	if err := r.sim.do(http.MethodGet, "/notifications?limit=50", nil, &notes); err != nil {
		return err
	}
	for _, n := range notes {
		if n.Number == r.number && n.State == "PENDING" {
			return errors.New("a notification is still on its way")
		}
	}
	return nil
}

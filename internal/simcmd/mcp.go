package simcmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// AddTools gives an MCP server the tools of a running simulator. base is its address, from the flag; an empty one means the environment, then
// the usual place.
//
// NB! An agent may be told by anything it reads to call these. So the simulator has to be on this machine, and no tool tells a key: /_sim/config
// and /_sim/calls/{id}/request are not asked, and answers are copied field by field.
func AddTools(server *mcp.Server, base string, env func(string) string) error {
	c := newClient(base, env)
	if err := onlyLoopback(c.base); err != nil {
		return err
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("the simulator redirects nowhere") }
	t := tools{c}
	add(server, "sim_calls", "Calls that a backend made to the simulated WeChat, the latest first, each with its verdict (ok, refused, fault) and why it was refused.", reads, t.calls)
	add(server, "sim_explain_signature", "Why the signature of a call was refused: the mistake by name, the signed text beside the expected one. Without a call: the latest that was refused for its signature, also paySign on the phone.", reads, t.explainSignature)
	add(server, "sim_orders", "Orders as the simulated WeChat Pay has them, the latest first.", reads, t.orders)
	add(server, "sim_notifications", "Notifications and pushes to the backend, the latest first, with every attempt and what the backend answered.", reads, t.notifications)
	add(server, "sim_resend", "Delivers a notification once more, as it was or changed by a fault such as wrong_signature or other_amount.", acts, t.resend)
	add(server, "sim_trigger", "Lets something happen: a payment, a refund, a push, a scenario (play.…). Without an event lists them all.", acts, t.trigger)
	add(server, "sim_fault_kinds", "What can go wrong where: for each `on` of sim_fault its kinds.", reads, t.faultKinds)
	add(server, "sim_fault", "Queues a fault: the next call of an endpoint, the next notification or the phone misbehaves. Tells all that are queued.", acts, t.fault)
	add(server, "sim_clear_faults", "Ends all queued faults.", acts, t.clearFaults)
	add(server, "sim_clock", "The simulated WeChat's clock; with advance (such as 2h30m) it is moved forward first, and what is due is delivered. It never goes back.", acts, t.clock)
	return nil
}

// onlyLoopback refuses an address that is not on this machine.
func onlyLoopback(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Path != "" {
		return errors.New("--url must be http://127.0.0.1:PORT")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--url names %s, which is not this machine: an agent drives a simulator at 127.0.0.1 only", u.Hostname())
	}
	return nil
}

// reads and acts are what a tool tells about itself. Nothing here reaches beyond this machine's simulator.
const (
	reads = true
	acts  = false
)

// add binds a handler under a name.
func add[In, Out any](server *mcp.Server, name, says string, readOnly bool, handle func(In) (Out, error)) {
	no := false
	tool := &mcp.Tool{Name: name, Description: says, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: readOnly, DestructiveHint: &no, OpenWorldHint: &no}}
	mcp.AddTool(server, tool, func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		out, err := handle(in)
		return nil, out, err
	})
}

// tools answers an agent's questions by the control API.
type tools struct{ client client }

type callsIn struct {
	Path    string `json:"path,omitempty" jsonschema:"only calls whose path has this in it"`
	Verdict string `json:"verdict,omitempty" jsonschema:"ok, refused or fault"`
	AppID   string `json:"appid,omitempty" jsonschema:"of one mini program"`
	MchID   string `json:"mchid,omitempty" jsonschema:"of one merchant"`
	Limit   int    `json:"limit,omitempty" jsonschema:"how many, 20 unless told, at most 100"`
}

type callsOut struct {
	Calls []call `json:"calls"`
}

func (t tools) calls(in callsIn) (callsOut, error) {
	query := page(in.Limit)
	for name, value := range map[string]string{"path": in.Path, "verdict": in.Verdict, "appid": in.AppID, "mchid": in.MchID} {
		query.Set(name, value)
	}
	list := []call{}
	err := t.client.do(http.MethodGet, "/calls?"+query.Encode(), nil, &list)
	for i := range list {
		list[i].Finding = nil // which sim_explain_signature tells in full; Reason has it in short
	}
	return callsOut{list}, err
}

// page is a query for so many rows.
func page(limit int) url.Values {
	if limit < 1 {
		limit = 20
	}
	return url.Values{"limit": {fmt.Sprint(min(limit, 100))}}
}

type explainIn struct {
	Call int `json:"call,omitempty" jsonschema:"id of sim_calls; the latest with a refused signature unless told"`
}

func (t tools) explainSignature(in explainIn) (call, error) {
	var list []call
	if err := t.client.do(http.MethodGet, "/calls", nil, &list); err != nil {
		return call{}, err
	}
	i := slices.IndexFunc(list, func(c call) bool { return c.ID == in.Call || in.Call == 0 && c.Finding != nil })
	switch {
	case i < 0 && in.Call == 0:
		return call{}, errors.New("no call was refused for its signature")
	case i < 0:
		return call{}, errors.New("no call has this id, or it is too long ago")
	case list[i].Finding == nil:
		return call{}, errors.New("the signature of this call is right: sim_calls says why it was refused, if it was")
	}
	return list[i], nil
}

type listIn struct {
	Limit int `json:"limit,omitempty" jsonschema:"how many, 20 unless told, at most 100"`
}

// simOrder is an order as an agent is told of it: what a backend has to agree with.
type simOrder struct {
	AppID         string     `json:"appid"`
	MchID         string     `json:"mchid"`
	OutTradeNo    string     `json:"out_trade_no"`
	TransactionID string     `json:"transaction_id,omitempty"`
	Description   string     `json:"description"`
	State         string     `json:"trade_state"`
	Total         int64      `json:"total" jsonschema:"fen"`
	Refunded      int64      `json:"refunded,omitempty" jsonschema:"fen"`
	MadeAt        time.Time  `json:"made_at"`
	PayableUntil  time.Time  `json:"payable_until"`
	PaidAt        *time.Time `json:"paid_at,omitempty"`
}

type ordersOut struct {
	Orders []simOrder `json:"orders"`
}

func (t tools) orders(in listIn) (ordersOut, error) {
	list := []simOrder{}
	err := t.client.do(http.MethodGet, "/orders?"+page(in.Limit).Encode(), nil, &list)
	return ordersOut{list}, err
}

// delivery is one attempt. note: without headers, body and query, which carry signatures.
type delivery struct {
	At     time.Time `json:"at,omitzero"`
	Status int       `json:"status" jsonschema:"of the backend's answer; 0 when there was none"`
	Error  string    `json:"error,omitempty"`
	Fault  string    `json:"fault,omitempty"`
	Answer string    `json:"answer,omitempty"`
	TookMs int64     `json:"took_ms"`
}

type simNotice struct {
	ID          string     `json:"id"`
	EventType   string     `json:"event_type"`
	Format      string     `json:"format" jsonschema:"v3, v2 or push"`
	OutTradeNo  string     `json:"out_trade_no,omitempty"`
	OutRefundNo string     `json:"out_refund_no,omitempty"`
	URL         string     `json:"url"`
	State       string     `json:"state" jsonschema:"PENDING, DELIVERED or GIVEN_UP"`
	Due         time.Time  `json:"due" jsonschema:"of the next attempt"`
	Attempts    []delivery `json:"attempts"`
}

type noticesOut struct {
	Notifications []simNotice `json:"notifications"`
}

func (t tools) notifications(in listIn) (noticesOut, error) {
	list := []simNotice{}
	err := t.client.do(http.MethodGet, "/notifications?"+page(in.Limit).Encode(), nil, &list)
	for i := range list {
		list[i].URL, _, _ = strings.Cut(list[i].URL, "?")
	}
	return noticesOut{list}, err
}

type resendIn struct {
	ID   string `json:"id" jsonschema:"of sim_notifications"`
	Kind string `json:"kind,omitempty" jsonschema:"a fault to change it by, see sim_fault_kinds under notification"`
}

func (t tools) resend(in resendIn) (delivery, error) {
	var out delivery
	err := t.client.do(http.MethodPost, "/notifications/"+url.PathEscape(in.ID)+"/resend", map[string]string{"kind": in.Kind}, &out)
	return out, err
}

type triggerIn struct {
	Event      string         `json:"event,omitempty" jsonschema:"such as pay.success, refund.abnormal, push.text, play.pay_lose_three"`
	Person     string         `json:"person,omitempty" jsonschema:"whose newest order, or who writes (p1)"`
	OutTradeNo string         `json:"out_trade_no,omitempty" jsonschema:"the newest order that fits unless told"`
	AppID      string         `json:"appid,omitempty" jsonschema:"of a push"`
	Fields     map[string]any `json:"fields,omitempty" jsonschema:"of a push"`
}

type triggerOut struct {
	Events   []string  `json:"events,omitempty" jsonschema:"all there are, when none was named"`
	Happened *happened `json:"happened,omitempty" jsonschema:"what it was done to"`
}

// happened is as much of what a trigger answers as tells what to look for next: an order, a refund, a message or a fault.
type happened struct {
	ID          string `json:"id,omitempty"`
	OutTradeNo  string `json:"out_trade_no,omitempty"`
	TradeState  string `json:"trade_state,omitempty"`
	OutRefundNo string `json:"out_refund_no,omitempty"`
	RefundID    string `json:"refund_id,omitempty"`
	Status      any    `json:"status,omitempty"`
	EventType   string `json:"event_type,omitempty"`
	On          string `json:"on,omitempty"`
	Kind        string `json:"kind,omitempty"`
}

func (t tools) trigger(in triggerIn) (out triggerOut, err error) {
	if in.Event == "" {
		err = t.client.do(http.MethodGet, "/triggers", nil, &out.Events)
		return out, err
	}
	out.Happened = &happened{}
	err = t.client.do(http.MethodPost, "/trigger", in, out.Happened)
	return out, err
}

type nothing struct{}

type kindsOut struct {
	Kinds map[string][]string `json:"kinds" jsonschema:"for each on its kinds"`
}

func (t tools) faultKinds(nothing) (out kindsOut, err error) {
	err = t.client.do(http.MethodGet, "/faults/kinds", nil, &out.Kinds)
	return out, err
}

type faultIn struct {
	On          string   `json:"on" jsonschema:"an endpoint (its name or path), api, pay, notification, refund_notification, push or pay_device"`
	Kind        string   `json:"kind" jsonschema:"see sim_fault_kinds"`
	Times       *int     `json:"times,omitempty" jsonschema:"how often it strikes, 1 unless told; -1 until it is cleared"`
	Probability *float64 `json:"probability,omitempty" jsonschema:"0 to 1, 1 unless told"`
	Delay       string   `json:"delay,omitempty" jsonschema:"of slow and late, such as 3s"`
	Copies      int      `json:"copies,omitempty" jsonschema:"of concurrent"`
}

type queuedFault struct {
	ID          string  `json:"id"`
	On          string  `json:"on"`
	Kind        string  `json:"kind"`
	Times       int     `json:"times"`
	Probability float64 `json:"probability"`
	Delay       string  `json:"delay,omitempty"`
}

type faultsOut struct {
	Queued []queuedFault `json:"queued"`
}

func (t tools) fault(in faultIn) (faultsOut, error) {
	out := faultsOut{[]queuedFault{}}
	if err := t.client.do(http.MethodPost, "/faults", in, nil); err != nil {
		return out, err
	}
	return out, t.client.do(http.MethodGet, "/faults", nil, &out.Queued)
}

func (t tools) clearFaults(nothing) (faultsOut, error) {
	out := faultsOut{[]queuedFault{}}
	return out, t.client.do(http.MethodDelete, "/faults", nil, &out.Queued)
}

type clockIn struct {
	Advance string `json:"advance,omitempty" jsonschema:"such as 90s or 2h30m; left out, the clock is only read"`
}

type clockOut struct {
	Now    time.Time `json:"now"`
	Offset string    `json:"offset" jsonschema:"how far it has been moved in all"`
}

func (t tools) clock(in clockIn) (out clockOut, err error) {
	if in.Advance == "" {
		return out, t.client.do(http.MethodGet, "/clock", nil, &out)
	}
	return out, t.client.do(http.MethodPost, "/clock", in, &out)
}

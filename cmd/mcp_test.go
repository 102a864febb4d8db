package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"wxbase/internal/apptest/process"
	"wxbase/internal/apptest/web"
	"wxbase/internal/sim"
)

// agent is a client of the official SDK at the executable's standard input and output, as a coding agent is.
type agent struct {
	t       *testing.T
	session *mcp.ClientSession
	called  map[string]bool
	heard   strings.Builder // everything that any tool has told
}

func newAgent(t *testing.T, dir string, args ...string) *agent {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	transport := &mcp.CommandTransport{Command: process.Command(t, dir, nil, append([]string{"mcp"}, args...)...), TerminateDuration: process.Patience}
	session, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return &agent{t: t, session: session, called: map[string]bool{}}
}

// ask calls a tool and decodes its structured answer into out; it returns what the tool says when it refuses.
func (a *agent) ask(tool string, in map[string]any, out any) (refusal string) {
	a.t.Helper()
	a.called[tool] = true
	result, err := a.session.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: in})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	raw, _ := json.Marshal(result)
	a.heard.Write(raw)
	if result.IsError {
		text, _ := result.Content[0].(*mcp.TextContent)
		return text.Text
	}
	structured, _ := json.Marshal(result.StructuredContent)
	if err := json.Unmarshal(structured, out); err != nil {
		a.t.Fatalf("%s: %v in %s", tool, err, structured)
	}
	return ""
}

// must is ask for what has to succeed.
func (a *agent) must(tool string, in map[string]any, out any) {
	a.t.Helper()
	if refusal := a.ask(tool, in, out); refusal != "" {
		a.t.Fatalf("%s: %s", tool, refusal)
	}
}

// shop is a server with the simulator beside it and one order that can be paid.
type shop struct {
	t        *testing.T
	url, sim string
	config   sim.Config
	number   string
}

// call sends JSON and decodes the answer.
func (s *shop) call(method, url, token string, in, out any) {
	s.t.Helper()
	var raw []byte
	if in != nil {
		raw, _ = json.Marshal(in)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, url, bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	reply, err := web.Client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, _ := io.ReadAll(reply.Body)
	if reply.StatusCode/100 != 2 || json.Unmarshal(body, out) != nil {
		s.t.Fatalf("%s %s: %d %s", method, url, reply.StatusCode, body)
	}
}

// open logs a person in and orders.
func open(t *testing.T, p *process.Process, simURL string) *shop {
	t.Helper()
	s := &shop{t: t, url: "http://" + p.Addr, sim: simURL}
	s.call(http.MethodGet, s.sim+"/_sim/config", "", nil, &s.config)
	var login struct{ Code, Token, ID, Number string }
	s.call(http.MethodPost, s.sim+"/_sim/people/p1/login", "", struct{}{}, &login)
	s.call(http.MethodPost, s.url+"/api/wx/login", "", map[string]string{"code": login.Code}, &login)
	var products struct{ Items []struct{ ID string } }
	s.call(http.MethodGet, s.url+"/api/collections/products/records?sort=price", "", nil, &products)
	line := map[string]any{"product": products.Items[0].ID, "quantity": 1}
	s.call(http.MethodPost, s.url+"/api/wx/orders", login.Token, map[string]any{"items": []any{line}}, &login)
	s.call(http.MethodPost, s.url+"/api/wx/orders/"+login.ID+"/pay", login.Token, struct{}{}, &struct{}{})
	s.number = login.Number
	return s
}

// secrets is all that an agent must not be told.
func (s *shop) secrets() (list []string) {
	for _, app := range s.config.Apps {
		list = append(list, app.Secret, app.PushToken, app.PushAESKey)
	}
	for _, m := range s.config.Merchants {
		list = append(list, m.APIV3Key, m.APIV2Key, strings.Split(m.PrivateKey, "\n")[1])
	}
	return slices.DeleteFunc(list, func(text string) bool { return text == "" })
}

type notices struct {
	Notifications []struct {
		ID, State string
		Attempts  []struct {
			Status int
			Fault  string
		}
	}
}

// TestMCP: an agent that knows nothing but the tools finds out why a call is refused, loses a notification, moves the clock until it comes
// again, and repeats it; it calls every tool there is and hears no key.
func TestMCP(t *testing.T) { //nolint:tparallel // the steps are one story
	t.Parallel()
	dir, simAddr := process.Home(t), process.FreeAddr(t)
	p := process.Launch(t, dir, "/api/wx/health", "serve", "--sim", "--simHttp", simAddr)
	s := open(t, p, "http://"+simAddr)
	a := newAgent(t, dir, "--url", s.sim)

	t.Run("orders are those of WeChat Pay", func(t *testing.T) {
		var got struct {
			Orders []struct {
				Number string `json:"out_trade_no"`
				State  string `json:"trade_state"`
				Total  int64
			}
		}
		a.must("sim_orders", nil, &got)
		if len(got.Orders) != 1 || got.Orders[0].State != "NOTPAY" || got.Orders[0].Total <= 0 || got.Orders[0].Number == "" {
			t.Errorf("got %+v, want the order, unpaid", got)
		}
	})
	t.Run("a lost notification comes again when the clock moves, and once more by hand", func(t *testing.T) { a.loseOne(t) })
	t.Run("a wrong signature is explained", func(t *testing.T) { a.explain(t, s) })
	t.Run("kinds of faults, and none left", func(t *testing.T) {
		var kinds struct{ Kinds map[string][]string }
		a.must("sim_fault_kinds", nil, &kinds)
		if !slices.Contains(kinds.Kinds["notification"], "lost") {
			t.Errorf("got %v, want lost at notification", kinds)
		}
		if refusal := a.ask("sim_fault", map[string]any{"on": "notification", "kind": "nonsense"}, nil); !strings.Contains(refusal, "kind at notification") {
			t.Errorf("got %q, want the kinds that there are", refusal)
		}
		var faults struct{ Queued []any }
		a.must("sim_fault", map[string]any{"on": "api", "kind": "busy", "times": -1}, &faults)
		if len(faults.Queued) != 1 {
			t.Errorf("got %v, want one queued", faults)
		}
		a.must("sim_clear_faults", nil, &faults)
		if len(faults.Queued) != 0 {
			t.Errorf("got %v, want none", faults)
		}
	})
	t.Run("errors and health", func(t *testing.T) {
		var row struct {
			Status int
			FixZH  string `json:"fix_zh"`
		}
		a.must("explain_error", map[string]any{"code": "order_not_payable"}, &row)
		var health struct{ Answer string }
		a.must("server_health", nil, &health)
		if row.Status != http.StatusConflict || row.FixZH == "" || !json.Valid([]byte(health.Answer)) {
			t.Errorf("got %+v, %q", row, health.Answer)
		}
	})
	t.Run("no tool was left out, each says whether it only reads", func(t *testing.T) {
		list, err := a.session.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range list.Tools {
			if !a.called[tool.Name] || tool.Annotations == nil || tool.Description == "" {
				t.Errorf("%s: got called %v, annotations %v", tool.Name, a.called[tool.Name], tool.Annotations)
			}
		}
	})
	for _, secret := range s.secrets() {
		if strings.Contains(a.heard.String(), secret) {
			t.Errorf("a tool told a key of the simulator: %.8s…", secret)
		}
	}
	if code := p.End(syscall.SIGTERM); code != 0 {
		t.Errorf("server: got exit %d", code)
	}
	if refusal := a.ask("sim_calls", nil, nil); !strings.Contains(refusal, "start one with wxbase sim") {
		t.Errorf("got %q, want to be told that none answers", refusal)
	}
}

// loseOne pays while the first notification is lost.
func (a *agent) loseOne(t *testing.T) {
	t.Helper()
	var faults struct{ Queued []struct{ Kind string } }
	a.must("sim_fault", map[string]any{"on": "notification", "kind": "lost"}, &faults)
	if len(faults.Queued) != 1 || faults.Queued[0].Kind != "lost" {
		t.Fatalf("got %v, want it queued", faults)
	}
	var events struct{ Events []string }
	if a.must("sim_trigger", nil, &events); !slices.Contains(events.Events, "pay.success") {
		t.Errorf("got %v, want pay.success", events)
	}
	var paid struct {
		Happened struct {
			State string `json:"trade_state"`
		}
	}
	a.must("sim_trigger", map[string]any{"event": "pay.success"}, &paid)
	if paid.Happened.State != "SUCCESS" {
		t.Errorf("got %+v, want SUCCESS", paid)
	}
	a.until(t, "the first attempt", func(n notices) bool {
		return len(n.Notifications) == 1 && len(n.Notifications[0].Attempts) == 1 && n.Notifications[0].Attempts[0].Fault == "lost"
	})
	var clock struct{ Offset string }
	a.must("sim_clock", map[string]any{"advance": "1m"}, &clock)
	if clock.Offset != "1m0s" {
		t.Errorf("got offset %s, want 1m0s", clock.Offset)
	}
	n := a.until(t, "the second", func(n notices) bool { return n.Notifications[0].State == "DELIVERED" })
	var again struct{ Status int }
	if a.must("sim_resend", map[string]any{"id": n.Notifications[0].ID}, &again); again.Status != http.StatusNoContent && again.Status != http.StatusOK {
		t.Errorf("resend: got %d, want it taken", again.Status)
	}
	if a.must("sim_resend", map[string]any{"id": n.Notifications[0].ID, "kind": "wrong_signature"}, &again); again.Status/100 == 2 {
		t.Errorf("resend with a wrong signature: got %d, want it refused", again.Status)
	}
	if a.must("sim_clock", nil, &clock); clock.Offset != "1m0s" {
		t.Errorf("got offset %s, want reading to move nothing", clock.Offset)
	}
}

// until asks for the notifications until they are as wanted.
func (a *agent) until(t *testing.T, what string, fits func(notices) bool) (n notices) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), process.Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if a.must("sim_notifications", nil, &n); fits(n) {
			return n
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: got %+v", what, n)
		case <-tick.C:
		}
	}
}

// explain queries with a signature that is none.
func (a *agent) explain(t *testing.T, s *shop) {
	t.Helper()
	if refusal := a.ask("sim_explain_signature", nil, nil); !strings.Contains(refusal, "no call was refused") {
		t.Errorf("got %q, want that nothing was refused", refusal)
	}
	m := s.config.Merchants[0]
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.sim+"/v3/pay/transactions/out-trade-no/X1?mchid="+m.MchID, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", `WECHATPAY2-SHA256-RSA2048 mchid="`+m.MchID+`",nonce_str="N1",signature="ABCD",timestamp="`+strconv.FormatInt(time.Now().UnixMilli(), 10)+`",serial_no="`+m.CertSerial+`"`)
	request.Header.Set("Accept", "application/json")
	reply, err := web.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	var refused struct {
		Calls []struct {
			ID     int
			Reason string
		}
	}
	a.must("sim_calls", map[string]any{"verdict": "refused"}, &refused)
	if reply.StatusCode != http.StatusUnauthorized || len(refused.Calls) != 1 || refused.Calls[0].Reason == "" {
		t.Fatalf("got %d, %+v, want one refused call", reply.StatusCode, refused)
	}
	var told struct {
		Finding struct{ Mistake, Says, Expected string }
	}
	for _, in := range []map[string]any{nil, {"call": refused.Calls[0].ID}} {
		a.must("sim_explain_signature", in, &told)
		if told.Finding.Mistake != "milliseconds" || told.Finding.Says == "" {
			t.Errorf("%v: got %+v, want milliseconds", in, told)
		}
	}
	if refusal := a.ask("sim_explain_signature", map[string]any{"call": 1}, nil); !strings.Contains(refusal, "is right") {
		t.Errorf("got %q, want that this one was right", refusal)
	}
}

// TestMCPStaysHere: an address that is not this machine is refused before anything is sent.
func TestMCPStaysHere(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://192.0.2.1:8091", "https://api.mch.weixin.qq.com", "http://127.0.0.1.example.com:8091", "http://127.0.0.1:8091/api", "http://user@127.0.0.1:8091", "127.0.0.1:8091"} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			if code, out, errs := process.Run(t, process.Home(t), nil, "mcp", "--url", url); code == 0 || out != "" || !strings.Contains(errs, "--url") {
				t.Errorf("got exit %d, %q, %q, want a refusal", code, out, errs)
			}
		})
	}
}

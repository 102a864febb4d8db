package sim

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// Magic values decide the result of a call without the control API, like the card numbers of other payment simulators.
// They do not occur by accident: the marks contain brackets, the amounts are close to ten million yuan, the country
// code 999 is unassigned, and other openids begin differently.

// magicMark is a mark in any text of a call or its order: [sim:notify.lost].
var magicMark = regexp.MustCompile(`\[sim:([a-z0-9_]+)\.([a-z0-9_]+)\]`)

// magicBase is the smallest magic amount, in fen.
const magicBase = 987_654_300

// magicAmounts maps what is added to magicBase to its effect.
func magicAmounts() map[int64]string {
	return map[int64]string{
		1: "prepay.busy", 2: "pay.fail", 3: "notify.lost", 4: "notify.duplicate", 5: "notify.other_amount", 6: "notify.wrong_signature", 7: "refund.refund_abnormal",
		8: "refund.refund_closed", 9: "refund.not_enough", 10: "notify.late", 11: "pay.coupon", 12: "prepay.timeout_after_accept", 13: "notify.concurrent",
		14: "notify.other_appid", 15: "notify.other_mchid", 16: "notify.unknown_order", 17: "notify.stale_time", 18: "notify.probe", 19: "refund.busy",
		20: "refund.account_abnormal", 21: "refund_notify.lost", 22: "refund_notify.duplicate", 23: "refund_notify.wrong_signature", 24: "prepay.rate_limit",
	}
}

// magicCountry is the country code whose phone numbers are errcodes of the login: +999 40226.
const magicCountry = "999"

// magicOf returns what an order's texts and amount ask for at a stage, empty for nothing.
func magicOf(stage string, total int64, texts ...string) string {
	for _, text := range texts {
		if !strings.Contains(text, "[sim:") {
			continue
		}
		for _, m := range magicMark.FindAllStringSubmatch(text, -1) {
			if m[1] == stage {
				return m[2]
			}
		}
	}
	host, kind, _ := strings.Cut(magicAmounts()[total-magicBase], ".")
	if host == stage {
		return kind
	}
	return ""
}

// magic returns what an order asks for at a stage.
func (o *order) magic(stage string) string {
	if o == nil {
		return ""
	}
	return magicOf(stage, o.Total, o.Description, o.Attach)
}

// kindOf makes the fault of a magic word, nil for unknown words.
func kindOf(on, kind string) *fault {
	if kind == "" {
		return nil
	}
	f, err := (faultRequest{On: on, Kind: kind}).parse()
	if err != nil {
		return nil
	}
	return f
}

// faultHeader lets a call ask for its own fault: Sim-Fault: busy.
const faultHeader = "Sim-Fault"

// magicStages are the words that mean several calls in a mark.
func magicStages() map[string][]string {
	return map[string][]string{
		"prepay":       {"prepay", "prepay_native", "prepay_h5", "v2_unifiedorder"},
		"query":        {"query", "query_id", "v2_orderquery"},
		"close":        {"close", "v2_closeorder"},
		"refund":       {"refund", "v2_refund"},
		"refund_query": {"refund_query", "v2_refundquery"},
	}
}

// stageOf returns the word for a call, its name by default.
func stageOf(endpoint string) string {
	for stage, names := range magicStages() {
		if slices.Contains(names, endpoint) {
			return stage
		}
	}
	return endpoint
}

// magicCall returns the fault that a call asks for: by its header every time, by its text once per body. The second try
// succeeds.
func (s *Sim) magicCall(c *call) *fault {
	if kind := c.r.Header.Get(faultHeader); kind != "" {
		f := kindOf(c.endpoint.name, kind)
		if f == nil {
			s.note(c.endpoint.name, faultHeader+": "+clip(kind, 40)+" is no kind of fault at "+c.endpoint.name)
		}
		return f
	}
	kind := s.magicKind(c)
	f := kindOf(c.endpoint.name, kind)
	if f == nil || slices.Contains(refundFaults(), kind) { // note: a refund's own ends are the same at each try
		return f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(c.endpoint.name + "\n" + requestPath(c.r) + "\n" + string(c.body)))
	if s.magicSeen[key] {
		return nil
	}
	if len(s.magicSeen) > 10_000 {
		clear(s.magicSeen)
	}
	s.magicSeen[key] = true
	return f
}

// magicKind looks for a mark in the call, its order and its person, and for a magic amount.
func (s *Sim) magicKind(c *call) string {
	if len(c.body) > longestTried {
		return ""
	}
	stage, texts := stageOf(c.endpoint.name), []string{string(c.body), c.r.URL.Path}
	for _, values := range c.query {
		texts = append(texts, values...)
	}
	var total int64
	if stage == "prepay" {
		total = amountIn(c.body)
	} else {
		s.mu.Lock()
		if o := s.orderIn(c); o != nil {
			total, texts = o.Total, append(texts, o.Description, o.Attach)
		}
		if g := s.state.grants[c.query.Get("js_code")]; g != nil && s.state.people[g.Person] != nil {
			texts = append(texts, s.state.people[g.Person].Nickname)
		}
		s.mu.Unlock()
	}
	if kind := magicOf(stage, total, texts...); kind != "" {
		return kind
	}
	return magicOf(c.endpoint.name, 0, texts...)
}

var (
	totalIn = regexp.MustCompile(`"total"\s*:\s*([0-9]{9})\b|<total_fee>(?:<!\[CDATA\[)?([0-9]{9})\b`)
	orderIn = regexp.MustCompile(`"out_trade_no"\s*:\s*"([^"]+)"|<out_trade_no>(?:<!\[CDATA\[)?([^<\]]+)`)
)

// amountIn finds an order's total in a body of either API.
func amountIn(body []byte) int64 {
	if !bytes.Contains(body, []byte("98765")) { // note: a fast check that nearly every body fails, because every call runs this
		return 0
	}
	m := totalIn.FindSubmatch(body)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1])+string(m[2]), 10, 64)
	return n
}

// orderIn finds the order that a call is about. The caller holds s.mu.
func (s *Sim) orderIn(c *call) *order {
	number := c.param("out_trade_no")
	if m := orderIn.FindSubmatch(c.body); m != nil {
		number = string(m[1]) + string(m[2])
	}
	if number == "" {
		if r := s.state.refunds[s.keys.MchID+"/"+c.param("out_refund_no")]; r != nil {
			return s.state.orders[r.orderKey()]
		}
		return s.state.byTransaction[c.param("transaction_id")]
	}
	o, _ := s.orderOf("", number, s.Now()) // note: the call itself reports an order that cannot be stored
	return o
}

// magicNote returns the fault that a notification's order asks for. note: lost hits the first three rounds, the others
// only the first.
func (s *Sim) magicNote(n *notification) *fault {
	stage := map[string]string{onNotification: "notify", onRefundNotification: "refund_notify", onPush: "push"}[n.faultName()]
	if stage == "push" && n.Step == 0 {
		return kindOf(onPush, magicOf(stage, 0, string(encode(n.Push))))
	}
	if stage == "" || stage == "push" {
		return nil
	}
	s.mu.Lock()
	kind := s.state.orders[n.mchID()+"/"+n.OutTradeNo].magic(stage)
	s.mu.Unlock()
	if n.Step > 0 && (kind != "lost" || n.Step >= 3) || kind == "late" && n.Due.After(n.MadeAt) {
		return nil
	}
	return kindOf(n.faultName(), kind)
}

// magicErrcode returns the errcode in a magic openid, 0 for all others.
func magicErrcode(openid string) int {
	text, ok := strings.CutPrefix(openid, wire.MagicOpenID)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimRight(text, "_"))
	if err != nil {
		return 0
	}
	return n
}

// openIDIn finds an openid in a body or a query of api.weixin.qq.com.
var openIDIn = regexp.MustCompile(`"(?:openid|touser)"\s*:\s*"(oSIM-[0-9]+_*)"`)

// magicAnswer refuses a call of api.weixin.qq.com with a magic openid.
func (c *call) magicAnswer() (reply, bool) {
	openid := c.query.Get("openid")
	if m := openIDIn.FindSubmatch(c.body); m != nil {
		openid = string(m[1])
	}
	if code := magicErrcode(openid); code != 0 {
		return c.refuse(code, "a magic openid"), true
	}
	return reply{}, false
}

// magicLogin returns the errcode in a person's magic phone number, 0 for all others.
func (p *person) magicLogin() int {
	if p.CountryCode != magicCountry {
		return 0
	}
	n, _ := strconv.Atoi(p.Phone)
	return n
}

// listMagic is GET /_sim/magic: the amounts, and the syntax of the other values.
func (s *Sim) listMagic(c *echo.Context) error {
	amounts := map[string]string{}
	for add, what := range magicAmounts() {
		amounts[fenText(magicBase+add)] = what
	}
	return c.JSON(http.StatusOK, map[string]any{
		"amounts": amounts, "marks": "[sim:STAGE.KIND] in any text of the call or its order; stages: the names of /_sim/endpoints, prepay, query, close, refund, refund_query (in either API), pay, notify, refund_notify, push",
		"header": faultHeader + ": KIND", "openids": wire.MagicOpenID + "ERRCODE", "phones": "+" + magicCountry + " ERRCODE",
	})
}

package sim

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"
)

// Magic values decide how something ends with no call of the control API, as the card numbers of other payment simulators do. None of
// them can be met by accident: the marks hold brackets, the amounts are close to ten million yuan, no country has the code 999, and
// no openid that is made here begins as theirs do.

// magicMark is a mark in a description, an attach or a reason: [sim:notify.lost].
var magicMark = regexp.MustCompile(`\[sim:([a-z0-9_]+)\.([a-z0-9_]+)\]`)

// magicBase is what the magic amounts begin from, in fen.
const magicBase = 987_654_300

// magicAmounts maps what is added to magicBase to what happens.
func magicAmounts() map[int64]string {
	return map[int64]string{
		1: "prepay.busy", 2: "pay.fail", 3: "notify.lost", 4: "notify.duplicate", 5: "notify.other_amount", 6: "notify.wrong_signature", 7: "refund.refund_abnormal",
		8: "refund.refund_closed", 9: "refund.not_enough", 10: "notify.late", 11: "pay.coupon", 12: "prepay.timeout_after_accept", 13: "notify.concurrent",
		14: "notify.other_appid", 15: "notify.other_mchid", 16: "notify.unknown_order", 17: "notify.stale_time", 18: "notify.probe", 19: "refund.busy",
		20: "refund.account_abnormal", 21: "refund_notify.lost", 22: "refund_notify.duplicate", 23: "refund_notify.wrong_signature", 24: "prepay.rate_limit",
	}
}

// magicOpenID is the beginning of openids that are an errcode (api.weixin.qq.com) or a fault of prepay: oSIM-43101.
const magicOpenID = "oSIM-"

// magicCountry is the country code whose phone numbers are errcodes of the login: +999 40226.
const magicCountry = "999"

// magicOf is what an order's texts and amount ask for at a stage, empty for nothing.
func magicOf(stage string, total int64, texts ...string) string {
	for _, m := range magicMark.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		if m[1] == stage {
			return m[2]
		}
	}
	host, kind, _ := strings.Cut(magicAmounts()[total-magicBase], ".")
	if host == stage {
		return kind
	}
	return ""
}

// magic is what an order asks for at a stage.
func (o *order) magic(stage string) string {
	if o == nil {
		return ""
	}
	return magicOf(stage, o.Total, o.Description, o.Attach)
}

// kindOf makes a fault of a magic word, nil for words that are none at this place.
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

// magicCall is the fault that a call asks for by what it says, the first time that it says so: a second try finds all well.
func (s *Sim) magicCall(c *call) *fault {
	if !slices.Contains([]string{"prepay", "prepay_native", "prepay_h5", "v2_unifiedorder", "refund", "v2_refund"}, c.endpoint.name) || len(c.body) > longestTried {
		return nil
	}
	stage := "prepay"
	if c.endpoint.refunds {
		stage = "refund"
	}
	kind := magicOf(stage, amountIn(c.body), string(c.body))
	if stage == "refund" && kind == "" {
		kind = s.magicOfRefund(c.body)
	}
	f := kindOf(c.endpoint.name, kind)
	if f == nil || slices.Contains(refundFaults(), kind) { // note: a refund's own ends are the same at each try
		return f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256(c.body)
	if s.magicSeen[key] {
		return nil
	}
	if len(s.magicSeen) > 10_000 {
		clear(s.magicSeen)
	}
	s.magicSeen[key] = true
	return f
}

var (
	totalIn = regexp.MustCompile(`"total"\s*:\s*([0-9]{9})\b|<total_fee>(?:<!\[CDATA\[)?([0-9]{9})\b`)
	orderIn = regexp.MustCompile(`"out_trade_no"\s*:\s*"([^"]+)"|<out_trade_no>(?:<!\[CDATA\[)?([^<\]]+)`)
)

// amountIn finds an order's total in a body of either API.
func amountIn(body []byte) int64 {
	m := totalIn.FindSubmatch(body)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1])+string(m[2]), 10, 64)
	return n
}

// magicOfRefund is what the order of a refund asks for.
func (s *Sim) magicOfRefund(body []byte) string {
	m := orderIn.FindSubmatch(body)
	if m == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.orders[s.keys.MchID+"/"+string(m[1])+string(m[2])].magic("refund")
}

// magicNote is the fault that a notification's order asks for. note: lost are the first three rounds, anything else only the first.
func (s *Sim) magicNote(n *notification) *fault {
	stage := map[string]string{onNotification: "notify", onRefundNotification: "refund_notify"}[n.faultName()]
	if stage == "" {
		return nil
	}
	s.mu.Lock()
	kind := s.state.orders[s.keys.MchID+"/"+n.OutTradeNo].magic(stage)
	s.mu.Unlock()
	if n.Step > 0 && (kind != "lost" || n.Step >= 3) || kind == "late" && n.Due.After(n.MadeAt) {
		return nil
	}
	return kindOf(n.faultName(), kind)
}

// magicErrcode is the errcode that an openid stands for, 0 for all others.
func magicErrcode(openid string) int {
	text, ok := strings.CutPrefix(openid, magicOpenID)
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

// magicAnswer refuses a call of api.weixin.qq.com whose openid is an errcode.
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

// magicLogin is the errcode of a person whose number is one, 0 for all others.
func (p *person) magicLogin() int {
	if p.CountryCode != magicCountry {
		return 0
	}
	n, _ := strconv.Atoi(p.Phone)
	return n
}

// listMagic is GET /_sim/magic: the amounts, and how the rest is written.
func (s *Sim) listMagic(c *echo.Context) error {
	amounts := map[string]string{}
	for add, what := range magicAmounts() {
		amounts[fenText(magicBase+add)] = what
	}
	return c.JSON(http.StatusOK, map[string]any{
		"amounts": amounts, "marks": "[sim:STAGE.KIND] in description, body, attach, reason; stages prepay, pay, notify, refund, refund_notify",
		"openids": magicOpenID + "ERRCODE", "phones": "+" + magicCountry + " ERRCODE",
	})
}

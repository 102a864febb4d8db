// Package doctor checks a shop's settings and their surroundings, and says in Chinese and in English what is wrong,
// why, and how to fix it. `wxbase doctor` and POST /api/wx/admin/doctor run the same checks.
//
// A *check* asks one question and returns a *finding*. It is skipped when an earlier problem makes its result
// meaningless: with a wrong AppSecret the access token is not checked. A check never moves money, sends a message or
// changes anything at WeChat, and a finding never contains a secret.
package doctor

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

// State is how bad a finding is.
type State string

// The states. Only a problem makes `wxbase doctor` fail.
const (
	OK      State = "ok"
	Warning State = "warning"
	Problem State = "problem"
	Skipped State = "skipped"
)

// Finding is the answer to one check, in words.
type Finding struct {
	Check   string `json:"check"`
	Code    string `json:"code"`    // what was found, for programs
	Subject string `json:"subject"` // the mini program or the merchant; empty for the server
	State   State  `json:"state"`
	Title   string `json:"title"`
	Why     string `json:"why"`
	Cure    string `json:"cure"`
	Doc     string `json:"doc"` // page of our documents
}

// Shop is what is looked at. A nil func is something that cannot be seen from here, and skips its check.
type Shop struct {
	Apps       []settings.App
	Merchants  []settings.Merchant
	Unreadable []string // stored settings that cannot be used
	PublicURL  string   // origin, empty when nobody said
	Simulated  bool
	Now        func() time.Time
	Transport  http.RoundTripper // for calls to WeChat and to ourselves; nil is the usual one
	Resolve    func(ctx context.Context, host string) ([]string, error)
	Gateway    func(m settings.Merchant, appID string) (wxpay.Gateway, error)
	Disk       func() (free, least uint64, err error)                   // bytes
	Backup     func() (newest time.Time, most time.Duration, err error) // when the newest was made, zero for none, and how old it may be
	Replica    func(ctx context.Context) Copy                           // of the database, elsewhere
	Proxy      func() string                                            // header of a proxy that is not trusted; empty when none was seen
	// MessagePath is the page that the messages about shipping lead to, as it was set last; WeChat does not tell.
	MessagePath func(appID string) (path string, known bool, err error)
	Built       func() map[string]string // modules of this program and their versions
	Patience    time.Duration            // of one check; 15 seconds when zero
}

// Copy is the replica as it is seen.
type Copy struct {
	Place       string // without keys; empty when there is none
	Unreachable error
	Unwritable  error
	Owner       string        // who has taken it over; empty when it is ours
	Empty       bool          // nothing is in it
	Behind      time.Duration // of the database
	Files       string        // why the files do not follow; empty when they do, or nobody can tell
	KeyIsHere   bool          // what opens its stored secrets lies in the data folder only
}

// Language is one of the two that findings are written in.
type Language int

// The languages.
const (
	English Language = iota
	Chinese
)

// Examine runs all checks, one after the other, in the order in which a person would mend things.
func Examine(ctx context.Context, s Shop, in Language) []Finding {
	v := newVisit(s)
	for _, c := range checks() {
		for _, subject := range v.subjects(c.of) {
			v.found = append(v.found, v.look(ctx, c, subject))
		}
	}
	findings := make([]Finding, 0, len(v.found))
	for _, o := range v.found {
		findings = append(findings, o.finding(in))
	}
	return findings
}

// HasProblem tells whether a person has to act.
func HasProblem(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.State == Problem })
}

// scope is what a check is run for.
type scope int

const (
	ofServer scope = iota
	ofApp
	ofMerchant
)

// check is one question.
type check struct {
	id    string
	asks  [2]string // what it asks, in both languages
	of    scope
	after []string // checks whose problem makes this one pointless
	run   func(ctx context.Context, v *visit, s subject) outcome
}

// subject is what one run of a check is about; the zero value is the server.
type subject struct {
	app      settings.App
	merchant settings.Merchant
}

func (s subject) name() string { return s.app.AppID + s.merchant.MchID }

// checks is the whole list.
func checks() []check {
	return []check{
		{id: "settings", asks: [2]string{"Can everything that is stored be used?", "已保存的配置都能用吗？"}, run: checkSettings},
		{id: "app", asks: [2]string{"Is there a mini program?", "配置了小程序吗？"}, run: checkApp},
		{id: "dns", asks: [2]string{"Does DNS know WeChat's hosts?", "微信的域名能解析吗？"}, run: checkNames},
		{id: "tls", asks: [2]string{"Do WeChat's hosts answer, with a certificate that this machine trusts?", "微信服务器能连通、证书受信任吗？"}, after: []string{"dns"}, run: checkHosts},
		{id: "clock", asks: [2]string{"Is the clock WeChat's?", "时钟与微信一致吗？"}, after: []string{"dns", "tls"}, run: checkClock},
		{id: "credentials", asks: [2]string{"Are AppID and AppSecret a pair?", "AppID 与 AppSecret 匹配吗？"}, of: ofApp, after: []string{"dns", "tls"}, run: checkCredentials},
		{id: "whitelist", asks: [2]string{"Does WeChat take calls from this server's address?", "微信接受来自本服务器 IP 的调用吗？"}, of: ofApp, after: []string{"dns", "tls", "credentials"}, run: checkWhitelist},
		{id: "token", asks: [2]string{"Is there an access token, and does WeChat take it?", "能取得 access_token 且可用吗？"}, of: ofApp, after: []string{"dns", "tls", "credentials", "whitelist"}, run: checkToken},
		{id: "orderPath", asks: [2]string{"Does the order centre lead buyers to an order's page?", "订单中心能跳转到订单页吗？"}, of: ofApp, after: []string{"dns", "tls", "credentials", "whitelist", "token"}, run: checkOrderPath},
		{id: "virtual", asks: [2]string{"Can virtual goods be sold?", "虚拟支付可用吗？"}, of: ofApp, after: []string{"dns", "tls", "credentials", "whitelist", "token"}, run: checkVirtual},
		{id: "messagePath", asks: [2]string{"Do WeChat's messages about shipping lead to a page of the mini program?", "发货消息能跳转到小程序页面吗？"}, of: ofApp, run: checkMessagePath},
		{id: "phoneQuota", asks: [2]string{"Are there phone numbers left in the package of the phone button?", "手机号快速验证资源包还有余量吗？"}, of: ofApp, after: []string{"dns", "tls", "credentials", "whitelist", "token"}, run: checkPhoneQuota},
		{id: "merchant", asks: [2]string{"Is there a merchant?", "配置了商户吗？"}, run: checkMerchant},
		{id: "keyPair", asks: [2]string{"Do private key, certificate and serial belong together?", "私钥、证书与序列号匹配吗？"}, of: ofMerchant, run: checkKeyPair},
		{id: "apiKey", asks: [2]string{"Has the APIv3 key (or that of API v2) the right form?", "APIv3（或 APIv2）密钥格式对吗？"}, of: ofMerchant, run: checkAPIKey},
		{id: "publicKey", asks: [2]string{"Is there what WeChat Pay's answers are verified with?", "有用于验签的微信支付公钥吗？"}, of: ofMerchant, run: checkPublicKey},
		{id: "query", asks: [2]string{"Does WeChat Pay take our signature? It is asked for an order that nobody has made.", "微信支付接受我们的签名吗？查询一个不存在的订单。"}, of: ofMerchant, after: []string{"dns", "tls", "clock", "keyPair", "apiKey", "publicKey"}, run: checkQuery},
		{id: "answers", asks: [2]string{"Do WeChat Pay's answers verify and open with the keys that are here?", "微信支付的应答能用现有密钥验签和解密吗？"}, of: ofMerchant, after: []string{"dns", "tls", "clock", "keyPair", "apiKey", "publicKey", "query"}, run: checkAnswers},
		{id: "address", asks: [2]string{"Can the public address be one that WeChat notifies?", "公网地址能接收微信通知吗？"}, run: checkAddress},
		{id: "outside", asks: [2]string{"Does the public address lead here, with nothing in front that answers in our place?", "公网地址能到达本服务器、前面没有别的程序代答吗？"}, after: []string{"address"}, run: checkOutside},
		{id: "complaints", asks: [2]string{"Would we hear of complaints at WeChat Pay?", "能收到微信支付的投诉通知吗？"}, of: ofMerchant, after: []string{"dns", "tls", "clock", "keyPair", "apiKey", "publicKey", "query", "answers", "address"}, run: checkComplaints},
		{id: "push", asks: [2]string{"Would the handshake work, with which WeChat tries the push address?", "消息推送的握手能通过吗？"}, of: ofApp, after: []string{"clock", "credentials", "address", "outside"}, run: checkPush},
		{id: "disk", asks: [2]string{"Is there room?", "磁盘空间够吗？"}, run: checkDisk},
		{id: "backups", asks: [2]string{"Is there a backup of late?", "最近有备份吗？"}, run: checkBackups},
		{id: "replica", asks: [2]string{"Does the copy of the database follow, and could somebody else start from it?", "数据库副本跟得上吗？别的机器能从它启动吗？"}, run: checkReplica},
		{id: "versions", asks: [2]string{"Is the program built with what it was tested with?", "所用模块与测试时一致吗？"}, run: checkVersions},
		{id: "proxy", asks: [2]string{"Do we know who our clients are?", "能识别客户端地址吗？"}, run: checkProxy},
	}
}

// visit is one run: the shop, and what was found so far.
type visit struct {
	Shop
	found  []told
	tokens map[string]tokenAnswer // by appid: three checks look at one answer
}

func newVisit(s Shop) *visit {
	v := &visit{Shop: s, tokens: map[string]tokenAnswer{}}
	if v.Now == nil {
		v.Now = time.Now
	}
	if v.Transport == nil {
		v.Transport = http.DefaultTransport
	}
	if v.Resolve == nil {
		v.Resolve = net.DefaultResolver.LookupHost
	}
	if v.Patience <= 0 {
		v.Patience = 15 * time.Second
	}
	return v
}

func (v *visit) subjects(of scope) (list []subject) {
	switch of {
	case ofApp:
		for _, a := range v.Apps {
			list = append(list, subject{app: a})
		}
	case ofMerchant:
		for _, m := range v.Merchants {
			list = append(list, subject{merchant: m})
		}
	default:
		list = []subject{{}}
	}
	return list
}

// look runs one check within its time, or skips it.
func (v *visit) look(ctx context.Context, c check, s subject) told {
	t := told{check: c.id, subject: s.name()}
	if before := v.blockedBy(c, s); before != "" {
		t.outcome = result("skipped", "check", before)
		return t
	}
	ctx, cancel := context.WithTimeout(ctx, v.Patience)
	defer cancel()
	t.outcome = c.run(ctx, v, s)
	return t
}

// blockedBy is the check before this one that has found a problem with the same subject, or with the server.
func (v *visit) blockedBy(c check, s subject) string {
	for _, t := range v.found {
		same := t.subject == "" || t.subject == s.name()
		if same && slices.Contains(c.after, t.check) && words(t.code).state == Problem {
			return t.check
		}
	}
	return ""
}

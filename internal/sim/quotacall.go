package sim

import (
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// clearsPerMonth is how often a mini program can clear all quotas, by both calls together.
const clearsPerMonth = 10

// quotaClears is how often a mini program cleared its quotas in a month.
type quotaClears struct {
	AppID string `json:"appid"`
	Month string `json:"month"`
	Count int    `json:"count"`
}

func (q quotaClears) Entity() (kind, id string) { return "clears", q.AppID }

// clearsTable holds the numbers of clears, by appid.
type clearsTable struct{ clears map[string]*quotaClears }

func (t *clearsTable) register(r *registry) { remember(r, "clears", &t.clears, nil) }

// meter counts a call of api.weixin.qq.com; false means that the day's calls are used up.
func (s *Sim) meter(c *call) bool {
	if c.endpoint.unmetered {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits.Allow(meterKey(c.appid, c.endpoint.path), s.quota(quotaCalls), 24*time.Hour, c.now)
}

func meterKey(appid, path string) string { return "calls/" + path + "/" + appid }

// clearQuota is POST /cgi-bin/clear_quota: it resets all counts of the mini program.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/openApi-mgnt/api_clearquota.html (重置API调用次数)
func (s *Sim) clearQuota(c *call) reply {
	var in struct {
		AppID string `json:"appid"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if in.AppID != c.appid {
		return c.refuse(40013, "appid is not that of the access_token")
	}
	return s.clearQuotasOf(c, in.AppID)
}

// clearQuotaBySecret is POST /cgi-bin/clear_quota/v2, for when the token calls are used up themselves. The document's
// sample has both names in the address; a body is read too.
func (s *Sim) clearQuotaBySecret(c *call) reply {
	var in struct {
		AppID  string `json:"appid"`
		Secret string `json:"appsecret"`
	}
	if decode(c.body, &in) != nil { // note: a form, or nothing
		if form, err := url.ParseQuery(string(c.body)); err == nil {
			in.AppID, in.Secret = form.Get("appid"), form.Get("appsecret")
		}
	}
	appid, secret := or(c.query.Get("appid"), in.AppID), or(c.query.Get("appsecret"), in.Secret)
	if code, reason := s.checkSecret(appid, secret); code != 0 {
		return c.refuse(code, reason)
	}
	return s.clearQuotasOf(c, appid)
}

// clearQuotasOf clears, at most ten times a month.
func (s *Sim) clearQuotasOf(c *call, appid string) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := quotaClears{AppID: appid, Month: c.now.In(wire.Beijing()).Format("2006-01")}
	if known := s.state.clears[appid]; known != nil && known.Month == used.Month {
		used.Count = known.Count
	}
	if used.Count >= clearsPerMonth {
		return c.refuse(48006, "all quotas were cleared ten times this month")
	}
	used.Count++
	if err := s.save(used); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.clears[appid] = &used
	maps.DeleteFunc(s.limits.Windows, func(key string, _ book.Window) bool {
		return strings.HasSuffix(key, "/"+appid) && (strings.Contains(key, "/day/") || strings.HasPrefix(key, "calls/"))
	})
	return c.ok(plainOK{ErrMsg: "ok"})
}

// getQuota is POST /cgi-bin/openapi/quota/get.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/openApi-mgnt/api_getapiquota.html (查询API调用额度)
func (s *Sim) getQuota(c *call) reply {
	var in struct {
		Path string `json:"cgi_path"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	switch {
	case !strings.HasPrefix(in.Path, "/") || strings.ContainsAny(in.Path, "?#"):
		return c.refuse(76003, "cgi_path must begin with a slash and hold no host and no query")
	case strings.HasPrefix(in.Path, "/sns/"):
		return c.refuse(76022, "the quotas of /sns/ cannot be asked for")
	case !s.simulatedAPI(in.Path):
		return c.refuse(76021, "no such path here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	daily, used := s.quota(quotaCalls), s.limits.Used(meterKey(c.appid, in.Path), 24*time.Hour, c.now)
	return c.ok(struct {
		plainOK
		Quota map[string]int `json:"quota"`
		Rate  map[string]int `json:"rate_limit"`
	}{plainOK{ErrMsg: "ok"}, map[string]int{"daily_limit": daily, "used": used, "remain": max(daily-used, 0)}, map[string]int{"call_count": 6000, "refresh_second": 60}})
}

// simulatedAPI tells whether a path of api.weixin.qq.com is simulated.
func (s *Sim) simulatedAPI(path string) bool {
	for _, ep := range endpoints() {
		if ep.path == path && !ep.ofMch() {
			return true
		}
	}
	return false
}

// domainIPs is GET /cgi-bin/get_api_domain_ip and /cgi-bin/getcallbackip: this machine.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/openApi-mgnt/api_getapidomainip.html (获取微信API服务器IP)
func (s *Sim) domainIPs(c *call) reply {
	return c.ok(map[string][]string{"ip_list": {"127.0.0.1"}})
}

// getCategory is GET /wxaapi/newtmpl/getcategory: the two categories of the simulated mini programs.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_getcategory.html (获取类目)
func (s *Sim) getCategory(c *call) reply {
	type category struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	return c.ok(struct {
		plainOK
		Data []category `json:"data"`
	}{plainOK{ErrMsg: "ok"}, []category{{616, "食品"}, {307, "餐饮服务场所/餐饮服务管理企业"}}})
}

// remindReceipt is POST /wxa/sec/order/notify_confirm_receive: WeChat reminds the payer to confirm, once for each
// order.
// https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html (确认收货提醒)
func (s *Sim) remindReceipt(c *call) reply {
	var in struct {
		TransactionID   string      `json:"transaction_id"`
		MerchantID      string      `json:"merchant_id"`
		MerchantTradeNo string      `json:"merchant_trade_no"`
		ReceivedTime    json.Number `json:"received_time"` // Unix seconds
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	received, ok := fromSeconds(in.ReceivedTime.String())
	if !ok || in.TransactionID == "" && (in.MerchantID == "" || in.MerchantTradeNo == "") {
		return c.refuse(10060014, "the order's ids and received_time (Unix seconds) are needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.shippable(c, in.TransactionID, in.MerchantID, in.MerchantTradeNo)
	switch {
	case o == nil:
		return c.refuse(10060001, "no such paid order of this mini program, or it was paid a moment ago")
	case o.Shipment == nil || o.Shipment.Finished == 0:
		return c.refuse(10060028, "the order is not shipped")
	case o.Shipment.LogisticsType != byExpress:
		return c.refuse(10060032, "only orders sent by express can be reminded of")
	case received.Before(o.Shipment.UploadedAt.Truncate(time.Second)):
		return c.refuse(10060029, "received_time lies before the shipping")
	case o.Reminded:
		return c.refuse(10060030, "the payer was reminded before; it works once for an order")
	}
	reminded := *o
	reminded.Reminded = true
	if err := s.save(reminded); err != nil {
		return c.refuse(-1, err.Error())
	}
	*o = reminded
	return c.ok(plainOK{ErrMsg: "ok"})
}

// riskRank is POST /wxa/getuserriskrank: 4 for people marked as risky, 0 for all others.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/safety-control-capability/api_getuserriskrank.html (获取用户安全等级)
func (s *Sim) riskRank(c *call) reply {
	var in struct {
		AppID    string `json:"appid"`
		OpenID   string `json:"openid"`
		Scene    *int   `json:"scene"` // 0 register, 1 marketing, 2 other
		ClientIP string `json:"client_ip"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	switch {
	case in.AppID != c.appid:
		return c.refuse(40013, "appid is not that of the access_token")
	case in.Scene == nil || *in.Scene < 0 || *in.Scene > 2:
		return c.refuse(40097, "scene must be 0, 1 or 2")
	case in.ClientIP == "" || checkIP(in.ClientIP) != "":
		return c.refuse(40097, "client_ip must be an address")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if code, reason := s.checkActive(c.appid, in.OpenID, c.now); code != 0 {
		return c.refuse(code, reason)
	}
	rank := 0
	if s.state.people[s.whoIs(c.appid, in.OpenID).Person].Risky {
		rank = 4
	}
	return c.ok(map[string]any{"errcode": 0, "errmsg": "getuserriskrank succ", "risk_rank": rank, "unoin_id": c.now.UnixNano() / 1000})
}

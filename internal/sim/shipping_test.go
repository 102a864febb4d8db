package sim_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func (w *merchantSide) ship(path, body string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/wxa/sec/order/"+path+"?access_token="+w.token(), body)
}

// report is a valid body of upload_shipping_info.
func (w *merchantSide) report(number, openid string) map[string]any {
	return map[string]any{
		"order_key":      map[string]any{"order_number_type": 1, "mchid": w.mch.MchID, "out_trade_no": number},
		"logistics_type": 1, "delivery_mode": 1, "upload_time": "2026-03-01T10:00:05.120+08:00", "payer": map[string]any{"openid": openid},
		"shipping_list": []any{map[string]any{
			"tracking_no": "JT1234567890", "express_company": "STO", "item_desc": "三鲜面*1", "contact": map[string]any{"consignor_contact": "+86-177****1234"},
		}},
	}
}

func parcels(n int, change map[string]any) []any {
	list := make([]any, n)
	for i := range list {
		p := map[string]any{"tracking_no": fmt.Sprintf("JT%d", i), "express_company": "STO", "item_desc": "三鲜面*1"}
		maps.Copy(p, change)
		list[i] = p
	}
	return list
}

func TestShippingStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.paid("ORD-SHIP-1")
	body := w.report("ORD-SHIP-1", openid)
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 10060001) // paid a moment ago
	w.clock.Add(2 * time.Second)
	before := w.ship("get_order", fmt.Sprintf(`{"merchant_id":%q,"merchant_trade_no":"ORD-SHIP-1"}`, w.mch.MchID))
	wantErrcode(t, before, 0)
	o, _ := before.json["order"].(map[string]any)
	if o["order_state"] != 1.0 || jsonText(t, o["shipping"]) != "{}\n" || o["openid"] != openid || o["paid_amount"] != 100.0 || o["merchant_trade_no"] != "ORD-SHIP-1" {
		t.Errorf("got %s, want an order to ship", before.body)
	}
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 0)
	after := w.ship("get_order", fmt.Sprintf(`{"transaction_id":%q}`, o["transaction_id"]))
	o, _ = after.json["order"].(map[string]any)
	shipping, _ := o["shipping"].(map[string]any)
	if o["order_state"] != 2.0 || shipping["finish_shipping"] != true || shipping["finish_shipping_count"] != 1.0 || shipping["goods_desc"] != "三鲜面*1" {
		t.Errorf("got %s, want it shipped", after.body)
	}
	// one correction, which must be later and different, and not a second one
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 10060014)
	body["upload_time"] = "2026-03-01T10:00:06+08:00"
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 10060023)
	body["logistics_type"] = 4
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 0)
	body["logistics_type"], body["upload_time"] = 1, "2026-03-01T10:00:07+08:00"
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), 10060003)
}

func TestShippingInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.paid("ORD-SPLIT-1")
	w.clock.Add(2 * time.Second)
	upload := func(second, n int, done bool) answer {
		body := w.report("ORD-SPLIT-1", openid)
		body["delivery_mode"], body["is_all_delivered"], body["shipping_list"] = 2, done, parcels(n, nil)
		body["upload_time"] = fmt.Sprintf("2026-03-01T10:00:%02d+08:00", second)
		return w.ship("upload_shipping_info", jsonText(t, body))
	}
	state := func() float64 {
		a := w.ship("get_order", fmt.Sprintf(`{"merchant_id":%q,"merchant_trade_no":"ORD-SPLIT-1"}`, w.mch.MchID))
		return a.json["order"].(map[string]any)["order_state"].(float64)
	}
	wantErrcode(t, upload(1, 10, false), 0)
	wantErrcode(t, upload(2, 6, false), 10060024)
	if got := state(); got != 1 {
		t.Errorf("got state %v, want 1 while parcels are missing", got)
	}
	wantErrcode(t, upload(3, 5, true), 0)
	if got := state(); got != 2 {
		t.Errorf("got state %v, want 2 once all are on their way", got)
	}
	wantErrcode(t, upload(4, 1, false), 10060002)
	wantErrcode(t, upload(5, 2, true), 0) // the correction
	wantErrcode(t, upload(6, 3, true), 10060003)
}

func TestShippingRefusals(t *testing.T) {
	w := newWorld(t)
	openid, _ := w.login("p1")
	other, _ := w.login("p2")
	w.paid("ORD-SHIPREF-1")
	w.prepaid("ORD-SHIPREF-2", openid)
	w.clock.Add(2 * time.Second)
	set := func(name string, value any) func(map[string]any) {
		return func(b map[string]any) { b[name] = value }
	}
	key := func(in map[string]any) func(map[string]any) { return set("order_key", in) }
	list := func(change map[string]any) func(map[string]any) { return set("shipping_list", parcels(1, change)) }
	split := func(n int, done any) func(map[string]any) {
		return func(b map[string]any) {
			b["delivery_mode"], b["shipping_list"], b["is_all_delivered"] = 2, parcels(n, nil), done
		}
	}
	scenarios := []struct {
		name   string
		change func(map[string]any)
		want   int
	}{
		{"no key", set("order_key", nil), 268485194},
		{"unknown key type", key(map[string]any{"order_number_type": 3}), 268485194},
		{"no transaction", key(map[string]any{"order_number_type": 2}), 268485195},
		{"no mchid", key(map[string]any{"order_number_type": 1, "out_trade_no": "ORD-SHIPREF-1"}), 268485196},
		{"no out_trade_no", key(map[string]any{"order_number_type": 1, "mchid": w.mch.MchID}), 268485197},
		{"unknown order", key(map[string]any{"order_number_type": 1, "mchid": w.mch.MchID, "out_trade_no": "ORD-SHIPREF-9"}), 10060001},
		{"unpaid order", key(map[string]any{"order_number_type": 1, "mchid": w.mch.MchID, "out_trade_no": "ORD-SHIPREF-2"}), 10060001},
		{"other merchant", key(map[string]any{"order_number_type": 1, "mchid": "1900000001", "out_trade_no": "ORD-SHIPREF-1"}), 10060001},
		{"unknown transaction", key(map[string]any{"order_number_type": 2, "transaction_id": "4200"}), 10060001},
		{"somebody else's", set("payer", map[string]any{"openid": other}), 10060031},
		{"nobody's", set("payer", nil), 10060014},
		{"unknown way", set("logistics_type", 5), 10060005},
		{"unknown mode", set("delivery_mode", 3), 268485224},
		{"split without express", func(b map[string]any) { split(1, true)(b); b["logistics_type"] = 2 }, 10060006},
		{"split without an end", split(1, nil), 10060007},
		{"nothing in the split", split(0, true), 10060014},
		{"sixteen parcels", split(16, true), 10060024},
		{"two at once", set("shipping_list", parcels(2, nil)), 268485228},
		{"none at once", set("shipping_list", nil), 268485228},
		{"no number", list(map[string]any{"tracking_no": ""}), 268485226},
		{"no company", list(map[string]any{"express_company": ""}), 268485227},
		{"long company", list(map[string]any{"express_company": strings.Repeat("x", 129)}), 10060025},
		{"long number", list(map[string]any{"tracking_no": strings.Repeat("x", 129)}), 10060026},
		{"empty description", list(map[string]any{"item_desc": ""}), 10060008},
		{"no description", list(map[string]any{"item_desc": nil}), 10060020},
		{"long description", list(map[string]any{"item_desc": strings.Repeat("面", 121)}), 10060009},
		{"SF without a contact", list(map[string]any{"express_company": "SF"}), 10060014},
		{"contact in the clear", list(map[string]any{"contact": map[string]any{"receiver_contact": "13800138000"}}), 10060014},
		{"no time", set("upload_time", ""), 268485216},
		{"local time", set("upload_time", "2026-03-01 10:00:00"), 268485216},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := w.report("ORD-SHIPREF-1", openid)
			s.change(body)
			wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, body)), s.want)
		})
	}
	wantErrcode(t, w.ship("upload_shipping_info", "{"), 47001)
	wantErrcode(t, w.ship("get_order", `{"merchant_trade_no":"ORD-SHIPREF-1"}`), 10060014)
	wantErrcode(t, w.ship("get_order", `{"transaction_id":"4200"}`), 10060001)
	wantErrcode(t, w.ship("is_trade_managed", `{}`), 40097)
	wantErrcode(t, w.ship("is_trade_managed", `{"appid":"wx0123456789abcdef"}`), 40013)
	if a := w.ship("is_trade_managed", fmt.Sprintf(`{"appid":%q}`, w.app.AppID)); a.json["is_trade_managed"] != true {
		t.Errorf("got %s, want it managed", a.body)
	}
	w.refunded("ORD-SHIPREF-1", "R-1", 100)
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, w.report("ORD-SHIPREF-1", openid))), 10060004)
	wantErrcode(t, w.call(http.MethodPost, "/wxa/sec/order/get_order", "{}"), 41001)
}

func TestShippingList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	openid, _ := w.login("p1")
	for i := range 5 {
		w.paid(fmt.Sprintf("ORD-LIST-%d", i))
		w.clock.Add(10 * time.Second)
	}
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, w.report("ORD-LIST-1", openid))), 0)
	numbers := func(body string) string {
		a := w.ship("get_order_list", body)
		wantErrcode(t, a, 0)
		var out []string
		for _, o := range a.json["order_list"].([]any) {
			out = append(out, strings.TrimPrefix(o.(map[string]any)["merchant_trade_no"].(string), "ORD-LIST-"))
		}
		return strings.Join(out, "") + fmt.Sprint(a.json["has_more"]) + a.text("last_index")
	}
	start := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC).Unix()
	for body, want := range map[string]string{
		`{}`:                               "01234false5",
		`{"page_size":2}`:                  "01true2",
		`{"page_size":2,"last_index":"2"}`: "23true4",
		`{"page_size":2,"last_index":"4"}`: "4false5",
		`{"order_state":2}`:                "1false5",
		`{"order_state":1,"page_size":1}`:  "0true1",
		`{"openid":"o","page_size":100}`:   "false5",
		fmt.Sprintf(`{"pay_time_range":{"begin_time":%d,"end_time":%d}}`, start+10, start+30): "123false4",
	} {
		if got := numbers(body); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	wantErrcode(t, w.ship("get_order_list", `{"last_index":"9"}`), 10060011)
	wantErrcode(t, w.ship("get_order_list", `{"last_index":"x"}`), 10060011)
	wantErrcode(t, w.ship("get_order_list", `{"page_size":101}`), 10060014)
}

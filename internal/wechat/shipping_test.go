package wechat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// shippingVectors are the samples of testdata/shipping.json.
type shippingVectors struct {
	Upload, Split, Shipped, Unshipped json.RawMessage
}

var loadShipping = sync.OnceValues(func() (v shippingVectors, err error) {
	b, err := os.ReadFile("testdata/shipping.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err
})

func goldenShipping(tb testing.TB) shippingVectors {
	tb.Helper()
	v, err := loadShipping()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// goodShipping is the sample upload.
func goodShipping() wechat.Shipping {
	return wechat.Shipping{
		Key: wechat.OrderKey{TransactionID: "4200001"}, LogisticsType: wechat.ByExpress, DeliveryMode: wechat.Unified,
		Parcels: []wechat.Parcel{{
			TrackingNo: "JT1234567890", ExpressCompany: "STO", ItemDesc: "示例<商品>*1", Contact: wechat.Contact{Consignor: "+86-177****1234"},
		}},
		UploadTime: time.Date(2022, 12, 15, 5, 29, 35, 120e6, time.UTC), OpenID: "oAbcdefghijklmnopqrstuvwx01",
	}
}

// splitShipping is a sample of an unfinished split.
func splitShipping() wechat.Shipping {
	s := goodShipping()
	s.Key, s.DeliveryMode, s.IsAllDelivered = wechat.OrderKey{MchID: "1900000001", OutTradeNo: "T20260101001"}, wechat.Split, new(false)
	s.Parcels = []wechat.Parcel{
		{TrackingNo: "JT1234567890", ExpressCompany: "STO", ItemDesc: "示例*1"}, {TrackingNo: "JT1234567891", ExpressCompany: "STO", ItemDesc: "示例*2"},
	}
	s.UploadTime = s.UploadTime.Truncate(time.Second)
	return s
}

func TestUploadShippingSendsTheSample(t *testing.T) {
	t.Parallel()
	v := goldenShipping(t)
	unified := goodShipping()
	unified.IsAllDelivered = new(true) // is not sent
	scenarios := []struct {
		name string
		send wechat.Shipping
		want []byte
	}{
		{"unified by transaction", unified, v.Upload},
		{"split by number", splitShipping(), v.Split},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.RequestURI() != "/wxa/sec/order/upload_shipping_info?access_token=70_token" || !bytes.Equal(body, s.want) {
					t.Errorf("got %s %s %s, want %s", r.Method, r.URL, body, s.want)
				}
				answer(`{"errcode":0,"errmsg":"ok"}`)(w, r)
			})
			if err := c.UploadShipping(t.Context(), s.send); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		})
	}
}

func TestValidateShipping(t *testing.T) {
	t.Parallel()
	first := func(change func(*wechat.Parcel)) func(*wechat.Shipping) {
		return func(s *wechat.Shipping) { change(&s.Parcels[0]) }
	}
	parcels := func(mode wechat.DeliveryMode, n int) func(*wechat.Shipping) {
		return func(s *wechat.Shipping) {
			s.DeliveryMode, s.IsAllDelivered, s.Parcels = mode, new(true), make([]wechat.Parcel, n)
			for i := range s.Parcels {
				s.Parcels[i] = wechat.Parcel{TrackingNo: strconv.Itoa(i), ExpressCompany: "STO", ItemDesc: "a"}
			}
		}
	}
	way := func(l wechat.LogisticsType) func(*wechat.Shipping) {
		return func(s *wechat.Shipping) {
			s.LogisticsType = l
			s.Parcels[0].TrackingNo, s.Parcels[0].ExpressCompany = "", ""
		}
	}
	contact := func(text string) func(*wechat.Shipping) {
		return first(func(p *wechat.Parcel) { p.Contact = wechat.Contact{Receiver: text} })
	}
	scenarios := []struct {
		name   string
		change func(*wechat.Shipping)
		field  string // the wrong field; empty for a valid report
	}{
		{"as it is", func(*wechat.Shipping) {}, ""},
		{"by number", func(s *wechat.Shipping) { s.Key = wechat.OrderKey{MchID: "1", OutTradeNo: "2"} }, ""},
		{"no key", func(s *wechat.Shipping) { s.Key = wechat.OrderKey{} }, "order_key.mchid"},
		{"no number", func(s *wechat.Shipping) { s.Key = wechat.OrderKey{MchID: "1"} }, "order_key.out_trade_no"},
		{"no openid", func(s *wechat.Shipping) { s.OpenID = "" }, "payer.openid"},
		{"openid of 128", func(s *wechat.Shipping) { s.OpenID = strings.Repeat("o", 128) }, ""},
		{"openid of 129", func(s *wechat.Shipping) { s.OpenID = strings.Repeat("o", 129) }, "payer.openid"},
		{"no time", func(s *wechat.Shipping) { s.UploadTime = time.Time{} }, "upload_time"},

		{"no way", way(0), "logistics_type"},
		{"within the city", way(wechat.ByCourier), ""},
		{"virtual", way(wechat.Virtual), ""},
		{"picked up", way(wechat.PickedUp), ""},
		{"fifth way", way(5), "logistics_type"},
		{"no mode", func(s *wechat.Shipping) { s.DeliveryMode = 0 }, "delivery_mode"},
		{"third mode", func(s *wechat.Shipping) { s.DeliveryMode = 3 }, "delivery_mode"},
		{"split without express", func(s *wechat.Shipping) { way(wechat.Virtual)(s); s.DeliveryMode = wechat.Split }, "delivery_mode"},
		{"split without an end", func(s *wechat.Shipping) { s.DeliveryMode = wechat.Split }, "is_all_delivered"},
		{"nothing at once", parcels(wechat.Unified, 0), "shipping_list"},
		{"one at once", parcels(wechat.Unified, 1), ""},
		{"two at once", parcels(wechat.Unified, 2), "shipping_list"},
		{"nothing in the split", parcels(wechat.Split, 0), "shipping_list"},
		{"one in the split", parcels(wechat.Split, 1), ""},
		{"fifteen in the split", parcels(wechat.Split, 15), ""},
		{"sixteen in the split", parcels(wechat.Split, 16), "shipping_list"},
		{"last parcel wrong", func(s *wechat.Shipping) { parcels(wechat.Split, 2)(s); s.Parcels[1].ItemDesc = "" }, "shipping_list[1].item_desc"},

		{"no tracking number", first(func(p *wechat.Parcel) { p.TrackingNo = "" }), "shipping_list[0].tracking_no"},
		{"tracking number of 128", first(func(p *wechat.Parcel) { p.TrackingNo = strings.Repeat("1", 128) }), ""},
		{"tracking number of 129", first(func(p *wechat.Parcel) { p.TrackingNo = strings.Repeat("1", 129) }), "shipping_list[0].tracking_no"},
		{"no company", first(func(p *wechat.Parcel) { p.ExpressCompany = "" }), "shipping_list[0].express_company"},
		{"company of 128", first(func(p *wechat.Parcel) { p.ExpressCompany = strings.Repeat("S", 128) }), ""},
		{"company of 129", first(func(p *wechat.Parcel) { p.ExpressCompany = strings.Repeat("S", 129) }), "shipping_list[0].express_company"},
		{"no description", first(func(p *wechat.Parcel) { p.ItemDesc = "" }), "shipping_list[0].item_desc"},
		{"description of 120 characters", first(func(p *wechat.Parcel) { p.ItemDesc = strings.Repeat("面", 120) }), ""},
		{"description of 121 characters", first(func(p *wechat.Parcel) { p.ItemDesc = strings.Repeat("面", 121) }), "shipping_list[0].item_desc"},

		{"no contact", contact(""), ""},
		{"SF without a contact", func(s *wechat.Shipping) { contact("")(s); s.Parcels[0].ExpressCompany = "SF" }, "shipping_list[0].contact"},
		{"SF with the receiver", func(s *wechat.Shipping) { contact("189****1234")(s); s.Parcels[0].ExpressCompany = "SF" }, ""},
		{"SF with the consignor", first(func(p *wechat.Parcel) { p.ExpressCompany = "SF" }), ""},
		{"contact in the clear", contact("13800138000"), "shipping_list[0].contact.receiver_contact"},
		{"consignor in the clear", first(func(p *wechat.Parcel) { p.Contact.Consignor = "13800138000" }), "shipping_list[0].contact.consignor_contact"},
		{"five clear digits", contact("189***01234"), "shipping_list[0].contact.receiver_contact"},
		{"three clear digits", contact("189****123"), "shipping_list[0].contact.receiver_contact"},
		{"four digits only", contact("1234"), "shipping_list[0].contact.receiver_contact"},
		{"a name", contact("王****1234"), "shipping_list[0].contact.receiver_contact"},
		{"contact of 1024", contact(strings.Repeat("*", 1020) + "1234"), ""},
		{"contact of 1025", contact(strings.Repeat("*", 1021) + "1234"), "shipping_list[0].contact.receiver_contact"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			report := goodShipping()
			s.change(&report)
			a, c := serve(t, answer(`{"errcode":0}`))
			err := c.UploadShipping(t.Context(), report)
			got := ""
			if fe, ok := errors.AsType[*wechat.FieldError](err); ok {
				got = fe.Field
				wantKind(t, err, wechat.KindArgs)
			}
			if got != s.field || (err == nil) != (s.field == "") {
				t.Errorf("got field %q (%v), want %q", got, err, s.field)
			}
			if calls := a.calls.Load(); (calls == 1) != (s.field == "") {
				t.Errorf("got %d calls of WeChat, want one only for a good report", calls)
			}
		})
	}
}

func TestUploadShippingErrcodes(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		errcode int
		kind    wechat.Kind
		retry   wechat.Retry
		calls   int64
	}{
		{-1, wechat.KindBusy, wechat.RetryBackoff, 3},
		{10060012, wechat.KindBusy, wechat.RetryBackoff, 3},
		{10060019, wechat.KindBusy, wechat.RetryBackoff, 3},
		{10060001, wechat.KindState, wechat.RetryWindow, 1},
		{10060002, wechat.KindState, wechat.RetryNever, 1},
		{10060003, wechat.KindState, wechat.RetryNever, 1},
		{10060004, wechat.KindState, wechat.RetryNever, 1},
		{10060023, wechat.KindState, wechat.RetryNever, 1},
		{10060031, wechat.KindArgs, wechat.RetryNever, 1},
		{45009, wechat.KindQuota, wechat.RetryDay, 1},
		{48001, wechat.KindUnsupported, wechat.RetryAction, 1},
	}
	for _, code := range []int{
		10060005, 10060006, 10060007, 10060008, 10060009, 10060014, 10060020, 10060024, 10060025, 10060026,
		268485194, 268485195, 268485196, 268485197, 268485216, 268485224, 268485226, 268485227, 268485228,
	} {
		scenarios = append(scenarios, struct {
			errcode int
			kind    wechat.Kind
			retry   wechat.Retry
			calls   int64
		}{code, wechat.KindArgs, wechat.RetryNever, 1})
	}
	for _, s := range scenarios {
		t.Run(strconv.Itoa(s.errcode), func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, answer(`{"errcode":`+strconv.Itoa(s.errcode)+`,"errmsg":"no rid: 62de9a0b-7149b5f1-2eee4908"}`))
			err := c.UploadShipping(t.Context(), goodShipping())
			wantKind(t, err, s.kind)
			e, ok := errors.AsType[*wechat.Error](err)
			if !ok || e.Errcode != s.errcode || e.MaybeDone || e.RID == "" {
				t.Errorf("got %v, want the errcode, its rid, and nothing done", err)
			}
			row := wechat.LookupErrcode(s.errcode)
			if row.Retry != s.retry || row.Last != 0 || a.calls.Load() != s.calls {
				t.Errorf("got %s, %d calls, row %+v, want %s, %d calls and a row of its own", row.Retry, a.calls.Load(), row, s.retry, s.calls)
			}
		})
	}
}

// an upload with a lost answer may have used the only correction
func TestUploadShippingIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"cut":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"html": answer("<html></html>"),
		"502":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, handler)
			err := c.UploadShipping(t.Context(), goodShipping())
			if e, ok := errors.AsType[*wechat.Error](err); !ok || !e.MaybeDone || a.calls.Load() != 1 {
				t.Errorf("got %v after %d calls, want it perhaps done after one", err, a.calls.Load())
			}
		})
	}
}

func TestShippingOf(t *testing.T) {
	t.Parallel()
	v := goldenShipping(t)
	byID := wechat.OrderKey{TransactionID: "4200001", MchID: "1900000001", OutTradeNo: "T20260101001"}
	byNumber := wechat.OrderKey{MchID: "1900000001", OutTradeNo: "T1"}
	scenarios := []struct {
		name   string
		key    wechat.OrderKey
		body   string
		answer string
		kind   wechat.Kind
		err    error
		state  wechat.OrderState
	}{
		{"shipped", byID, `{"transaction_id":"4200001"}`, string(v.Shipped), "", nil, wechat.OrderShipped},
		{"not shipped", byNumber, `{"merchant_id":"1900000001","merchant_trade_no":"T1"}`, string(v.Unshipped), "", nil, wechat.OrderToShip},
		{"numbers as strings", byID, "", `{"errcode":"0","order":{"transaction_id":"4200001","order_state":"6","paid_amount":"916"}}`, "", nil, wechat.OrderSettling},
		{"another transaction", wechat.OrderKey{TransactionID: "4200002"}, "", string(v.Shipped), wechat.KindBadAnswer, nil, 0},
		{"another number", wechat.OrderKey{MchID: "1900000001", OutTradeNo: "T2"}, "", string(v.Unshipped), wechat.KindBadAnswer, nil, 0},
		{"no order", byID, "", `{"errcode":0}`, wechat.KindBadAnswer, wechat.ErrMissingField, 0},
		{"a state of tomorrow", byID, "", `{"order":{"transaction_id":"4200001","order_state":7}}`, wechat.KindBadAnswer, wechat.ErrMissingField, 0},
		{"order a list", byID, "", `{"order":[]}`, wechat.KindBadAnswer, wechat.ErrNotJSON, 0},
		{"unknown", byID, "", `{"errcode":10060001}`, wechat.KindState, nil, 0},
		{"nothing asked", wechat.OrderKey{MchID: "1"}, "", `{}`, wechat.KindArgs, nil, 0},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.URL.Path != "/wxa/sec/order/get_order" || s.body != "" && string(body) != s.body {
					t.Errorf("got %s %s, want %s", r.URL, body, s.body)
				}
				answer(s.answer)(w, r)
			})
			got, err := c.ShippingOf(t.Context(), s.key)
			wantKind(t, err, s.kind)
			if s.err != nil && !errors.Is(err, s.err) || got.State != s.state {
				t.Errorf("got %d (%v), want %d (%v)", got.State, err, s.state, s.err)
			}
		})
	}
}

func TestShippingOfReadsEverything(t *testing.T) {
	t.Parallel()
	_, c := serve(t, answer(string(goldenShipping(t).Shipped)))
	got, err := c.ShippingOf(t.Context(), wechat.OrderKey{TransactionID: "4200001"})
	if err != nil {
		t.Fatal(err)
	}
	if got.MchID != "1900000001" || got.OutTradeNo != "T20260101001" || got.PaidAmount != 916 || got.PaidAt.Unix() != 1670563533 ||
		got.LogisticsType != wechat.ByExpress || got.DeliveryMode != wechat.Unified || !got.Finished || got.FinishedCount != 1 ||
		got.GoodsDesc != "示例*1" || len(got.Parcels) != 1 {
		t.Fatalf("got %+v, want the sample", got)
	}
	if p := got.Parcels[0]; p.TrackingNo != "JT1234567890" || p.ExpressCompany != "JTSD" || p.UploadedAt.Unix() != 1670832735 {
		t.Errorf("got %+v, want the sample's parcel", p)
	}
}

func TestTradeManaged(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		want         bool
		kind         wechat.Kind
	}{
		{"managed", `{"errcode":0,"errmsg":"ok","is_trade_managed":true}`, true, ""},
		{"not managed", `{"errcode":0,"errmsg":"ok","is_trade_managed":false}`, false, ""},
		{"not said", `{"errcode":0,"errmsg":"ok"}`, false, wechat.KindBadAnswer},
		{"another app", `{"errcode":40013}`, false, wechat.KindConfig},
		{"bad arguments", `{"errcode":40097}`, false, wechat.KindArgs},
		{"too often", `{"errcode":44990}`, false, wechat.KindRate},
		{"not authorised", `{"errcode":61003}`, false, wechat.KindConfig},
		{"address", `{"errcode":61004}`, false, wechat.KindConfig},
		{"platform", `{"errcode":61011}`, false, wechat.KindConfig},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); r.URL.Path != "/wxa/sec/order/is_trade_managed" || string(body) != `{"appid":"`+appID+`"}` {
					t.Errorf("got %s %s", r.URL, body)
				}
				answer(s.answer)(w, r)
			})
			got, err := c.TradeManaged(t.Context())
			wantKind(t, err, s.kind)
			if got != s.want {
				t.Errorf("got %v, want %v", got, s.want)
			}
		})
	}
}

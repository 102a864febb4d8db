package hooks_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
)

// The mixed shop: one server with two mini programs, of which one is paid over API v3 and by virtual payment and the other over API v2; payouts
// to people of both, and complaints that end with a refund.

// prepareMixed makes the second mini program with its merchant, and virtual goods for the first. It returns the second one's appid.
func (l *ledgerRun) prepareMixed(t *testing.T) (appID string) {
	t.Helper()
	if !l.mixed {
		return ""
	}
	app, err := l.server.control("/_sim/apps", map[string]any{})
	if err != nil || app["appid"] == nil {
		t.Fatalf("second mini program: %v %v", app, err)
	}
	m, err := l.server.control("/_sim/merchants", map[string]any{})
	if err != nil || m["mchid"] == nil {
		t.Fatalf("second merchant: %v %v", m, err)
	}
	merchant := l.must(t, http.MethodPost, "/api/collections/wx_merchants/records", l.super, map[string]any{
		"mchid": m["mchid"], "name": "v2", "api": "v2", "signType": "HMAC-SHA256", "certSerial": m["certSerial"], "privateKey": m["privateKey"],
		"certificate": m["certificate"], "apiV3Key": m["apiV3Key"], "apiV2Key": m["apiV2Key"], "publicKeyId": m["publicKeyId"], "publicKey": m["publicKey"],
		"verifyMode": "both", "payBase": l.wechat.Config().PayBase, "enabled": true,
	})
	l.must(t, http.MethodPost, "/api/collections/wx_apps/records", l.super, map[string]any{
		"appid": app["appid"], "name": "second", "secret": app["secret"], "apiBase": l.wechat.Config().APIBase, "merchant": merchant["id"], "enabled": true,
	})
	first := l.wechat.Config().Merchants[0].MchID
	linked := l.must(t, http.MethodGet, "/api/collections/wx_merchants/records", l.super, nil)
	if linked["totalItems"] != 1.0 || first == m["mchid"] {
		t.Fatalf("merchants: got %v, want one beside the environment's", linked)
	}
	for i, price := range []int{100, 600} {
		product := l.must(t, http.MethodPost, "/api/collections/products/records", l.super, map[string]any{
			"name": fmt.Sprintf("pass %d", i), "price": price, "active": true, "stock": strconv.Itoa(ledgerStock), "kind": order.KindVirtual,
		})
		l.items = append(l.items, product["id"].(string)) //nolint:forcetypeassert // a record has an id
	}
	return app["appid"].(string) //nolint:forcetypeassert // likewise
}

// complain is a payer who wants the money back and tells WeChat: of the newest that the person has paid, if it is one.
func (l *ledgerRun) complain(random *rand.Rand, payer ledgerPerson) error {
	_, err := l.server.control("/_sim/people/"+payer.id+"/complain", map[string]any{"detail": "ledger", "refund": 1 + random.IntN(100)})
	return err
}

// answerComplaints is the shop: it gives back what was asked for, tells WeChat so, and is done. What fails is tried again the next time, with the
// same key, so that nobody gets the money twice.
func (l *ledgerRun) answerComplaints() {
	if !l.mixed {
		return
	}
	_, found, err := l.server.call(http.MethodGet, `/api/collections/wx_complaints/records?perPage=200&filter=state%21%3D%22PROCESSED%22`, l.super, nil)
	if err != nil {
		return
	}
	items, _ := found["items"].([]any)
	for _, item := range items {
		complaint, _ := item.(map[string]any)
		id, _ := complaint["id"].(string)
		if complaint["source"] != "wechatpay" {
			continue
		}
		if of, _ := complaint["order"].(string); of != "" {
			body := map[string]any{"amount": complaint["applyRefund"], "reason": "ledger", "key": "complaint-" + id}
			status, _, err := l.server.call(http.MethodPost, "/api/wx/orders/"+of+"/refunds", l.super, body)
			if err != nil || status >= http.StatusInternalServerError {
				continue
			}
		}
		if _, answered := l.wishes.Load(id); !answered {
			status, _, err := l.server.call(http.MethodPost, "/api/wx/admin/complaints/"+id+"/decide", l.super, map[string]any{"approve": true, "days": 1})
			if err != nil || status >= http.StatusInternalServerError {
				continue
			}
			l.wishes.Store(id, true)
		}
		_, _, _ = l.server.call(http.MethodPost, "/api/wx/admin/complaints/"+id+"/complete", l.super, map[string]any{})
	}
}

// complaintsAreEven tells whether we know of every complaint at WeChat, in the state that it has there, and all have ended.
func (l *ledgerRun) complaintsAreEven(t *testing.T) bool {
	t.Helper()
	if !l.mixed {
		return true
	}
	if status, _, err := l.server.call(http.MethodPost, "/api/wx/admin/complaints/sweep", l.super, nil); err != nil || status != http.StatusOK {
		return false
	}
	var theirs []struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	l.read(t, "/_sim/complaints?limit=1000000", &theirs)
	known := l.must(t, http.MethodGet, "/api/collections/wx_complaints/records?perPage=1&filter="+`state%3D%22PROCESSED%22`, l.super, nil)
	for _, one := range theirs {
		if one.State != "PROCESSED" {
			return false
		}
	}
	return known["totalItems"] == float64(len(theirs))
}

// checkComplaints: what was asked for went back, where so much was left, and some did.
func (l *ledgerRun) checkComplaints(t *testing.T, app core.App) {
	t.Helper()
	if !l.mixed {
		return
	}
	all, err := app.FindAllRecords("wx_complaints", dbx.HashExp{"source": "wechatpay"})
	if err != nil {
		t.Fatal(err)
	}
	var back int
	for _, c := range all {
		refunds, err := app.FindAllRecords("refunds", dbx.HashExp{"key": "complaint-" + c.Id})
		if err != nil {
			t.Fatal(err)
		}
		if c.GetString("state") != "PROCESSED" || len(refunds) > 1 {
			t.Errorf("complaint %s: got %s and %d refunds, want it ended, with at most one", c.GetString("number"), c.GetString("state"), len(refunds))
		}
		for _, r := range refunds {
			back++
			if r.GetString("order") != c.GetString("order") || r.GetInt("amount") != c.GetInt("applyRefund") {
				t.Errorf("complaint %s: got a refund of %d of order %s, want %d of %s", c.GetString("number"), r.GetInt("amount"), r.GetString("order"), c.GetInt("applyRefund"), c.GetString("order"))
			}
		}
	}
	if l.done.Load() >= 40 && back == 0 {
		t.Errorf("%d complaints and no refund: equal books prove nothing when nobody is given anything back", len(all))
	}
	t.Logf("%d complaints, %d refunds of them", len(all), back)
}

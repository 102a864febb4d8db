package migrations_test

import (
	"maps"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// TestWaysKeepPayments: payments of before become JSAPI, those of virtual payment nothing; all stay on the way down, and coming up again a
// Native payment is one again, with the payer whom WeChat has named.
func TestWaysKeepPayments(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765600100")
	insert := func(app core.App, id, api, openID, params string, more dbx.Params) {
		t.Helper()
		row := dbx.Params{"id": id, "merchant": "1900000001", "appid": "wx1", "api": api, "outTradeNo": "n-" + id, "state": "PREPAID", "amount": 1800, "openid": openID, "params": params}
		maps.Copy(row, more)
		if _, err := app.NonconcurrentDB().Insert("payments", row).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(app core.App, at, id, way, openID string) {
		t.Helper()
		r, err := app.FindRecordById("payments", id)
		if err != nil || r.GetString("tradeType") != way || r.GetString("openid") != openID || r.GetString("state") != "PREPAID" || r.GetInt("amount") != 1800 {
			t.Errorf("%s, %s: got %v (%v), want way %q and openid %q", at, id, r, err, way, openID)
		}
	}
	insert(old, "payment00000001", "v3", "o1", `{"AppID":"wx1"}`, nil)
	insert(old, "payment00000002", "v2", "o2", ``, nil)
	insert(old, "payment00000003", "xpay", "o3", `{}`, nil)
	filled := up(old)
	want(filled, "upgraded", "payment00000001", "JSAPI", "o1")
	want(filled, "upgraded", "payment00000002", "JSAPI", "o2")
	want(filled, "upgraded", "payment00000003", "", "o3")
	insert(filled, "payment00000004", "v3", "", `{"TradeType":"NATIVE"}`, dbx.Params{"tradeType": "NATIVE", "payUrl": "weixin://wxpay/bizpayurl?pr=1"})
	insert(filled, "payment00000005", "v3", "", `{"TradeType":"NATIVE"}`, dbx.Params{"tradeType": "NATIVE", "raw": `{"payer":{"openid":"o5"}}`})
	below := down(filled)
	want(below, "below", "payment00000004", "", "-")
	again := up(below)
	want(again, "again", "payment00000001", "JSAPI", "o1")
	want(again, "again", "payment00000003", "", "o3")
	want(again, "again", "payment00000004", "NATIVE", "")
	want(again, "again", "payment00000005", "NATIVE", "o5")
}

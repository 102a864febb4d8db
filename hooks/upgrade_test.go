package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/olddata"
)

// TestUpgradedShopGoesOn: the data of the first version is served, its open orders end, its codes lead where they led, and new orders are sold.
func TestUpgradedShopGoesOn(t *testing.T) {
	t.Parallel()
	app := apptest.NewOn(t, olddata.Folder(t), func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_SECRET_KEY": olddata.SecretKey}[name] }
	})
	if n := count(t, app, "orders", nil); n != 7 {
		t.Fatalf("orders: got %d, want 7", n)
	}
	old, err := app.FindFirstRecordByFilter("wx_codes", "page = 'pages/a/a'")
	if err != nil {
		t.Fatal(err)
	}
	opened := app.Must(http.MethodGet, "/api/wx/scenes/"+old.GetString("scene"), "", nil)
	if payload, _ := opened.JSON["payload"].(map[string]any); payload["id"] != 7.0 {
		t.Errorf("old code: got %s, want its payload", opened.Body)
	}
	if plain := app.Must(http.MethodGet, "/api/wx/scenes/plain", "", nil); plain.Text("page") != "pages/b/b" {
		t.Errorf("old plain scene: got %s, want pages/b/b", plain.Body)
	}
	app.Sells(t, "小红")

	// the simulator here knows nothing of the order that was at the cashier, so only the one without an attempt can end
	app.Clock.Advance(24 * time.Hour)
	if err := app.WX.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	open := dbx.NewExp("payState = 'UNPAID' AND id NOT IN (SELECT [[order]] FROM payments)")
	if n := count(t, app, "orders", open); n != 0 {
		t.Errorf("open orders after their time: got %d, want 0", n)
	}
}

package hooks_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// limited is an app with some settings.
func limited(t *testing.T, env map[string]string) *apptest.App {
	t.Helper()
	return apptest.New(t, func(c *hooks.Config) {
		before := c.Env
		c.Env = func(name string) string {
			if value := env[name]; value != "" {
				return value
			}
			return before(name)
		}
	})
}

// TestLimits goes through every route by which a user or a stranger makes a row or a file, or makes us call WeChat, with a limit of two.
func TestLimits(t *testing.T) {
	t.Parallel()
	type ask func(app *apptest.App, p apptest.Person, n int) apptest.Answer
	post := func(path string, body map[string]any) ask {
		return func(_ *apptest.App, p apptest.Person, n int) apptest.Answer {
			filled := maps.Clone(body)
			for key, value := range filled {
				if text, ok := value.(string); ok {
					filled[key] = strings.ReplaceAll(text, "#", fmt.Sprint(n))
				}
			}
			return p.Call(http.MethodPost, path, filled)
		}
	}
	upload := func(method, path, field string) ask {
		return func(app *apptest.App, p apptest.Person, _ int) apptest.Answer {
			return sendFormBy(t, app, method, strings.ReplaceAll(path, "{user}", p.User), p.Token, field, jpegFile(t), nil)
		}
	}
	order := func(_ *apptest.App, p apptest.Person, _ int) apptest.Answer {
		return p.Call(http.MethodPost, "/api/wx/orders", map[string]any{"items": []map[string]any{{"product": p.Product("三鲜面"), "quantity": 1}}})
	}
	const perMinute, uploads = "WXBASE_CALLS_PER_MINUTE", "WXBASE_UPLOADS_PER_MINUTE"
	scenarios := []struct {
		route, setting, code string
		ask                  ask
	}{
		{"POST /api/wx/orders", "WXBASE_OPEN_ORDERS", "order_limit_reached", order},
		{"POST /api/wx/orders", "WXBASE_ORDERS_PER_DAY", "order_limit_reached", func(app *apptest.App, p apptest.Person, n int) apptest.Answer {
			got := order(app, p, n)
			if id := got.Text("id"); id != "" {
				p.Must(http.MethodPost, "/api/wx/orders/"+id+"/cancel", nil)
			}
			return got
		}},
		{"POST /api/wx/orders/{id}/pay", perMinute, "call_limit_reached", post("/api/wx/orders/x/pay", nil)},
		{"POST /api/wx/orders/{id}/sync", perMinute, "call_limit_reached", post("/api/wx/orders/x/sync", nil)},
		{"POST /api/wx/orders/{id}/cancel", perMinute, "call_limit_reached", post("/api/wx/orders/x/cancel", nil)},
		{"GET /api/wx/session", perMinute, "call_limit_reached", func(_ *apptest.App, p apptest.Person, _ int) apptest.Answer {
			return p.Call(http.MethodGet, "/api/wx/session", nil)
		}},
		{"POST /api/wx/session/reset", perMinute, "call_limit_reached", post("/api/wx/session/reset", map[string]any{})},
		{"POST /api/wx/phone", perMinute, "call_limit_reached", post("/api/wx/phone", map[string]any{"code": "no-such-#"})},
		{"POST /api/wx/phone", "WXBASE_PHONES_PER_DAY", "phone_limit_reached", func(_ *apptest.App, p apptest.Person, _ int) apptest.Answer {
			return p.Call(http.MethodPost, "/api/wx/phone", map[string]any{"code": p.Phone("phone", nil).Text("code")})
		}},
		{"POST /api/wx/profile", perMinute, "call_limit_reached", post("/api/wx/profile", map[string]any{"name": "n#"})},
		{"POST /api/wx/profile", uploads, "upload_limit_reached", upload(http.MethodPost, "/api/wx/profile", "avatar")},
		{"PATCH /api/collections/users/records/{id}", uploads, "upload_limit_reached", upload(http.MethodPatch, "/api/collections/users/records/{user}", "avatar")},
		{"POST /api/wx/codes", perMinute, "call_limit_reached", post("/api/wx/codes", map[string]any{"scene": "s#"})},
		{"POST /api/wx/codes", "WXBASE_CODES_PER_DAY", "code_limit_reached", post("/api/wx/codes", map[string]any{"scene": "s#"})},
		{"POST /api/wx/links", perMinute, "call_limit_reached", post("/api/wx/links", map[string]any{})},
		{"POST /api/wx/consents", "WXBASE_TEMPLATES_PER_USER", "consent_limit_reached", func(_ *apptest.App, p apptest.Person, n int) apptest.Answer {
			return p.Call(http.MethodPost, "/api/wx/consents", map[string]any{"answers": map[string]string{fmt.Sprintf("T%d", n): "accept"}})
		}},
		{"POST /api/wx/check/text", perMinute, "call_limit_reached", post("/api/wx/check/text", map[string]any{"content": "好"})},
		{"POST /api/wx/check/text", "WXBASE_CHECKS_PER_DAY", "check_limit_reached", post("/api/wx/check/text", map[string]any{"content": "好"})},
		{"POST /api/wx/check/image", perMinute, "call_limit_reached", upload(http.MethodPost, "/api/wx/check/image", "file")},
		{"POST /api/wx/check/image", uploads, "upload_limit_reached", upload(http.MethodPost, "/api/wx/check/image", "file")},
		{"POST /api/wx/check/image", "WXBASE_CHECKS_PER_DAY", "check_limit_reached", upload(http.MethodPost, "/api/wx/check/image", "file")},
		{"POST /api/wx/check/image", "WXBASE_CHECK_MEGABYTES_PER_DAY", "check_limit_reached", upload(http.MethodPost, "/api/wx/check/image", "file")},
		{"POST /api/wx/login", "WXBASE_LOGINS_PER_MINUTE", "login_limit_reached", func(app *apptest.App, _ apptest.Person, n int) apptest.Answer {
			return app.LoginWith(map[string]any{"code": fmt.Sprintf("no-such-%d", n)})
		}},
		{"POST /api/collections/{collection}/request-password-reset", "WXBASE_MAILS_PER_MINUTE", "call_limit_reached", func(app *apptest.App, _ apptest.Person, n int) apptest.Answer {
			email := fmt.Sprintf("staff%d@example.com", n)
			newRecord(t, app, "staff", map[string]any{"email": email, "password": "1234567890"})
			return app.Call(http.MethodPost, "/api/collections/staff/request-password-reset", "", map[string]any{"email": email})
		}},
	}
	docs := map[string]string{}
	for _, name := range []string{"../docs/configuration.md", "../docs/zh/configuration.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		docs[name] = string(text)
	}
	for _, s := range scenarios {
		t.Run(s.route+" "+s.setting, func(t *testing.T) {
			t.Parallel()
			for name, text := range docs {
				if !hasLine(text, "`"+s.route+"`", "`"+s.setting+"`", "`"+s.code+"`") {
					t.Errorf("%s has no line with %s, %s and %s", name, s.route, s.setting, s.code)
				}
			}
			app := limited(t, map[string]string{s.setting: "2"})
			staff := core.NewAuthCollection("staff")
			if err := app.Save(staff); err != nil {
				t.Fatal(err)
			}
			person := app.Stranger(map[string]any{"nickname": "小明", "phone": "13800138000"})
			if s.setting != "WXBASE_LOGINS_PER_MINUTE" {
				person = app.Login("小明")
			}
			for n := range 2 {
				if got := s.ask(app, person, n); got.Code() == s.code {
					t.Fatalf("number %d: got %d %s", n, got.Status, got.Body)
				}
			}
			calls := app.Calls("/wxa/msg_sec_check") + app.Calls("/sns/jscode2session")
			if got := s.ask(app, person, 2); got.Code() != s.code || got.Status != http.StatusTooManyRequests {
				t.Errorf("the third: got %d %s, want %s", got.Status, got.Body, s.code)
			}
			if now := app.Calls("/wxa/msg_sec_check") + app.Calls("/sns/jscode2session"); now != calls {
				t.Errorf("got %d calls of WeChat for what was refused", now-calls)
			}
			if s.setting == "WXBASE_LOGINS_PER_MINUTE" || s.setting == "WXBASE_MAILS_PER_MINUTE" {
				return
			}
			if got := s.ask(app, app.Login("小红"), 3); got.Code() == s.code {
				t.Errorf("another person: got %d %s", got.Status, got.Body)
			}
		})
	}
}

// hasLine tells whether a line of a text has all of these.
func hasLine(text string, parts ...string) bool {
	for line := range strings.Lines(text) {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(line, part)
		}
		if found {
			return true
		}
	}
	return false
}

// TestOrderLimitLeavesRepeats: the same key is the same order, however many are open; superusers are free.
func TestOrderLimitLeavesRepeats(t *testing.T) {
	t.Parallel()
	app := limited(t, map[string]string{"WXBASE_OPEN_ORDERS": "1"})
	person := app.Login("小明")
	body := map[string]any{"items": []map[string]any{{"product": app.Product("三鲜面"), "quantity": 1}}, "key": "k1"}
	first := person.Must(http.MethodPost, "/api/wx/orders", body)
	if again := person.Must(http.MethodPost, "/api/wx/orders", body); again.Text("id") != first.Text("id") {
		t.Errorf("the same key: got %s, want %s", again.Text("id"), first.Text("id"))
	}
	body["key"] = "k2"
	if got := person.Call(http.MethodPost, "/api/wx/orders", body); got.Code() != "order_limit_reached" {
		t.Errorf("a second open one: got %d %s", got.Status, got.Body)
	}
	body["user"] = person.User
	app.Must(http.MethodPost, "/api/wx/orders", app.Superuser(), body)
	orders, err := app.CountRecords("orders")
	if err != nil || orders != 2 {
		t.Errorf("got %d orders, %v, want 2", orders, err)
	}
}

// TestScansAreNotCountedWithoutEnd: the page opens all the same.
func TestScansAreNotCountedWithoutEnd(t *testing.T) {
	t.Parallel()
	app := limited(t, map[string]string{"WXBASE_SCANS_PER_MINUTE": "3"})
	person := app.Login("小明")
	person.Must(http.MethodPost, "/api/wx/codes", map[string]any{"scene": "poster"})
	for range 8 {
		app.Must(http.MethodGet, "/api/wx/scenes/poster", "", nil)
	}
	person.Must(http.MethodGet, "/api/wx/scenes/poster", nil)
	code, err := app.FindFirstRecordByData("wx_codes", "scene", "poster")
	if err != nil || code.GetInt("scans") != 4 {
		t.Errorf("got %d scans, %v, want 3 of the address and 1 of the user", code.GetInt("scans"), err)
	}
}

// TestMailsAreClosed: the shop's mail goes to nobody whose address a user types in.
func TestMailsAreClosed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.PasswordAuth.Enabled, users.OTP.Enabled = true, true
	if err := app.Save(users); err != nil {
		t.Fatal(err)
	}
	user, err := app.FindRecordById("users", person.User)
	if err != nil {
		t.Fatal(err)
	}
	user.SetEmail("one@example.com")
	if err := app.Save(user); err != nil {
		t.Fatal(err)
	}
	if person.Token, err = user.NewAuthToken(); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"request-email-change", "request-verification", "request-password-reset", "request-otp"} {
		for _, collection := range []string{"users", users.Id} {
			body := map[string]any{"email": "one@example.com", "newEmail": "victim@example.com"}
			if got := person.Call(http.MethodPost, "/api/collections/"+collection+"/"+way, body); got.Code() != "mail_closed" {
				t.Errorf("%s of %s: got %d %s, want mail_closed", way, collection, got.Status, got.Body)
			}
		}
	}
	if n := app.TestMailer.TotalSend(); n != 0 {
		t.Errorf("got %d mails, want none", n)
	}
}

// TestImagesAtOnce: a person sends one image at a time, and the server takes in so many together.
func TestImagesAtOnce(t *testing.T) {
	t.Parallel()
	app := limited(t, map[string]string{"WXBASE_CHECK_IMAGES_AT_ONCE": "1"})
	one, other := app.Login("小明"), app.Login("小红")
	release := app.HoldUpload(t, "/api/wx/check/image", one.Token)
	for name, person := range map[string]apptest.Person{"the same person": one, "another one": other} {
		if got := sendForm(t, app, "/api/wx/check/image", person.Token, "file", jpegFile(t), nil); got.Code() != "check_limit_reached" {
			t.Errorf("%s: got %d %s, want check_limit_reached", name, got.Status, got.Body)
		}
	}
	release()
	if got := sendForm(t, app, "/api/wx/check/image", other.Token, "file", jpegFile(t), nil); got.Code() == "check_limit_reached" {
		t.Errorf("afterwards: got %d %s", got.Status, got.Body)
	}
}

// TestProxyIsNoticed: a proxy whose header is not trusted makes all visitors one.
func TestProxyIsNoticed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner := app.Superuser()
	advice := func() string { return string(app.Must(http.MethodGet, "/api/wx/health", owner, nil).Body) }
	if got := advice(); strings.Contains(got, "a proxy sends") {
		t.Fatalf("before: got %s", got)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+"/api/wx/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	app.Do(req)
	if got := advice(); !strings.Contains(got, "a proxy sends X-Forwarded-For, which is not trusted") {
		t.Errorf("after: got %s", got)
	}
	app.Settings().TrustedProxy.Headers = []string{"X-Forwarded-For"}
	if err := app.Save(app.Settings()); err != nil {
		t.Fatal(err)
	}
	if got := advice(); strings.Contains(got, "a proxy sends") {
		t.Errorf("when it is trusted: got %s", got)
	}
}

// TestRefusalsAreCounted: ours by their code, PocketBase's by status.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	app := limited(t, map[string]string{"WXBASE_METRICS": "1", "WXBASE_OPEN_ORDERS": "0"})
	person := app.Login("小明")
	person.Call(http.MethodPost, "/api/wx/orders", map[string]any{})
	app.Call(http.MethodGet, "/api/collections/wx_apps/records", "", nil)
	text := string(app.Must(http.MethodGet, "/metrics", "", nil).Body)
	for _, want := range []string{
		`wxbase_refused_requests_total{code="order_limit_reached"} 1`, `wxbase_refused_requests_total{code="other_403"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %s", want)
		}
	}
}

func TestLimitSettings(t *testing.T) {
	t.Parallel()
	for setting, value := range map[string]string{
		"WXBASE_OPEN_ORDERS": "many", "WXBASE_IMAGE_MEGAPIXELS": "0", "WXBASE_QUERY_SECONDS": "-1", "WXBASE_CHECK_IMAGES_AT_ONCE": "0",
	} {
		_, err := hooks.Register(nil, hooks.Config{Env: func(name string) string { return map[string]string{setting: value}[name] }})
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s=%s: got %v, want it named", setting, value, err)
		}
	}
}

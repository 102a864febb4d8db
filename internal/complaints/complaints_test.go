package complaints_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/complaints"
	"wxbase/internal/desk"
)

// TestWalk is a complaint from the first word to the last: it is made, a notification brings it, it is answered with a picture, a refund is promised
// and made through our own refunds, and it is done.
func TestWalk(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	number := s.complains(map[string]any{"detail": "面坨了，要求退款", "pictures": []string{tinyPNG}})
	row := s.row(number)
	if row.GetString("source") != complaints.SourcePay || row.GetString("state") != complaints.Pending || row.GetString("order") != s.order ||
		row.GetString("user") != s.buyer.User || row.GetInt("applyRefund") != 3600 || row.GetInt("amount") != 3600 {
		t.Fatalf("got %v, want it PENDING beside its order", row.PublicExport())
	}
	if due := row.GetDateTime("dueAt").Time(); !near(due, row.GetDateTime("at").Time().Add(24*time.Hour)) {
		t.Errorf("got due %s, want a day after %s", due, row.GetDateTime("at"))
	}
	s.WaitFor(t, "wx_alerts", dbx.HashExp{"kind": "complaint", "subject": row.Id, "closedAt": ""}, func(*core.Record) bool { return true })
	list := s.admin(http.MethodGet, "?state=open", nil)
	if list.JSON["totalItems"] != 1.0 || strings.Contains(string(list.Body), "13800138000") {
		t.Errorf("got %s, want the one complaint and no phone number", list.Body)
	}
	shown := s.admin(http.MethodGet, "/"+row.Id, nil)
	pictures, _ := shown.JSON["pictures"].([]any)
	if len(pictures) != 1 || shown.JSON["beside"] == nil {
		t.Fatalf("got %s, want a picture and the order beside it", shown.Body)
	}
	picture := s.admin(http.MethodGet, "/"+row.Id+"/pictures/"+pictures[0].(string), nil)
	if !bytes.Equal(picture.Body, png(t)) {
		t.Errorf("got %d bytes, want the payer's picture", len(picture.Body))
	}
	up := s.uploads(row.Id, png(t))
	if up.Status != http.StatusOK || up.Text("picture") == "" {
		t.Fatalf("upload: got %d %s", up.Status, up.Body)
	}
	replied := s.admin(http.MethodPost, "/"+row.Id+"/reply", map[string]any{"text": "非常抱歉，马上为您处理", "pictures": []string{up.Text("picture")}})
	if replied.Text("state") != complaints.Processing || replied.JSON["userWaits"] != false {
		t.Errorf("got %s, want PROCESSING", replied.Body)
	}
	if due := s.row(number).GetDateTime("dueAt").Time(); !near(due, row.GetDateTime("at").Time().Add(72*time.Hour)) {
		t.Errorf("got due %s, want three days after it was made", due)
	}
	s.admin(http.MethodPost, "/"+row.Id+"/decide", map[string]any{"approve": true, "days": 1})
	if n := s.count("refunds", dbx.HashExp{"order": s.order}); n != 0 {
		t.Fatalf("got %d refunds from a promise, want none", n)
	}
	s.Must(http.MethodPost, "/api/wx/orders/"+s.order+"/refunds", s.token, map[string]any{"all": true, "reason": "投诉退款", "key": "complaint-" + row.Id})
	s.settlesRefund()
	s.WaitFor(t, "wx_complaints", dbx.HashExp{"number": number}, func(r *core.Record) bool { return r.GetBool("fullRefunded") })
	done := s.admin(http.MethodPost, "/"+row.Id+"/complete", map[string]any{})
	if done.Text("state") != complaints.Processed || done.JSON["hoursLeft"] != nil {
		t.Errorf("got %s, want it done with nothing due", done.Body)
	}
	want := "USER_CREATE_COMPLAINT MERCHANT_RESPONSE MERCHANT_APPROVE_REFUND COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE MERCHANT_CONFIRM_COMPLETE"
	if got := strings.Join(said(done), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := s.count("wx_alerts", dbx.HashExp{"subject": row.Id, "closedAt": ""}); n != 0 {
		t.Errorf("got %d open alerts, want none", n)
	}
	if again := s.admin(http.MethodPost, "/"+row.Id+"/complete", map[string]any{}); again.Text("state") != complaints.Processed {
		t.Errorf("a second click: got %s", again.Body)
	}
	s.Must(http.MethodPost, "/_sim/complaints/"+number, "", map[string]any{"action": "again"})
	back := s.WaitFor(t, "wx_complaints", dbx.HashExp{"number": number}, func(r *core.Record) bool { return r.GetString("state") == complaints.Pending })
	if due := back.GetDateTime("dueAt").Time(); back.GetInt("times") != 2 || !near(due, s.Clock.Now().Add(24*time.Hour)) {
		t.Errorf("got %d times, due %s, want the time to begin anew", back.GetInt("times"), due)
	}
}

// TestLostNotification: the sweep finds what nobody brought.
func TestLostNotification(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	s.Fault("complaint_notification", "lost", 100)
	number := s.complains(map[string]any{})
	if n := s.count("wx_complaints", nil); n != 0 {
		t.Fatalf("got %d rows before anybody asked, want none", n)
	}
	s.admin(http.MethodPost, "/sweep", map[string]any{})
	row := s.row(number)
	calls := s.Calls("/v3/merchant-service/complaints-v2/" + number)
	s.admin(http.MethodPost, "/sweep", map[string]any{})
	if n := s.Calls("/v3/merchant-service/complaints-v2/"+number) - calls; n != 0 {
		t.Errorf("got %d questions about what has not changed, want none", n)
	}
	if got := s.row(number); got.GetString("updated") != row.GetString("updated") {
		t.Error("a second sweep has written the row anew")
	}
}

// TestForgedNotification: what WeChat has not signed asks nothing and is kept as refused.
func TestForgedNotification(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"wrong_signature", "probe", "stale_time", "no_resource", "xxe"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.hears()
			s.Fault("complaint_notification", kind, 1)
			s.complains(map[string]any{})
			s.WaitFor(t, "wx_complaints", nil, func(*core.Record) bool { return true }) // the next delivery, which is true
			var refused bool
			for _, n := range s.notifications() {
				refused = refused || n.Complaint != nil && n.State == "DELIVERED"
			}
			if n := s.count("wx_inbox", dbx.HashExp{"kind": "complaint", "state": "APPLIED"}); n != 1 || !refused {
				t.Errorf("got %d applied, want one: the true one after the forged one was refused", n)
			}
			if n := s.count("wx_outbox", dbx.HashExp{"effect": complaints.EffectRead}); n != 1 {
				t.Errorf("got %d questions, want one", n)
			}
		})
	}
	t.Run("from anybody", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		body := map[string]any{"id": "x", "event_type": "COMPLAINT.CREATE", "resource": map[string]any{"complaint_id": "200201"}}
		if got := s.Call(http.MethodPost, complaints.NotifyPath(s.merchant), "", body); got.Status < 400 || s.count("wx_outbox", dbx.HashExp{"effect": complaints.EffectRead}) != 0 {
			t.Errorf("got %d %s, want it refused and nothing asked", got.Status, got.Body)
		}
		if got := s.Call(http.MethodPost, complaints.NotifyPath("1900009999"), "", body); got.Status < 400 {
			t.Errorf("another merchant: got %d", got.Status)
		}
	})
}

// TestRepeatedNotification: the same message twice, and three times at once, is applied once.
func TestRepeatedNotification(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"duplicate", "concurrent"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.hears()
			s.Fault("complaint_notification", kind, 1)
			number := s.complains(map[string]any{})
			s.row(number)
			s.WaitFor(t, "wx_inbox", dbx.HashExp{"kind": "complaint"}, func(r *core.Record) bool { return r.GetInt("seen") >= 2 })
			if n := s.count("wx_inbox", dbx.HashExp{"kind": "complaint"}); n != 1 {
				t.Errorf("got %d rows in the inbox, want one", n)
			}
			if n := s.count("wx_outbox", dbx.HashExp{"effect": complaints.EffectRead}); n != 1 {
				t.Errorf("got %d questions, want one", n)
			}
			if n := s.count("wx_alerts", dbx.HashExp{"kind": "complaint"}); n != 1 {
				t.Errorf("got %d alerts, want one", n)
			}
		})
	}
}

// TestUnknownComplaint: a signed message about nothing makes no row, and tells a person.
func TestUnknownComplaint(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	s.Fault("complaint_notification", "unknown_complaint", 1)
	s.complains(map[string]any{})
	s.WaitFor(t, "wx_alerts", dbx.HashExp{"kind": "effect"}, func(*core.Record) bool { return true })
	if n := s.count("wx_complaints", nil); n != 0 {
		t.Errorf("got %d rows, want none", n)
	}
}

// TestLostAnswers: WeChat does what was asked and nobody hears it; the truth is read, and nothing is done twice.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	row := s.row(s.complains(map[string]any{}))
	s.loses("complaint_complete")
	if got := s.admin(http.MethodPost, "/"+row.Id+"/complete", map[string]any{}); got.Text("state") != complaints.Processed {
		t.Errorf("got %s, want what is true: it is done", got.Body)
	}
	s.Must(http.MethodPost, "/_sim/complaints/"+row.GetString("number"), "", map[string]any{"action": "again"})
	s.WaitFor(t, "wx_complaints", dbx.HashExp{"id": row.Id}, func(r *core.Record) bool { return r.GetString("state") == complaints.Pending })
	s.loses("complaint_reply")
	got := s.Call(http.MethodPost, "/api/wx/admin/complaints/"+row.Id+"/reply", s.token, map[string]any{"text": "您好"})
	if got.Code() != "pay_busy" {
		t.Errorf("got %d %s, want it said that nobody knows", got.Status, got.Body)
	}
	shown := s.admin(http.MethodGet, "/"+row.Id, nil)
	if !slices.Contains(said(shown), "MERCHANT_RESPONSE") || shown.Text("state") != complaints.Processing {
		t.Errorf("got %s, want the reply that has arrived", shown.Body)
	}
}

// TestDeadlines: a person is called when a complaint comes, and again when little time is left.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	row := s.row(s.complains(map[string]any{"problem": "OTHERS"}))
	s.WaitFor(t, "wx_alerts", dbx.HashExp{"kind": "complaint", "subject": row.Id}, func(*core.Record) bool { return true })
	s.runs("wxComplaintsDue")
	if n := s.count("wx_alerts", dbx.HashExp{"kind": "complaint_due"}); n != 0 {
		t.Fatalf("got %d alerts, want nobody called with a day left", n)
	}
	s.Clock.Advance(19 * time.Hour)
	s.runs("wxComplaintsDue")
	s.runs("wxComplaintsDue")
	if n := s.count("wx_alerts", dbx.HashExp{"kind": "complaint_due", "subject": row.Id, "seen": 1}); n != 1 {
		t.Errorf("got %d alerts, want one that is seen once", n)
	}
	attention := s.Must(http.MethodGet, "/api/wx/admin/attention", s.token, nil)
	if !strings.Contains(string(attention.Body), `"/complaints/`+row.Id+`"`) {
		t.Errorf("got %s, want it to lead to the complaint", attention.Body)
	}
	list := s.admin(http.MethodGet, "", nil)
	item := list.JSON["items"].([]any)[0].(map[string]any)
	if left, _ := item["hoursLeft"].(float64); left < 4.5 || left > 5.1 {
		t.Errorf("got %v hours, want five", item["hoursLeft"])
	}
	if got := s.Call(http.MethodPost, "/api/wx/admin/complaints/"+row.Id+"/decide", s.token, map[string]any{"approve": true}); got.Code() != "complaint_no_wish" {
		t.Errorf("got %s, want nothing to decide", got.Body)
	}
}

// TestPhone: it is decrypted for who may see it, the audit says who, and it is nowhere else.
func TestPhone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	row := s.row(s.complains(map[string]any{}))
	trade := s.Must(http.MethodPost, "/_sim/people/"+s.buyer.ID+"/complain", "", map[string]any{"platform": true})
	other := s.row(strconv.Itoa(int(trade.JSON["id"].(float64))))
	for _, id := range []string{row.Id, other.Id} {
		if got := s.admin(http.MethodPost, "/"+id+"/phone", map[string]any{}); got.Text("phone") != "13800138000" {
			t.Errorf("got %s, want the number", got.Body)
		}
	}
	viewer := s.staff(desk.Viewer)
	if got := s.Call(http.MethodPost, "/api/wx/admin/complaints/"+row.Id+"/phone", viewer, map[string]any{}); got.Code() != "staff_not_allowed" {
		t.Errorf("a viewer: got %s", got.Body)
	}
	if n := s.count("wx_audit", dbx.HashExp{"action": "complaint.phone"}); n != 3 {
		t.Errorf("got %d rows in the audit, want one for each who asked", n)
	}
	for _, table := range []string{"wx_complaints", "wx_inbox", "wx_outbox", "wx_audit", "wx_alerts"} {
		rows, err := s.FindAllRecords(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for _, f := range r.Collection().Fields.FieldNames() {
				if strings.Contains(r.GetString(f), "13800138000") {
					t.Errorf("%s.%s holds the number: %s", table, f, r.GetString(f))
				}
			}
		}
	}
}

// TestPlatform is a trade complaint: 48 hours, an answer, a proof, and what the platform does by itself.
func TestPlatform(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	trade := s.Must(http.MethodPost, "/_sim/people/"+s.buyer.ID+"/complain", "", map[string]any{"platform": true, "detail": "一直没有发货"})
	number := strconv.Itoa(int(trade.JSON["id"].(float64)))
	row := s.row(number)
	if row.GetString("source") != complaints.SourcePlatform || row.GetInt("status") != 201 || row.GetString("order") != s.order || row.GetString("detail") != "一直没有发货" {
		t.Fatalf("got %v", row.PublicExport())
	}
	if due := row.GetDateTime("dueAt").Time(); !near(due, s.Clock.Now().Add(48*time.Hour)) {
		t.Errorf("got due %s, want 48 hours", due)
	}
	reply := func(in map[string]any) string {
		t.Helper()
		got := s.Call(http.MethodPost, "/api/wx/admin/complaints/"+row.Id+"/reply", s.token, in)
		if got.Status == http.StatusOK {
			return strconv.Itoa(int(got.JSON["status"].(float64)))
		}
		return got.Code()
	}
	up := s.uploads(row.Id, png(t))
	for _, step := range []struct {
		in   map[string]any
		want string
	}{
		{map[string]any{"text": "同意"}, "field_invalid"},
		{map[string]any{"text": "同意退款", "agree": true, "pictures": []string{"nobody's"}}, "complaint_refused"},
		{map[string]any{"text": "同意退款", "agree": true}, "206"},
		{map[string]any{"text": "退款截图", "refunded": true, "pictures": []string{up.Text("picture")}}, "301"},
		{map[string]any{"text": "还有"}, "complaint_nothing_due"},
	} {
		if got := reply(step.in); got != step.want {
			t.Errorf("%v: got %s, want %s", step.in, got, step.want)
		}
	}
	if got := s.row(number); !got.GetDateTime("dueAt").IsZero() || got.GetString("state") != complaints.Processing {
		t.Errorf("got %v, want nothing due", got.PublicExport())
	}
	s.Must(http.MethodPost, "/_sim/complaints/"+number, "", map[string]any{"status": 206, "said": "请补充凭证"})
	s.WaitFor(t, "wx_complaints", dbx.HashExp{"number": number}, func(r *core.Record) bool { return r.GetInt("status") == 206 && !r.GetDateTime("dueAt").IsZero() })
	if got := s.Call(http.MethodPost, "/api/wx/admin/complaints/"+row.Id+"/complete", s.token, map[string]any{}); got.Code() != "complaint_elsewhere" {
		t.Errorf("got %s, want the platform to end it", got.Body)
	}
}

// TestAddress: an address of another program is left alone until somebody takes it.
func TestAddress(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	address := s.URL + complaints.NotifyPath(s.merchant)
	if n := s.Calls("/v3/merchant-service/complaint-notifications"); n != 3 { // looked, looked before it was made, made
		t.Errorf("got %d calls, want the address set once", n)
	}
	s.hears()
	if n := s.Calls("/v3/merchant-service/complaint-notifications"); n != 4 {
		t.Errorf("got %d calls, want one look more", n)
	}
	if got := s.admin(http.MethodPost, "/address", map[string]any{"merchant": s.merchant}); got.Text("address") != address {
		t.Errorf("got %s, want %s", got.Body, address)
	}
	clerk := s.staff(desk.Clerk)
	if got := s.Call(http.MethodPost, "/api/wx/admin/complaints/address", clerk, map[string]any{"merchant": s.merchant}); got.Code() != "staff_not_allowed" {
		t.Errorf("a clerk: got %s", got.Body)
	}
}

// TestPicturesOfOthers: WeChat is asked for no picture that the complaint does not have.
func TestPicturesOfOthers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	row := s.row(s.complains(map[string]any{}))
	for _, id := range []string{"somebody-elses", "..%2F..%2Fcertificates"} {
		if got := s.Call(http.MethodGet, "/api/wx/admin/complaints/"+row.Id+"/pictures/"+id, s.token, nil); got.Status != http.StatusNotFound {
			t.Errorf("%s: got %d %s", id, got.Status, got.Body)
		}
	}
	if got := s.uploads(row.Id, []byte("<svg onload=alert(1)>")); got.Code() != "field_invalid" {
		t.Errorf("got %s, want no picture taken for one", got.Body)
	}
}

// TestForgottenPayer: who complains and waits is not forgotten, and the sweep does not bring back what was deleted.
func TestForgottenPayer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.hears()
	s.Must(http.MethodPost, "/api/wx/orders/"+s.order+"/refunds", s.token, map[string]any{"all": true})
	s.settlesRefund()
	s.WaitFor(t, "orders", dbx.HashExp{"id": s.order}, func(r *core.Record) bool { return r.GetString("payState") == "REFUNDED" })
	number := s.complains(map[string]any{"problem": "OTHERS"})
	row := s.row(number)
	if got := s.buyer.Call(http.MethodDelete, "/api/wx/me", nil); got.Code() != "forget_money_under_way" {
		t.Errorf("got %d %s, want the complaint to end first", got.Status, got.Body)
	}
	s.admin(http.MethodPost, "/"+row.Id+"/complete", map[string]any{})
	s.Must(http.MethodPost, "/api/wx/admin/users/"+s.buyer.User+"/forget", s.token, map[string]any{"reason": "asked by letter", "days": 0})
	s.WaitFor(t, "wx_erasures", dbx.HashExp{"user": s.buyer.User}, func(r *core.Record) bool { return r.GetString("state") == "DONE" })
	s.hears()
	if n := s.count("wx_complaints", nil); n != 0 {
		t.Errorf("got %d rows about somebody who was forgotten, want none", n)
	}
}

// TestFirstSweep: after the first sale the server tells WeChat where it is, without anybody's asking.
func TestFirstSweep(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *hooks.Config) { c.SweepEvery = 20 * time.Millisecond })
	for end := time.Now().Add(30 * time.Second); s.Calls("/v3/merchant-service/complaint-notifications") < 3; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("WeChat was not told of an address")
		}
	}
	s.row(s.complains(map[string]any{}))
}

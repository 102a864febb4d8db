package codes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/codes"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/metrics"
)

const (
	unlimitedPath = "/wxa/getwxacodeunlimit"
	plainPath     = "/wxa/getwxacode"
	schemePath    = "/wxa/generatescheme"
)

type kit struct {
	*roomtest.Kit

	codes *codes.Codes
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t)}
	k.codes = &codes.Codes{
		App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Locks: k.Locks, Limits: limit.Usual(), Metrics: metrics.New(),
		PerDay: codes.CodesPerDay, InviteWithin: 24 * time.Hour, OnCodeScanned: &hook.Hook[*events.ScanEvent]{},
	}
	k.WeChat.Always(unlimitedPath, picture(t))
	k.WeChat.Always(plainPath, picture(t))
	return k
}

// picture is any image that WeChat might send.
func picture(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (k *kit) create(as *core.Record, fields map[string]any) roomtest.Answer {
	fields["appid"] = roomtest.AppID
	return k.Call(k.codes.CreateCode, roomtest.Request{As: as, Body: fields})
}

// TestEqualRequestsAtOnce: one code, one call of WeChat.
func TestEqualRequestsAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	ids := make([]string, 8)
	roomtest.AtOnce(len(ids), func(i int) {
		a := k.create(anna, map[string]any{"payload": map[string]any{"b": 2, "a": 1}, "page": "pages/item/item"})
		ids[i] = a.Text("id")
		if a.Status != 200 {
			t.Errorf("got %d %q (%v), want 200", a.Status, a.Code, a.Err)
		}
	})
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("got codes %v, want one", ids)
		}
	}
	if n := len(k.WeChat.Calls(unlimitedPath)); n != 1 || k.Count("wx_codes") != 1 {
		t.Errorf("got %d calls of WeChat and %d codes, want 1 and 1", n, k.Count("wx_codes"))
	}
}

// TestEqualScenesAtOnce: two people, one short payload. A scene leads to one code only, so only one of them gets the packed one.
func TestEqualScenesAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	owners := make([]*core.Record, 6)
	for i := range owners {
		owners[i] = k.Person(fmt.Sprint("P", i))
	}
	scenes := make([]string, len(owners))
	roomtest.AtOnce(len(owners), func(i int) {
		scenes[i] = k.create(owners[i], map[string]any{"payload": map[string]any{"id": 7}}).Text("scene")
	})
	seen := map[string]bool{}
	for i, s := range scenes {
		if s == "" || seen[s] {
			t.Errorf("got scenes %v, want each of them once", scenes)
			break
		}
		seen[s] = true
		a := k.Call(k.codes.OpenScene, roomtest.Request{Method: "GET", Path: map[string]string{"scene": s}})
		if raw, err := json.Marshal(a.JSON["payload"]); err != nil || string(raw) != `{"id":7}` {
			t.Errorf("scene %d: got %s (%v %v), want the payload", i, raw, err, a.Err)
		}
	}
}

func TestCodeArguments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	scenarios := []struct {
		name   string
		fields map[string]any
		code   string
	}{
		{"neither payload nor scene", map[string]any{}, answer.CodeArgs.Code},
		{"payload and scene", map[string]any{"payload": 1, "scene": "a"}, answer.CodeArgs.Code},
		{"scene of 33", map[string]any{"scene": strings.Repeat("a", 33)}, answer.CodeArgs.Code},
		{"Chinese scene", map[string]any{"scene": "面"}, answer.CodeArgs.Code},
		{"payload over 4 KB", map[string]any{"payload": strings.Repeat("a", 5000)}, answer.CodeArgs.Code},
		{"a number of 20 digits", map[string]any{"payload": json.RawMessage("12345678901234567890")}, answer.CodeArgs.Code},
		{"a number of 16 digits", map[string]any{"payload": 1234567890123456}, answer.CodeArgs.Code},
		{"a broken number", map[string]any{"payload": 1.5}, answer.CodeArgs.Code},
		{"a number of 15 digits", map[string]any{"payload": 123456789012345}, ""},
		{"the number 0", map[string]any{"payload": 0}, ""},
		{"a payload of the kind code", map[string]any{"kind": "code", "payload": 1, "page": "a"}, answer.CodeArgs.Code},
		{"an unknown kind", map[string]any{"kind": "round", "scene": "a"}, answer.CodeArgs.Code},
		{"a page with a slash before it", map[string]any{"scene": "a", "page": "/pages/a"}, answer.CodeArgs.Code},
		{"a plain scene", map[string]any{"scene": "table=5"}, ""},
	}
	for _, s := range scenarios {
		status := 200
		if s.code != "" {
			status = 400
		}
		k.Want(s.name, k.create(anna, s.fields), status, s.code)
	}
}

// TestWhatWeChatSendsForAPicture: each thing that is no picture has a code of its own, and only what was surely not made is not counted.
func TestWhatWeChatSendsForAPicture(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	scenarios := []struct {
		name    string
		reply   any
		problem answer.Problem
		counts  bool
	}{
		{"an unpublished page", roomtest.Errcode(41030), answer.CodePage, false},
		{"too many in a minute", roomtest.Errcode(45009), answer.WxRate, false},
		{"no more of this kind", roomtest.Errcode(45029), answer.CodeQuota, false},
		{"a web page", []byte("<!DOCTYPE html><html><body>502</body></html>"), answer.CodeHTML, true},
	}
	for i, s := range scenarios {
		k.WeChat.Always(plainPath, s.reply)
		user := k.Person(fmt.Sprint("P", i))
		k.Want(s.name, k.create(user, map[string]any{"kind": "code", "page": "pages/a"}), s.problem.Status, s.problem.Code)
		rows, err := k.FindAllRecords("wx_quotas", dbx.Like("key", "codes/user/"+user.Id))
		if err != nil || len(rows) != 1 || (rows[0].GetInt("used") == 1) != s.counts {
			t.Errorf("%s: got %d rows (%v), want one that counts: %v", s.name, len(rows), err, s.counts)
		}
	}
	if n := k.Count("wx_codes"); n != 0 {
		t.Errorf("got %d codes, want none", n)
	}
}

func TestCodesPerDay(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.codes.PerDay = 3
	anna, bob, owner := k.Person("Anna"), k.Person("Bob"), k.Superuser()
	roomtest.AtOnce(6, func(i int) { k.create(anna, map[string]any{"payload": i}) })
	if n := k.Count("wx_codes"); n != 3 {
		t.Errorf("got %d codes of six that were asked for at once, want 3", n)
	}
	k.Want("a new one", k.create(anna, map[string]any{"payload": "new"}), answer.CodeUserQuota.Status, answer.CodeUserQuota.Code)
	k.Want("of somebody else", k.create(bob, map[string]any{"payload": "new"}), 200, "")
	k.Want("of the owner", k.create(owner, map[string]any{"payload": "new"}), 200, "")
	k.Clock.Advance(24 * time.Hour)
	k.Want("the next day", k.create(anna, map[string]any{"payload": "new"}), 200, "")
}

// TestPlainScenes: they are of nobody, and where the owner says so only the owner makes new ones.
func TestPlainScenes(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.codes.PlainBySuperusers = true
	anna, owner := k.Person("Anna"), k.Superuser()
	k.Want("a new one", k.create(anna, map[string]any{"scene": "table=5"}), answer.SceneReserved.Status, answer.SceneReserved.Code)
	made := k.create(owner, map[string]any{"scene": "table=5"})
	again := k.create(anna, map[string]any{"scene": "table=5"})
	if again.Text("id") != made.Text("id") || again.JSON["reused"] != true {
		t.Errorf("got %v, want the owner's code %v", again.JSON, made.JSON)
	}
	k.Want("a payload", k.create(anna, map[string]any{"payload": 1}), 200, "")
}

// backdate makes an account older.
func (k *kit) backdate(t *testing.T, user *core.Record, by time.Duration) {
	t.Helper()
	at := k.Clock.Now().Add(-by).UTC().Format("2006-01-02 15:04:05.000Z")
	if _, err := k.NonconcurrentDB().Update("users", dbx.Params{"created": at}, dbx.HashExp{"id": user.Id}).Execute(); err != nil {
		t.Fatal(err)
	}
}

func (k *kit) scan(as *core.Record, scene string) roomtest.Answer {
	return k.Call(k.codes.OpenScene, roomtest.Request{As: as, Method: "GET", Path: map[string]string{"scene": scene}})
}

// TestScansAddUp: many people at once; guests share a row, and what is too much is not counted but opens.
func TestScansAddUp(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	anna := k.Person("Anna")
	scene := k.create(anna, map[string]any{"payload": 1}).Text("scene")
	roomtest.AtOnce(10, func(i int) {
		as := anna
		if i%2 == 0 {
			as = nil
		}
		if a := k.scan(as, url.QueryEscape(scene)); a.Status != 200 {
			t.Errorf("got %d %q (%v), want the page", a.Status, a.Code, a.Err)
		}
	})
	if code := k.Only("wx_codes"); code.GetInt("scans") != 10 || k.Count("wx_scans") != 2 {
		t.Errorf("got %d scans in %d rows, want 10 in 2", code.GetInt("scans"), k.Count("wx_scans"))
	}
	k.codes.Limits.ScansPerMinute = 1
	k.Clock.Advance(time.Hour)
	for range 3 {
		k.Want("over and over", k.scan(anna, scene), 200, "")
	}
	if got := k.Only("wx_codes").GetInt("scans"); got != 11 {
		t.Errorf("got %d scans, want only one more", got)
	}
	k.Want("a scene of nobody", k.scan(anna, "none"), answer.SceneMissing.Status, answer.SceneMissing.Code)
}

// TestInviters: the owner of the first code that a new user has scanned, who was there before them.
func TestInviters(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	host, other := k.Person("Host"), k.Person("Other")
	for _, u := range []*core.Record{host, other} {
		k.backdate(t, u, 90*24*time.Hour)
	}
	hosts, others := k.create(host, map[string]any{"payload": 1}).Text("scene"), k.create(other, map[string]any{"payload": 2}).Text("scene")
	scenarios := []struct {
		name  string
		age   time.Duration // of the account
		scans []string
		want  string
	}{
		{"new", time.Hour, []string{hosts}, host.Id},
		{"new, with a second code", time.Hour, []string{hosts, others}, host.Id},
		{"a day old", 24*time.Hour - time.Second, []string{hosts}, host.Id},
		{"older", 24*time.Hour + time.Second, []string{hosts}, ""},
	}
	for i, s := range scenarios {
		guest := k.Person(fmt.Sprint("G", i))
		k.backdate(t, guest, s.age)
		for _, code := range s.scans {
			k.scan(guest, code)
		}
		rows, err := k.FindAllRecords("wx_invites", dbx.HashExp{"user": guest.Id})
		got := ""
		if len(rows) == 1 {
			got = rows[0].GetString("inviter")
		}
		if err != nil || len(rows) > 1 || got != s.want {
			t.Errorf("%s: got %d rows and %q (%v), want %q", s.name, len(rows), got, err, s.want)
		}
	}
	k.scan(host, hosts)
	young := k.Person("Young")
	k.backdate(t, young, time.Minute)
	before := k.Count("wx_invites")
	elder := k.Person("Elder")
	k.backdate(t, elder, 2*time.Minute)
	k.scan(elder, k.create(young, map[string]any{"payload": 3}).Text("scene"))
	if n := k.Count("wx_invites"); n != before {
		t.Error("got an inviter who is younger than the guest, or oneself")
	}
	k.codes.ClaimScan(k.TestApp, hosts, young.Id)
	k.codes.ClaimScan(k.TestApp, "none", elder.Id)
	if n := k.Count("wx_invites"); n != before+1 {
		t.Errorf("got %d invites, want the scan before the login claimed", n)
	}
}

// TestMergeScans: where two users become one, their scans are added up and the kept one's inviter stays.
func TestMergeScans(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	host, keep, lose := k.Person("Host"), k.Person("Keep"), k.Person("Lose")
	k.backdate(t, host, 90*24*time.Hour)
	scene := k.create(host, map[string]any{"payload": 1}).Text("scene")
	for _, who := range []*core.Record{keep, lose, lose} {
		k.scan(who, scene)
	}
	err := k.RunInTransaction(func(tx core.App) error {
		return errors.Join(codes.MergeScans(tx, keep.Id, lose.Id), tx.Delete(lose))
	})
	if err != nil {
		t.Fatal(err)
	}
	if row := k.Only("wx_scans"); row.GetInt("count") != 3 || row.GetString("user") != keep.Id {
		t.Errorf("got %v, want three scans of the kept user", row.FieldsData())
	}
	if row := k.Only("wx_invites"); row.GetString("user") != keep.Id {
		t.Errorf("got %v, want the kept user's inviter", row.FieldsData())
	}
}

func (k *kit) link(as *core.Record, fields map[string]any) roomtest.Answer {
	fields["appid"] = roomtest.AppID
	return k.Call(k.codes.CreateLink, roomtest.Request{As: as, Body: fields})
}

// TestLinks: the same request gives the same link until a tenth of its life is left.
func TestLinks(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.WeChat.On(schemePath, func(roomtest.Call) any {
		return map[string]any{"errcode": 0, "openlink": fmt.Sprint("weixin://dl/business/?t=", len(k.WeChat.Calls(schemePath)))}
	})
	owner := k.Superuser()
	ask := func() string {
		return k.link(owner, map[string]any{"kind": "scheme", "path": "pages/a", "expire": 1000}).Text("url")
	}
	first := ask()
	k.Clock.Advance(890 * time.Second)
	if again := ask(); again != first || first == "" {
		t.Errorf("got %q, want %q while more than a tenth is left", again, first)
	}
	k.Clock.Advance(20 * time.Second)
	if later := ask(); later == first {
		t.Errorf("got %q again with a tenth left, want a new one", later)
	}
	urls := make([]string, 5)
	roomtest.AtOnce(len(urls), func(i int) { urls[i] = k.link(owner, map[string]any{"kind": "scheme", "path": "pages/b"}).Text("url") })
	if n := len(k.WeChat.Calls(schemePath)); n != 3 {
		t.Errorf("got %d calls of WeChat, want 3: equal requests at once make one link", n)
	}
	k.Want("an unknown kind", k.link(owner, map[string]any{"kind": "round", "path": "pages/a"}), 400, answer.LinkArgs.Code)
	k.Want("59 seconds", k.link(owner, map[string]any{"kind": "scheme", "path": "pages/a", "expire": 59}), 400, answer.LinkArgs.Code)
}

func TestLinksOfUsers(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.codes.PerDay = 1
	k.WeChat.Always(schemePath, roomtest.Errcode(85400))
	anna := k.Person("Anna")
	k.Want("WeChat has no more", k.link(anna, map[string]any{"kind": "scheme", "path": "pages/a"}), answer.LinkQuota.Status, answer.LinkQuota.Code)
	k.WeChat.Always(schemePath, map[string]any{"errcode": 0, "openlink": "weixin://dl/business/?t=1"})
	k.Want("the first", k.link(anna, map[string]any{"kind": "scheme", "path": "pages/a"}), 200, "")
	k.Want("the first again", k.link(anna, map[string]any{"kind": "scheme", "path": "pages/a"}), 200, "")
	k.Want("the second", k.link(anna, map[string]any{"kind": "scheme", "path": "pages/b"}), answer.LinkUserQuota.Status, answer.LinkUserQuota.Code)
}

package moving_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"wxbase/internal/apptest"
	"wxbase/internal/moving"
)

// stranger is a person of the simulated WeChat who has no account here, and their openid: made by a login whose user is deleted again.
func stranger(t *testing.T, app *apptest.App, name string) (apptest.Person, string) {
	t.Helper()
	person := app.Login(name)
	identity, err := app.FindFirstRecordByData("wx_identities", "user", person.User)
	if err != nil {
		t.Fatal(err)
	}
	openID := identity.GetString("openid")
	user, err := app.FindRecordById("users", person.User)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Delete(user); err != nil {
		t.Fatal(err)
	}
	if n := count(t, app, "wx_identities"); n != 0 {
		t.Fatalf("identities of a deleted user: got %d, want 0", n)
	}
	return person, openID
}

// TestWeChatMeetsOldAccount: the first wx.login after an import finds the account of LeanCloud; who has been here before keeps theirs.
func TestWeChatMeetsOldAccount(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	old, openID := stranger(t, app, "老用户")
	here := app.Login("新用户")
	theirs, err := app.FindFirstRecordByData("wx_identities", "user", here.User)
	if err != nil {
		t.Fatal(err)
	}
	const line = `{"objectId":"%s","username":"%s","createdAt":"2024-03-01T04:00:00.000Z","updatedAt":"2024-03-01T04:00:00.000Z","authData":{"lc_weapp":{"openid":"%s"}}}` + "\n"
	const note = `{"objectId":"n1","by":{"__type":"Pointer","className":"_User","objectId":"b"}}`
	dir := files(t, map[string]string{
		"_User.jsonl": fmt.Sprintf(line, "a", "laoyonghu", openID) + fmt.Sprintf(line, "b", "xinyonghu", theirs.GetString("openid")), "Note.json": "[" + note + "]",
	})
	for range 2 {
		run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	}
	login := app.LoginWith(map[string]any{"code": old.LoginCode()})
	record, _ := login.JSON["record"].(map[string]any)
	if want := userID(t, app, "a"); login.Status != http.StatusOK || record["id"] != want {
		t.Errorf("first wx.login: got %d %v, want user %s", login.Status, record["id"], want)
	}
	if again := here.Again(); again.Status != http.StatusOK || count(t, app, "users") != 2 {
		t.Errorf("who was here before: got %d and %d users, want 2", again.Status, count(t, app, "users"))
	}
	moved, err := app.FindRecordById("Note", "n1")
	if err != nil || moved.GetString("by") != here.User {
		t.Errorf("a row of who was here before: got %v %v, want %s", moved, err, here.User)
	}
}

// TestNamesDoNotCollide: classes and keys that have a name of ours get another one, and rows of ours stay as they are.
func TestNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	before := dump(t, app, "products") + dump(t, app, "orders")
	dir := files(t, map[string]string{
		"orders.json": `[{"objectId":"o1","id":"x","payState":"PAID","total":1}]`, "products.json": `{"results":[{"objectId":"p1","price":1}]}`,
		"_Role.json": `[{"objectId":"r1","name":"admin"}]`, "wx_ledger.jsonl": `{"objectId":"l1","to":"PAID"}`, "wx_outbox.metadata.json": `{}`,
	})
	m := mover(t, app, leanCloud(t, dir), app.AppID())
	run(t, m)
	run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	for class, want := range map[string]string{"orders": "lc_orders", "products": "lc_products", "_Role": "lc_role", "wx_ledger": "lc_wx_ledger"} {
		if got := m.Plan.Class(class).Collection; got != want || count(t, app, want) != 1 {
			t.Errorf("class %s: got %s, want %s with a row", class, got, want)
		}
	}
	if dump(t, app, "products")+dump(t, app, "orders") != before || count(t, app, "wx_ledger") != 0 {
		t.Error("rows of ours have changed")
	}
}

// TestAccessFollowsACL: rows are closed where an ACL cannot be said by a rule.
func TestAccessFollowsACL(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner, openID := stranger(t, app, "主人")
	const user = `{"objectId":"u1","username":"u1","authData":{"lc_weapp":{"openid":"%s"}}}`
	rows := []string{
		`{"objectId":"public","t":"1","ACL":{"*":{"read":true}}}`, `{"objectId":"mine","t":"1","ACL":{"u1":{"read":true,"write":true}}}`,
		`{"objectId":"role","t":"1","ACL":{"role:admin":{"read":true,"write":true}}}`, `{"objectId":"none","t":"1"}`,
		`{"objectId":"two","t":"1","ACL":{"u1":{"read":true,"write":true},"u2":{"read":true}}}`,
		`{"objectId":"other","t":"1","ACL":{"u2":{"read":true,"write":true}}}`, `{"objectId":"anyone","t":"1","ACL":{"*":{"read":true,"write":true}}}`,
	}
	dir := files(t, map[string]string{"_User.jsonl": fmt.Sprintf(user, openID), "Note.jsonl": strings.Join(rows, "\n")})
	m := mover(t, app, leanCloud(t, dir), app.AppID())
	run(t, m)
	if got := m.Plan.Class("Note").Access.Partly; got != 3 {
		t.Errorf("rows that a rule cannot say: got %d, want 3", got)
	}
	token := app.LoginWith(map[string]any{"code": owner.LoginCode()}).Text("token")
	stranger := app.Login("别人").Token
	scenarios := []struct {
		row, who, token, method string
		status                  int
	}{
		{"public", "a guest", "", http.MethodGet, 200},
		{"anyone", "a guest", "", http.MethodGet, 200},
		{"mine", "a guest", "", http.MethodGet, 404},
		{"role", "a guest", "", http.MethodGet, 404},
		{"none", "a guest", "", http.MethodGet, 404},
		{"other", "a guest", "", http.MethodGet, 404},
		{"mine", "the owner", token, http.MethodGet, 200},
		{"role", "the owner", token, http.MethodGet, 404},
		{"two", "the owner", token, http.MethodGet, 404},
		{"other", "the owner", token, http.MethodGet, 404},
		{"mine", "another", stranger, http.MethodGet, 404},
		{"mine", "another", stranger, http.MethodPatch, 404},
		{"anyone", "another", stranger, http.MethodPatch, 404},
		{"public", "the owner", token, http.MethodPatch, 404},
		{"mine", "the owner", token, http.MethodPatch, 200},
	}
	for _, s := range scenarios {
		var body any
		if s.method == http.MethodPatch {
			body = map[string]any{"t": "2"}
		}
		if got := app.Call(s.method, "/api/collections/Note/records/"+s.row, s.token, body); got.Status != s.status {
			t.Errorf("%s %s as %s: got %d, want %d", s.method, s.row, s.who, got.Status, s.status)
		}
	}
	given := app.Call(http.MethodPatch, "/api/collections/Note/records/mine", token, map[string]any{"aclPublic": true})
	if given.Status != http.StatusNotFound {
		t.Errorf("an owner who opens a row: got %d, want 404", given.Status)
	}
}

// TestFilesComeWithChecksum: a damaged file is named and left out, and tried again by the next run.
func TestFilesComeWithChecksum(t *testing.T) {
	t.Parallel()
	app, good := apptest.New(t), []byte("一张图片")
	served := map[string][]byte{"/a.png": good, "/b.png": []byte("cut")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(served[r.URL.Path]) }))
	t.Cleanup(server.Close)
	sum := md5.Sum(good)
	const row = `{"objectId":"%s","name":"%s.png","url":"%s","mime_type":"image/png","metaData":{"size":%d,"_checksum":"%s"}}` + "\n"
	var all strings.Builder
	for _, name := range []string{"a", "b"} {
		fmt.Fprintf(&all, row, name, name, server.URL+"/"+name+".png", len(good), hex.EncodeToString(sum[:]))
	}
	dir := files(t, map[string]string{
		"_File.jsonl": all.String(), "Goods.jsonl": `{"objectId":"g1","image":{"__type":"File","id":"a","name":"a.png","url":"` + server.URL + `/a.png"}}`,
	})
	report := run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	if report.Files != 1 || len(report.FilesFailed) != 1 || !strings.Contains(report.FilesFailed[0], "checksum") {
		t.Fatalf("first run: got %d files, failed %v", report.Files, report.FilesFailed)
	}
	served["/b.png"] = good
	if report = run(t, mover(t, app, leanCloud(t, dir), app.AppID())); report.Files != 1 || len(report.FilesFailed) != 0 {
		t.Errorf("second run: got %d files, failed %v", report.Files, report.FilesFailed)
	}
	goods, err := app.FindRecordById("Goods", "g1")
	if err != nil || goods.GetString("image") != "a" {
		t.Fatalf("goods: got %v %v, want the file a", goods, err)
	}
	got := app.Call(http.MethodGet, "/api/files/lc_file/a/a.png", "", nil)
	if !bytes.Equal(got.Body, good) {
		t.Errorf("file: got %d %q, want %q", got.Status, got.Body, good)
	}
}

// TestBSON: what mongodump writes, zipped.
func TestBSON(t *testing.T) {
	t.Parallel()
	app, at := apptest.New(t), time.Date(2024, 3, 1, 4, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	for i := range 3 {
		raw, err := bson.Marshal(bson.D{
			{Key: "_id", Value: fmt.Sprintf("row%d", i)},
			{Key: "createdAt", Value: at},
			{Key: "n", Value: int64(i)},
			{Key: "half", Value: 0.5},
			{Key: "raw", Value: []byte{1, 2}},
			{Key: "in", Value: bson.D{{Key: "list", Value: bson.A{1, "a", nil}}}},
			{Key: "_p_to", Value: "Note$row1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = zipped.Write(raw)
	}
	_ = zipped.Close()
	dir := files(t, map[string]string{"Note.x12ab.bson.gz": out.String()})
	run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	note, err := app.FindRecordById("Note", "row2")
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"n": "2", "half": "0.5", "raw": "AQI=", "in": `{"list":[1,"a",null]}`, "to": "row1", "created": "2024-03-01 04:00:00.000Z",
	} {
		if got := note.GetString(field); got != want {
			t.Errorf("%s: got %q, want %q", field, got, want)
		}
	}
}

// TestScanGoesOn: pages of a running app, one of which fails once; a second call after a refusal goes on where the first stopped.
func TestScanGoesOn(t *testing.T) {
	t.Parallel()
	asked, broken := 0, true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("X-LC-Id") != "app" || r.Header.Get("X-LC-Key") != "key,master" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		cursor := r.URL.Query().Get("cursor")
		switch {
		case r.URL.Path == "/1.1/schemas":
			_, _ = w.Write([]byte(`{"Note":{}}`))
		case asked == 2:
			w.WriteHeader(http.StatusBadGateway)
		case cursor == "":
			_, _ = w.Write([]byte(`{"results":[{"objectId":"1"},{"objectId":"2"}],"cursor":"two"}`))
		case broken:
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = w.Write([]byte(`{"results":[{"objectId":"3"}]}`))
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	scan := moving.Scan{Base: server.URL, AppID: "app", MasterKey: "key", Pause: time.Nanosecond}
	if err := scan.Download(t.Context(), dir, nil, nil); err == nil || strings.Contains(err.Error(), "key,master") {
		t.Fatalf("a refusal: got %v", err)
	}
	broken = false
	if err := scan.Download(t.Context(), dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "Note.jsonl"))
	var ids []string
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var row struct{ ObjectID string }
		if err := decoder.Decode(&row); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ObjectID)
	}
	if err != nil || strings.Join(ids, ",") != "1,2,3" {
		t.Errorf("rows: got %v %v, want 1,2,3", ids, err)
	}
}

// TestRelationsAreFilled: from a join table, and what points to nothing is counted.
func TestRelationsAreFilled(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	dir := files(t, map[string]string{
		"_User.jsonl":             `{"objectId":"u1","username":"a"}` + "\n" + `{"objectId":"u2","username":"b"}`,
		"_Role.jsonl":             `{"objectId":"r1","name":"admin","users":{"__type":"Relation","className":"_User"}}`,
		"_Join:users:_Role.jsonl": `{"owningId":"r1","relatedId":"u2"}` + "\n" + `{"owningId":"r1","relatedId":"u1"}`,
		"Note.jsonl":              `{"objectId":"n1","by":{"__type":"Pointer","className":"_User","objectId":"gone"},"mix":1}` + "\n" + `{"objectId":"n2","mix":"a","big":9007199254740993}`,
	})
	var report *moving.Report
	for range 2 {
		report = run(t, mover(t, app, leanCloud(t, dir), app.AppID()))
	}
	role, err := app.FindRecordById("lc_role", "r1")
	if err != nil {
		t.Fatal(err)
	}
	got := role.GetStringSlice("users")
	if len(got) != 2 || !strings.Contains(strings.Join(got, " "), userID(t, app, "u1")) || !strings.Contains(strings.Join(got, " "), userID(t, app, "u2")) {
		t.Errorf("users of the role: got %v", got)
	}
	if n := report.Lost["Note.by that points to nothing"]; n != 1 {
		t.Errorf("pointers to nothing: got %d of %v, want 1", n, report.Lost)
	}
	for _, f := range report.Plan.Class("Note").Fields {
		if f.Key == "mix" && (f.Kind != moving.KindJSON || !f.Mixed) || f.Key == "big" && f.Rough != 1 {
			t.Errorf("field %s: got %+v", f.Key, f)
		}
	}
}

// TestChangesHereAreKept: a row that was changed here after the export stays, one that was changed there after comes again.
func TestChangesHereAreKept(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	export := func(text, at string) moving.Source {
		return leanCloud(t, files(t, map[string]string{"Note.jsonl": fmt.Sprintf(`{"objectId":"n1","text":"%s","updatedAt":"%s"}`, text, at)}))
	}
	run(t, mover(t, app, export("there", "2024-03-01T04:00:00.000Z"), ""))
	run(t, mover(t, app, export("later", "2024-03-02T04:00:00.000Z"), ""))
	note, err := app.FindRecordById("Note", "n1")
	if err != nil || note.GetString("text") != "later" {
		t.Fatalf("a change there: got %v %v", note, err)
	}
	note.Set("text", "here")
	if err := app.Save(note); err != nil {
		t.Fatal(err)
	}
	run(t, mover(t, app, export("older", "2024-03-03T04:00:00.000Z"), ""))
	if note, err = app.FindRecordById("Note", "n1"); err != nil || note.GetString("text") != "here" {
		t.Errorf("a change here: got %v %v", note, err)
	}
}

package people_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/people"
)

// Two session keys as WeChat gives them.
const (
	firstKey  = "AAAAAAAAAAAAAAAAAAAAAA=="
	secondKey = "AQEBAQEBAQEBAQEBAQEBAQ=="
)

const (
	loginPath = "/sns/jscode2session"
	phonePath = "/wxa/business/getuserphonenumber"
)

// kit is the room with a WeChat to which a login code is an openid, in the usual mini program with the first session key.
type kit struct {
	*roomtest.Kit

	people *people.People
	merged [][2]string // kept and lost user of every merge
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t)}
	k.people = &people.People{
		App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Limits: limit.Usual(),
		OnScene:  func(core.App, string, string) {},
		OnReturn: func(core.App, string) (bool, error) { return false, nil },
		OnMerge: func(_ core.App, keep, lose string) error {
			k.merged = append(k.merged, [2]string{keep, lose})
			return nil
		},
		OnLogin: &hook.Hook[*events.LoginEvent]{}, OnProfile: &hook.Hook[*events.ProfileEvent]{},
	}
	k.knows(firstKey, "")
	return k
}

// knows lets WeChat answer every code with the openid that it begins with.
func (k *kit) knows(sessionKey, unionID string) {
	k.WeChat.On(loginPath, func(c roomtest.Call) any {
		openID, _, _ := strings.Cut(c.Query.Get("js_code"), "-")
		return map[string]any{"openid": openID, "session_key": sessionKey, "unionid": unionID}
	})
}

func (k *kit) login(fields map[string]any) roomtest.Answer {
	return k.Call(k.people.Login, roomtest.Request{Body: fields})
}

// user is who a login has let in.
func (k *kit) user(t *testing.T, a roomtest.Answer) *core.Record {
	t.Helper()
	record, _ := a.JSON["record"].(map[string]any)
	id, _ := record["id"].(string)
	if a.Status != 200 || id == "" || a.Text("token") == "" {
		t.Fatalf("login: got %d %v (%v), want a token and a record", a.Status, a.JSON, a.Err)
	}
	return k.Row("users", id)
}

func TestFirstLogin(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	identity := k.Only("wx_identities")
	if identity.GetString("openid") != "oAnna" || identity.GetString("appid") != roomtest.AppID {
		t.Errorf("got %v, want the openid in the mini program", identity.FieldsData())
	}
	if sealed := identity.GetString("sessionKey"); sealed == "" || strings.Contains(sealed, firstKey) {
		t.Errorf("got session key %q, want it sealed", sealed)
	}
}

// TestOneCodeIsTradedOnce: whoever did not get the answer sends the same code again, however many at once; another address may not.
func TestOneCodeIsTradedOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	users := make([]string, 8)
	roomtest.AtOnce(len(users), func(i int) { users[i] = k.user(t, k.login(map[string]any{"code": "oAnna-1"})).Id })
	for _, id := range users {
		if id != users[0] {
			t.Errorf("got users %v, want one", users)
			break
		}
	}
	if n := len(k.WeChat.Calls(loginPath)); n != 1 || k.Count("users") != 1 {
		t.Errorf("got %d calls of WeChat and %d users, want 1 and 1", n, k.Count("users"))
	}
	k.WeChat.Always(loginPath, roomtest.Errcode(40163))
	k.Want("the same code from another address", k.Call(k.people.Login, roomtest.Request{Body: map[string]any{"code": "oAnna-1"}, From: "198.51.100.7"}), 400, answer.CodeUsed.Code)
	k.Clock.Advance(people.CodeLife)
	k.Want("the same code five minutes later", k.login(map[string]any{"code": "oAnna-1"}), 400, answer.CodeUsed.Code)
}

// TestTwoLoginsOfOnePerson: two phones of one person, each with a code of its own, at the same moment.
func TestTwoLoginsOfOnePerson(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	users := make([]string, 6)
	roomtest.AtOnce(len(users), func(i int) { users[i] = k.user(t, k.login(map[string]any{"code": fmt.Sprintf("oAnna-%d", i)})).Id })
	for _, id := range users {
		if id != users[0] {
			t.Errorf("got users %v, want one", users)
			break
		}
	}
	if k.Count("users") != 1 || k.Count("wx_identities") != 1 {
		t.Errorf("got %d users and %d identities, want 1 and 1", k.Count("users"), k.Count("wx_identities"))
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	scenarios := []struct {
		name   string
		fields map[string]any
		status int
		code   string
	}{
		{"no code", map[string]any{}, 400, answer.CodeInvalid.Code},
		{"code of 129", map[string]any{"code": strings.Repeat("a", 129)}, 400, answer.CodeInvalid.Code},
		{"another mini program", map[string]any{"code": "oAnna-1", "appid": "wx0000000000000000"}, 503, answer.NotConfigured.Code},
		{"raw data without its signature", map[string]any{"code": "oAnna-2", "rawData": "{}"}, 400, answer.Signature.Code},
		{"a signature of nothing", map[string]any{"code": "oAnna-3", "signature": "00"}, 400, answer.Signature.Code},
		{"a wrong signature", map[string]any{"code": "oAnna-4", "rawData": "{}", "signature": strings.Repeat("0", 40)}, 400, answer.Signature.Code},
		{"encrypted data without its iv", map[string]any{"code": "oAnna-5", "encryptedData": "AAAA"}, 400, answer.Signature.Code},
	}
	for _, s := range scenarios {
		k.Want(s.name, k.login(s.fields), s.status, s.code)
	}
	if n := k.Count("users"); n != 0 {
		t.Errorf("got %d users, want none of a login that was refused", n)
	}
}

func TestWeChatRefusesLogin(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for errcode, want := range map[int]answer.Problem{40029: answer.CodeInvalid, 40163: answer.CodeUsed, 40226: answer.Risk, 45011: answer.WxRate, 40125: answer.WxConfig} {
		k.WeChat.Always(loginPath, roomtest.Errcode(errcode))
		k.Want(fmt.Sprint(errcode), k.login(map[string]any{"code": fmt.Sprint("oAnna-", errcode)}), want.Status, want.Code)
	}
}

func TestBlockedUserStaysOut(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	user := k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	user.Set("blocked", true)
	if err := k.TestApp.Save(user); err != nil {
		t.Fatal(err)
	}
	k.Want("a new login", k.login(map[string]any{"code": "oAnna-2"}), 403, answer.UserBlocked.Code)
	k.Want("the login that was answered before", k.login(map[string]any{"code": "oAnna-1"}), 403, answer.UserBlocked.Code)
}

// seal encrypts as a phone does.
func seal(t *testing.T, key string, fields map[string]any) (data, iv string) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	for range pad {
		plain = append(plain, byte(pad))
	}
	start := make([]byte, aes.BlockSize)
	cipher.NewCBCEncrypter(block, start).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), base64.StdEncoding.EncodeToString(start)
}

// TestOpenData: the key of now and the one before open it, of the right mini program, made a while ago and not in the future.
func TestOpenData(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	user := k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	k.knows(secondKey, "")
	k.login(map[string]any{"code": "oAnna-2"})
	scenarios := []struct {
		name   string
		key    string
		appID  string
		age    time.Duration
		status int
		code   string
	}{
		{"the key of now", secondKey, roomtest.AppID, 0, 200, ""},
		{"the key before", firstKey, roomtest.AppID, 0, 200, ""},
		{"a key of nobody", "AgICAgICAgICAgICAgICAg==", roomtest.AppID, 0, answer.SessionStale.Status, answer.SessionStale.Code},
		{"of another mini program", secondKey, roomtest.OtherAppID, 0, answer.Watermark.Status, answer.Watermark.Code},
		{"ten minutes old", secondKey, roomtest.AppID, 10*time.Minute - time.Second, 200, ""},
		{"older", secondKey, roomtest.AppID, 10*time.Minute + 2*time.Second, answer.Watermark.Status, answer.Watermark.Code},
		{"five minutes ahead", secondKey, roomtest.AppID, -5*time.Minute + time.Second, 200, ""},
		{"further ahead", secondKey, roomtest.AppID, -5*time.Minute - 2*time.Second, answer.Watermark.Status, answer.Watermark.Code},
	}
	for _, s := range scenarios {
		data, iv := seal(t, s.key, map[string]any{"openGId": "g", "watermark": map[string]any{"appid": s.appID, "timestamp": k.Clock.Now().Add(-s.age).Unix()}})
		k.Want(s.name, k.Call(k.people.DecryptData, roomtest.Request{As: user, Body: map[string]any{"encryptedData": data, "iv": iv}}), s.status, s.code)
	}
}

// TestReplayedLoginBringsNoOldKeyBack: the answer of an earlier code is given again, and the session key of a later one stays.
func TestReplayedLoginBringsNoOldKeyBack(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.login(map[string]any{"code": "oAnna-1"})
	k.knows(secondKey, "")
	k.login(map[string]any{"code": "oAnna-2"})
	now := k.Only("wx_identities").GetString("sessionKey")
	k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	if got := k.Only("wx_identities").GetString("sessionKey"); got != now {
		t.Error("got another session key after the first code came again, want the newer one kept")
	}
}

// TestUnionJoins: one person of two mini programs, each a user of its own, becomes the older user once WeChat tells the unionid.
func TestUnionJoins(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	older := k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	if _, err := k.NonconcurrentDB().Update("users", dbx.Params{"created": "2020-01-01 00:00:00.000Z"}, dbx.HashExp{"id": older.Id}).Execute(); err != nil {
		t.Fatal(err)
	}
	younger := k.user(t, k.login(map[string]any{"code": "oAnna2-1", "appid": roomtest.OtherAppID}))
	younger.Set("blocked", true)
	younger.Set("name", "安娜")
	if err := k.TestApp.Save(younger); err != nil {
		t.Fatal(err)
	}
	for user, left := range map[*core.Record]int{older: 2, younger: 3} {
		k.Save("wx_consents", map[string]any{"user": user.Id, "templateId": "T", "remaining": left})
	}
	k.knows(firstKey, "uAnna")
	k.Want("the first to show the unionid", k.login(map[string]any{"code": "oAnna2-2", "appid": roomtest.OtherAppID}), 403, answer.UserBlocked.Code)
	k.Want("the other one", k.login(map[string]any{"code": "oAnna-2"}), 403, answer.UserBlocked.Code) // note: whoever was blocked stays so
	kept := k.Only("users")
	if kept.Id != older.Id || kept.GetString("name") != "安娜" || !kept.GetBool("blocked") {
		t.Errorf("got %v, want the older user with the name and the block of the other", kept.FieldsData())
	}
	if got := k.Only("wx_consents").GetInt("remaining"); got != 5 {
		t.Errorf("got %d consents, want both added up", got)
	}
	if len(k.merged) != 1 || k.merged[0] != [2]string{older.Id, younger.Id} {
		t.Errorf("got merges %v, want one", k.merged)
	}
}

func (k *kit) phone(as *core.Record, code string) roomtest.Answer {
	return k.Call(k.people.Phone, roomtest.Request{As: as, Body: map[string]any{"code": code}})
}

// TestPhoneCodeIsPaidOnce: each success costs the owner money.
func TestPhoneCodeIsPaidOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.people.Limits.PhonesPerDay = 2
	anna, bob := k.user(t, k.login(map[string]any{"code": "oAnna-1"})), k.user(t, k.login(map[string]any{"code": "oBob-1"}))
	var asked atomic.Int32
	k.WeChat.On(phonePath, func(roomtest.Call) any {
		asked.Add(1)
		return map[string]any{"errcode": 0, "phone_info": map[string]any{
			"phoneNumber": "13800138000", "purePhoneNumber": "13800138000", "countryCode": "86",
			"watermark": map[string]any{"appid": roomtest.AppID, "timestamp": k.Clock.Now().Unix()},
		}}
	})
	roomtest.AtOnce(5, func(int) {
		if a := k.phone(anna, "code-1"); a.Text("phoneNumber") != "13800138000" {
			t.Errorf("got %d %v (%v), want the number", a.Status, a.JSON, a.Err)
		}
	})
	if asked.Load() != 1 || k.Row("users", anna.Id).GetString("phone") != "13800138000" {
		t.Errorf("got %d calls and %q on the user, want 1 and the number", asked.Load(), k.Row("users", anna.Id).GetString("phone"))
	}
	k.WeChat.Always(phonePath, roomtest.Errcode(40029))
	k.Want("a code that WeChat refuses", k.phone(anna, "code-bad"), 400, answer.CodeInvalid.Code) // is not counted
	k.Want("the code of somebody else", k.phone(bob, "code-1"), 400, answer.CodeInvalid.Code)
	k.WeChat.Always(phonePath, map[string]any{"errcode": 0, "phone_info": map[string]any{
		"phoneNumber": "1", "purePhoneNumber": "1", "countryCode": "86", "watermark": map[string]any{"appid": roomtest.AppID, "timestamp": k.Clock.Now().Unix()},
	}})
	k.Want("the second of the day", k.phone(anna, "code-2"), 200, "")
	k.Want("the third of the day", k.phone(anna, "code-3"), answer.PhoneLimit.Status, answer.PhoneLimit.Code)
}

func TestNames(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	user := k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	scenarios := []struct{ name, given, want string }{
		{"as it is", "安娜 Anna", "安娜 Anna"},
		{"with line breaks and controls", " An\nna\u0007 ", "Anna"},
		{"of 32 characters", strings.Repeat("面", 32), strings.Repeat("面", 32)},
		{"of 33 characters", strings.Repeat("面", 33), ""},
		{"of blanks", " \t ", ""},
		{"that is everybody's", "微信用户", ""},
	}
	for _, s := range scenarios {
		a := k.Call(k.people.Profile, roomtest.Request{As: user, Body: map[string]any{"name": s.given}})
		if s.want == "" {
			k.Want(s.name, a, answer.ProfileName.Status, answer.ProfileName.Code)
			continue
		}
		if got := k.Row("users", user.Id).GetString("name"); a.Status != 200 || got != s.want {
			t.Errorf("%s: got %d and %q (%v), want %q", s.name, a.Status, got, a.Err, s.want)
		}
	}
}

func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	user := k.user(t, k.login(map[string]any{"code": "oAnna-1"}))
	token, err := user.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	k.Want("logout", k.Call(k.people.LogoutEverywhere, roomtest.Request{As: user}), 204, "")
	if _, err := k.FindAuthRecordByToken(token, core.TokenTypeAuth); err == nil {
		t.Error("got the token good, want it ended")
	}
}

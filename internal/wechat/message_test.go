package wechat_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

const openID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"

func message(data map[string]string) wechat.SubscribeMessage {
	return wechat.SubscribeMessage{ToUser: openID, TemplateID: "tmpl", Data: data}
}

func TestSendMessageSendsItsBody(t *testing.T) {
	t.Parallel()
	full := message(map[string]string{"thing1": "<商品> & 更多", "number2": "1"})
	full.Page, full.MiniProgramState, full.Lang = "pages/order?id=1", "trial", "en_US"
	scenarios := []struct {
		name          string
		message       wechat.SubscribeMessage
		body, answer  string
		wantMessageID string
	}{
		{
			"everything", full,
			`{"touser":"` + openID + `","template_id":"tmpl","page":"pages/order?id=1","data":{"number2":{"value":"1"},` +
				`"thing1":{"value":"<商品> & 更多"}},"miniprogram_state":"trial","lang":"en_US"}`,
			`{"errcode":0,"errmsg":"ok","msgid":1864323726461255680}`, "1864323726461255680",
		},
		{
			"the defaults", message(map[string]string{"thing1": "商品"}),
			`{"touser":"` + openID + `","template_id":"tmpl","data":{"thing1":{"value":"商品"}},"miniprogram_state":"formal","lang":"zh_CN"}`,
			`{"errcode":0,"errmsg":"ok"}`, "",
		},
		{
			"an id that is none", message(map[string]string{"thing1": "商品"}),
			`{"touser":"` + openID + `","template_id":"tmpl","data":{"thing1":{"value":"商品"}},"miniprogram_state":"formal","lang":"zh_CN"}`,
			`{"errcode":0,"errmsg":"ok","msgid":{}}`, "",
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, sent(t, "/cgi-bin/message/subscribe/send", s.body, s.answer))
			if got, err := c.SendMessage(t.Context(), s.message); err != nil || got != s.wantMessageID {
				t.Errorf("got %q, %v, want %q", got, err, s.wantMessageID)
			}
		})
	}
}

func TestSendMessageRefused(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer, argument string
		kind                   wechat.Kind
		calls                  int64
	}{
		{"not subscribed", `{"errcode":43101,"errmsg":"user refuse to accept the msg rid: 62de9a0b-7149b5f1-2eee4908"}`, "", wechat.KindState, 1},
		{"two at a time", `{"errcode":43108}`, "", wechat.KindBusy, 3},
		{"data does not fit", `{"errcode":47003,"errmsg":"argument invalid! data.thing4.value invalid rid: 62de9a0b-7149b5f1-2eee4908"}`, "data.thing4.value", wechat.KindArgs, 1},
		{"data is missing", `{"errcode":47003,"errmsg":"argument invalid! data.character_string1.value is empty"}`, "data.character_string1.value", wechat.KindArgs, 1},
		{"no field in the text", `{"errcode":47003,"errmsg":"argument invalid!"}`, "", wechat.KindArgs, 1},
		{"wrong openid", `{"errcode":40003,"errmsg":"invalid openid"}`, "", wechat.KindArgs, 1},
		{"wrong template", `{"errcode":40037}`, "", wechat.KindArgs, 1},
		{"wrong page", `{"errcode":41030}`, "", wechat.KindArgs, 1},
		{"banned", `{"errcode":43107}`, "", wechat.KindUnsupported, 1},
		{"a sensitive word", `{"errcode":45168}`, "", wechat.KindRisk, 1},
		{"busy", `{"errcode":-1}`, "", wechat.KindBusy, 3},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, answer(s.answer))
			_, err := c.SendMessage(t.Context(), message(map[string]string{"thing4": "secret words"}))
			wantKind(t, err, s.kind)
			e, ok := errors.AsType[*wechat.Error](err)
			if !ok || e.Argument != s.argument || a.calls.Load() != s.calls || !strings.Contains(err.Error(), s.argument) {
				t.Errorf("got %v about %q after %d calls, want %q after %d", err, e.Argument, a.calls.Load(), s.argument, s.calls)
			}
		})
	}
}

func TestAMessageIsNotSentTwice(t *testing.T) {
	t.Parallel()
	a, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadGateway)
	})
	_, err := c.SendMessage(t.Context(), message(map[string]string{"thing1": "a"}))
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || !e.MaybeDone || e.Retryable() || a.calls.Load() != 1 {
		t.Errorf("got %v after %d calls, want one call that may be done", err, a.calls.Load())
	}
}

func TestAWrongMessageIsNotSent(t *testing.T) {
	t.Parallel()
	a, c := serve(t, answer(`{}`))
	_, err := c.SendMessage(t.Context(), message(map[string]string{"thing1": ""}))
	wantField(t, err, "data.thing1.value")
	if n := a.calls.Load() + a.fetches.Load(); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

const templatesAnswer = `{"errcode":0,"errmsg":"ok","data":[
{"priTmplId":"9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU","title":"报名结果通知","content":"会议时间:{{date2.DATA}}\n会议地点:{{thing1.DATA}}\n","example":"会议时间:2016年8月8日\n会议地点:TIT会议室\n","type":2},
{"priTmplId":"cy_DfOZL7lypxHh3ja3DyAUbn1GYQRGwezuy5LBTFME","title":"洗衣机故障提醒","content":"完成时间：{{time1.DATA}}\n所在位置:{{enum_string2.DATA}}\n单号:{{character_string3.DATA}}\n","example":"","type":"3",
"keywordEnumValueList":[{"enumValueList":["客厅","卧室"],"keywordCode":"enum_string2.DATA"}]}]}`

func templates(t *testing.T) []wechat.Template {
	t.Helper()
	_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/wxaapi/newtmpl/gettemplate" {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
		answer(templatesAnswer)(w, r)
	})
	list, err := c.Templates(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("got %+v, %v, want two templates", list, err)
	}
	return list
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	list := templates(t)
	first, second := list[0], list[1]
	if first.ID != "9Aw5ZV1j9xdWTFEkqCpZ7mIBbSC34khK55OtzUPl0rU" || first.Title != "报名结果通知" || first.Type != wechat.OneOff || second.Type != wechat.LongTerm {
		t.Errorf("got %+v and %+v, want what WeChat sent", first, second)
	}
	same := func(a, b wechat.Keyword) bool {
		return a.Key == b.Key && a.Type == b.Type && a.Name == b.Name && slices.Equal(a.Enum, b.Enum)
	}
	want := []wechat.Keyword{
		{Key: "date2", Type: wechat.TypeDate, Name: "会议时间"}, {Key: "thing1", Type: wechat.TypeThing, Name: "会议地点"},
	}
	if !slices.EqualFunc(first.Keywords, want, same) {
		t.Errorf("got %+v, want %+v", first.Keywords, want)
	}
	want = []wechat.Keyword{
		{Key: "time1", Type: wechat.TypeTime, Name: "完成时间"},
		{Key: "enum_string2", Type: "enum_string", Name: "所在位置", Enum: []string{"客厅", "卧室"}},
		{Key: "character_string3", Type: wechat.TypeCharacterString, Name: "单号"},
	}
	if !slices.EqualFunc(second.Keywords, want, same) {
		t.Errorf("got %+v, want %+v", second.Keywords, want)
	}
}

func TestTemplatesAnswers(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		count        int
		kind         wechat.Kind
	}{
		{"none", `{"errcode":0,"errmsg":"ok","data":[]}`, 0, ""},
		{"null", `{"errcode":0,"data":null}`, 0, ""},
		{"no id", `{"data":[{"title":"t"}]}`, 0, wechat.KindBadAnswer},
		{"not a list", `{"data":"x"}`, 0, wechat.KindBadAnswer},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, answer(s.answer))
			got, err := c.Templates(t.Context())
			wantKind(t, err, s.kind)
			if len(got) != s.count || (err == nil) == (got == nil) {
				t.Errorf("got %v, want %d", got, s.count)
			}
		})
	}
}

func TestTemplateCheck(t *testing.T) {
	t.Parallel()
	washer := templates(t)[1]
	good := map[string]string{"time1": "12:00", "enum_string2": "客厅", "character_string3": "1"}
	with := func(key, value string) map[string]string {
		var data map[string]string
		text, _ := json.Marshal(good)
		_ = json.Unmarshal(text, &data)
		if data[key] = value; value == "" {
			delete(data, key)
		}
		return data
	}
	scenarios := []struct {
		name  string
		data  map[string]string
		field string
	}{
		{"all there", good, ""},
		{"one is missing", with("time1", ""), "data.time1.value"},
		{"another value of an enumeration", with("enum_string2", "厨房"), "data.enum_string2.value"},
		{"one too many", with("thing9", "x"), "data.thing9.value"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantField(t, washer.Check(s.data), s.field)
		})
	}
}

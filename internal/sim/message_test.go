package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// templates maps the titles of a mini program's templates to their ids.
func (w *apiSide) templates() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, row := range w.list("/apps/" + w.app.AppID + "/templates") {
		out[row["title"].(string)] = row["priTmplId"].(string)
	}
	return out
}

// keywordTemplate makes a template of one keyword and returns its id.
func (w *apiSide) keywordTemplate(line string) string {
	w.t.Helper()
	return w.device(http.MethodPost, "/apps/"+w.app.AppID+"/templates", map[string]any{"title": "测试", "keywords": []string{line}}).text("priTmplId")
}

func (w *phoneSide) subscribe(person string, in map[string]any) answer {
	w.t.Helper()
	return w.device(http.MethodPost, "/people/"+person+"/subscribe", in)
}

// allow adds one credit.
func (w *phoneSide) allow(person, template string) {
	w.t.Helper()
	if a := w.subscribe(person, map[string]any{"templateIds": []string{template}, "answer": "accept"}); a.text(template) != "accept" {
		w.t.Fatalf("subscribe: got %s, want accept", a.body)
	}
}

func (w *apiSide) sendTo(body map[string]any) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/cgi-bin/message/subscribe/send?access_token="+w.token(), jsonText(w.t, body))
}

// card is a body of subscribe/send: values by keyword.
func card(openid, template string, values map[string]any) map[string]any {
	data := map[string]any{}
	for code, v := range values {
		data[code] = map[string]any{"value": v}
	}
	return map[string]any{"touser": openid, "template_id": template, "data": data}
}

const shippedTitle = "订单发货通知"

func shippedValues() map[string]any {
	return map[string]any{
		"character_string1": "T20260101001", "thing2": "三鲜面等3件", "enum3": "中通快递", "character_string4": "JT1234567890", "date5": "2026年3月1日 10:00",
	}
}

// Every limit of the table, just within and just beyond.
func TestMessageValueLimits(t *testing.T) {
	n := strings.Repeat
	scenarios := []struct {
		line     string
		good     []string
		tooMuch  []string
		otherWay string // differs in type from the keyword's example
	}{
		{"thing1 物", []string{n("面", 20), n("x", 20), "面 & <b> 1😀"}, []string{n("面", 21), n("x", 21)}, "a\nb"},
		{"number1 数", []string{n("9", 32), "0.5", n("9", 16) + "." + n("9", 16)}, []string{n("9", 33), n("9", 17) + "." + n("9", 16)}, "1a"},
		{"letter1 字", []string{n("a", 32), "Z"}, []string{n("a", 33)}, "a1"},
		{"symbol1 符", []string{"★!#￥+", "*"}, []string{"★!#￥+*"}, "a"},
		{"character_string1 串", []string{n("a", 32), "T-2026/1:#"}, []string{n("a", 33)}, "面"},
		{"time1 时", []string{"15:01", "23:59:59", "2026年1月1日 15:01", "2026-01-01 15:01~2026-01-01 16:01", "09:00~10:00"}, []string{"24:00", "15:60", "15:01~"}, "2026年1月1日"},
		{"date1 日", []string{"2026年1月1日", "2026-01-31", "2026/1/1", "2026.01.01", "2026年1月1日 15:01", "2026-01-01~2026-01-02"}, []string{"2026-13-01", "2026-01-32", "1月1日"}, "15:01"},
		{"amount1 额", []string{"￥" + n("9", 10), "¥12345678.90元", "$1", "9.16", "100元"}, []string{"￥" + n("9", 11), "¥123456789.01", "￥￥1"}, "1,000"},
		{"phone_number1 话", []string{"+86-0766-66888866", "13800138000", n("9", 17)}, []string{n("9", 18)}, "call me"},
		{"car_number1 车", []string{"粤A8Z888挂", "AB12345"}, []string{"粤A8Z8888挂"}, "粤A8粤88"},
		{"name1 名", []string{n("王", 10), n("a", 20), "王x·" + n("y", 7)}, []string{n("王", 11), n("a", 21), "王" + n("x", 10)}, "王1"},
		{"phrase1 词", []string{n("好", 5), "好"}, []string{n("好", 6)}, "好a"},
		{"enum1 选 甲,乙", []string{"甲", "乙"}, []string{"丙"}, "甲,乙"},
	}
	w := newWorld(t, sim.WithSendTime(0))
	openid, _ := w.login("p1")
	for _, s := range scenarios {
		code, _, _ := strings.Cut(s.line, " ")
		t.Run(code, func(t *testing.T) {
			id := w.keywordTemplate(s.line)
			for _, value := range s.good {
				w.allow("p1", id)
				wantErrcode(t, w.sendTo(card(openid, id, map[string]any{code: value})), 0)
			}
			for _, value := range append(s.tooMuch, s.otherWay, "\x07") {
				a := w.sendTo(card(openid, id, map[string]any{code: value}))
				wantErrcode(t, a, 47003)
				if want := "argument invalid! data." + code + ".value invalid rid: "; !strings.HasPrefix(a.text("errmsg"), want) {
					t.Errorf("%q: got %q, want %q", value, a.text("errmsg"), want)
				}
			}
			a := w.sendTo(card(openid, id, nil))
			if want := "argument invalid! data." + code + ".value is empty rid: "; a.number("errcode") != 47003 || !strings.HasPrefix(a.text("errmsg"), want) {
				t.Errorf("nothing: got %s, want 47003 and %q", a.body, want)
			}
		})
	}
	for _, x := range w.list("/subscriptions") {
		if x["left"] != 0.0 {
			t.Errorf("got %v, want every credit used by its one good message and none by a bad one", x)
		}
	}
}

func TestMessageRefusals(t *testing.T) {
	w := newWorld(t, sim.WithPages("pages/index/index", "pages/order/order"), sim.WithSendTime(0))
	openid, _ := w.login("p1")
	shippedID := w.templates()[shippedTitle]
	w.allow("p1", shippedID)
	set := func(name string, value any) func(map[string]any) {
		return func(b map[string]any) { b[name] = value }
	}
	scenarios := []struct {
		name   string
		change func(map[string]any)
		want   int
	}{
		{"no person", set("touser", ""), 40003},
		{"unknown person", set("touser", "o123"), 40003},
		{"no template", set("template_id", ""), 40037},
		{"unknown template", set("template_id", "x"), 40037},
		{"unknown state", set("miniprogram_state", "beta"), 40097},
		{"unknown language", set("lang", "fr"), 40097},
		{"no page of ours", set("page", "pages/none/none?a=1"), 41030},
		{"page of markup", set("page", "<x>"), 41030},
		{"value that is no text", set("data", map[string]any{"character_string1": map[string]any{"value": []int{1}}}), 47003},
		{"data of a list", set("data", []any{}), 47001},
		{"sensitive word", func(b map[string]any) { b["data"].(map[string]any)["thing2"] = map[string]any{"value": "代开发票"} }, 45168},
		{"good", set("page", "/pages/order/order?id=7"), 0},
		{"again without a credit", func(map[string]any) {}, 43101},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := card(openid, shippedID, shippedValues())
			s.change(body)
			a := w.sendTo(body)
			wantErrcode(t, a, s.want)
			if s.want == 43101 && !strings.HasPrefix(a.text("errmsg"), "user refuse to accept the msg rid: ") {
				t.Errorf("got %q, want WeChat's wording", a.text("errmsg"))
			}
		})
	}
	wantErrcode(t, w.call(http.MethodPost, "/cgi-bin/message/subscribe/send?access_token="+w.token(), ""), 44002)
	wantErrcode(t, w.call(http.MethodPost, "/cgi-bin/message/subscribe/send?access_token="+w.token(), "{"), 47001)
	added := w.device(http.MethodPost, "/apps", nil)
	theirs := w.inApp(added.text("appid"), added.text("secret")).text("openid")
	wantErrcode(t, w.sendTo(card(theirs, shippedID, shippedValues())), 40003)

	messages := w.list("/messages")
	if len(messages) != 1 || messages[0]["title"] != shippedTitle || messages[0]["person"] != "p1" || len(messages[0]["lines"].([]any)) != 5 {
		t.Fatalf("got %v, want the one good message", messages)
	}
	open := w.device(http.MethodPost, "/messages/"+messages[0]["id"].(string)+"/open", nil)
	if open.text("path") != "pages/order/order" || open.text("query") != "id=7" || open.text("env") != "release" {
		t.Errorf("got %s, want the page of the card", open.body)
	}
}

func TestSubscribeDialog(t *testing.T) {
	w := newWorld(t, sim.WithSendTime(0))
	openid, _ := w.login("p1")
	ids := w.templates()
	pay, shipped, refund, queue := ids["订单支付成功通知"], ids[shippedTitle], ids["退款成功通知"], ids["排队叫号通知"]
	scenarios := []struct {
		name string
		in   map[string]any
		want map[string]any
	}{
		{"one for all", map[string]any{"templateIds": []string{pay, shipped}, "answer": "accept"}, map[string]any{pay: "accept", shipped: "accept"}},
		{"each its own", map[string]any{"templateIds": []string{pay, shipped, refund}, "answer": map[string]any{pay: "reject", shipped: "ban"}}, map[string]any{pay: "reject", shipped: "ban", refund: "accept"}},
		{"none", map[string]any{"templateIds": []string{}}, map[string]any{"errCode": 10001.0}},
		{"unknown", map[string]any{"templateIds": []string{"x"}}, map[string]any{"errCode": 20001.0}},
		{"two types", map[string]any{"templateIds": []string{pay, queue}}, map[string]any{"errCode": 20002.0}},
		{"four", map[string]any{"templateIds": []string{pay, shipped, refund, ids["预约到店提醒"]}}, map[string]any{"errCode": 20003.0}},
		{"turned off", map[string]any{"templateIds": []string{pay}, "answer": "off"}, map[string]any{"errCode": 20004.0}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.subscribe("p1", s.in)
			ok := "requestSubscribeMessage:ok"
			if _, fails := s.want["errCode"]; fails {
				ok = "requestSubscribeMessage:fail"
			}
			if !strings.HasPrefix(a.text("errMsg"), ok) {
				t.Errorf("got %s, want %s", a.body, ok)
			}
			for name, want := range s.want {
				if a.json[name] != want {
					t.Errorf("%s: got %v, want %v", name, a.json[name], want)
				}
			}
		})
	}
	left := func() map[string]any {
		out := map[string]any{}
		for _, x := range w.list("/subscriptions") {
			out[x["templateId"].(string)] = x["left"]
		}
		return out
	}
	if got := left(); got[pay] != 1.0 || got[shipped] != 1.0 || got[refund] != 1.0 {
		t.Errorf("got %v, want a credit for each acceptance, and none lost to a refusal", got)
	}
	if a := w.call(http.MethodPost, "/_sim/people/p1/subscribe", jsonText(t, map[string]any{"templateIds": []string{pay}, "answer": "maybe"})); a.status != 400 {
		t.Errorf("got %d for an unknown answer, want 400", a.status)
	}

	// a long-term credit stays until it is taken back
	w.allow("p1", queue)
	calling := card(openid, queue, map[string]any{"letter1": "A", "number2": 17, "symbol3": "★", "thing4": "南门店"})
	wantErrcode(t, w.sendTo(calling), 0)
	wantErrcode(t, w.sendTo(calling), 0)
	w.device(http.MethodPost, "/people/p1/unsubscribe", map[string]any{"templateIds": []string{queue}})
	wantErrcode(t, w.sendTo(calling), 43101)

	// a permanent answer is repeated, whatever the person would answer
	w.subscribe("p1", map[string]any{"templateIds": []string{refund}, "answer": "reject", "always": true})
	if a := w.subscribe("p1", map[string]any{"templateIds": []string{refund}, "answer": "accept"}); a.text(refund) != "reject" {
		t.Errorf("got %s, want the kept answer", a.body)
	}
}

func TestTemplatesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.call(http.MethodGet, "/wxaapi/newtmpl/gettemplate?access_token="+w.token(), "")
	wantErrcode(t, a, 0)
	data, _ := a.json["data"].([]any)
	if len(data) != 5 {
		t.Fatalf("got %s, want the five that there are", a.body)
	}
	row := data[1].(map[string]any)
	if len(row["priTmplId"].(string)) != 43 || row["title"] != shippedTitle || row["type"] != 2.0 || !strings.Contains(row["content"].(string), "商品名称:{{thing2.DATA}}\n") ||
		!strings.Contains(row["example"].(string), "快递公司:顺丰速运\n") {
		t.Errorf("got %v, want the shape of the document", row)
	}
	enums := row["keywordEnumValueList"].([]any)[0].(map[string]any)
	if enums["keywordCode"] != "enum3" || len(enums["enumValueList"].([]any)) != 3 {
		t.Errorf("got %v, want the values of the enum", enums)
	}
	for name, body := range map[string]string{
		"no title": `{"keywords":["thing1 a"]}`, "unknown type": `{"title":"a","keywords":["word1 a"]}`, "no number": `{"title":"a","keywords":["thing a"]}`,
		"enum of nothing": `{"title":"a","keywords":["enum1 a"]}`, "none": `{"title":"a"}`, "bad kind": `{"title":"a","type":1,"keywords":["thing1 a"]}`,
	} {
		if a := w.call(http.MethodPost, "/_sim/apps/"+w.app.AppID+"/templates", body); a.status != 400 {
			t.Errorf("%s: got %d %s, want 400", name, a.status, a.body)
		}
	}
}

// Of two concurrent messages to one person, one is sent and the other refused. In sequence both are sent.
func TestConcurrentMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, &shop{answer: always(200)}, func(w *world) {
		openid, _ := w.login("p1")
		other, _ := w.login("p2")
		id := w.templates()[shippedTitle]
		for range 3 {
			w.allow("p1", id)
		}
		w.allow("p2", id)
		token := w.token()
		send := func(openid string) int {
			return w.call(http.MethodPost, "/cgi-bin/message/subscribe/send?access_token="+token, jsonText(w.t, card(openid, id, shippedValues()))).number("errcode")
		}
		codes := make(chan int, 3)
		for range 2 {
			go func() { codes <- send(openid) }()
		}
		go func() { codes <- send(other) }()
		synctest.Wait()
		seen := map[int]int{}
		for range 3 {
			seen[<-codes]++
		}
		if seen[0] != 2 || seen[43108] != 1 {
			w.t.Errorf("got %v, want one of the two refused and the other person left alone", seen)
		}
		if code := send(openid); code != 0 {
			w.t.Errorf("got %d afterwards, want 0", code)
		}
	})
}

// The three events: the dialog, the refusal in the chat, the message sent.
func TestSubscribeEvents(t *testing.T) {
	t.Parallel()
	for _, format := range []string{sim.PushJSON, sim.PushXML} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: "success"}
			inPush(t, s, sim.Push{Format: format}, func(w *world) {
				openid, _ := w.login("p1")
				ids := w.templates()
				pay, shipped := ids["订单支付成功通知"], ids[shippedTitle]
				wrapper := func(name string) string { return map[string]string{sim.PushXML: name + "."}[format] }
				last := func(event string) map[string]string {
					w.t.Helper()
					synctest.Wait()
					got := s.deliveries()
					m, err := w.openPushed(got[len(got)-1], sim.PushSafe)
					if err != nil || m["Event"] != event || m["FromUserName"] != openid || m["MsgType"] != "event" {
						w.t.Fatalf("got %v, %v, want %s", m, err, event)
					}
					return m
				}
				w.subscribe("p1", map[string]any{"templateIds": []string{shipped}, "answer": "accept"})
				popup := wrapper("SubscribeMsgPopupEvent") + "List."
				if m := last("subscribe_msg_popup_event"); m[popup+"TemplateId"] != shipped || m[popup+"SubscribeStatusString"] != "accept" || m[popup+"PopupScene"] != "0" {
					w.t.Errorf("got %v, want the answer", m)
				}
				w.subscribe("p1", map[string]any{"templateIds": []string{shipped, pay}, "answer": map[string]any{pay: "reject"}})
				if m := last("subscribe_msg_popup_event"); !strings.Contains(m[popup+"SubscribeStatusString"], "accept") || !strings.Contains(m[popup+"SubscribeStatusString"], "reject") {
					w.t.Errorf("got %v, want two answers", m)
				}
				sent := w.sendTo(card(openid, shipped, shippedValues()))
				wantErrcode(w.t, sent, 0)
				list := wrapper("SubscribeMsgSentEvent") + "List."
				if m := last("subscribe_msg_sent_event"); m[list+"MsgID"] != w.list("/messages")[0]["id"] || m[list+"ErrorStatus"] != "success" || m[list+"ErrorCode"] != "0" {
					w.t.Errorf("got %v, want the result", m)
				}
				w.device(http.MethodPost, "/people/p1/unsubscribe", map[string]any{"templateIds": []string{shipped}})
				change := wrapper("SubscribeMsgChangeEvent") + "List."
				if m := last("subscribe_msg_change_event"); m[change+"TemplateId"] != shipped || m[change+"SubscribeStatusString"] != "reject" {
					w.t.Errorf("got %v, want the refusal", m)
				}
				before := len(s.deliveries())
				w.subscribe("p1", map[string]any{"templateIds": []string{pay}, "answer": "accept", "always": true})
				w.subscribe("p1", map[string]any{"templateIds": []string{pay}})
				synctest.Wait()
				if n := len(s.deliveries()) - before; n != 1 {
					w.t.Errorf("got %d events, want one: the second answer needed no dialog", n)
				}
			})
		})
	}
}

func TestMessagesSurviveRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithSendTime(0))
	openid, _ := w.login("p1")
	id := w.keywordTemplate("thing1 物")
	w.allow("p1", id)
	w.allow("p1", id)
	wantErrcode(t, w.sendTo(card(openid, id, map[string]any{"thing1": "面"})), 0)
	before := fmt.Sprint(w.list("/messages"), w.list("/subscriptions"), w.templates())
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if after := fmt.Sprint(w.list("/messages"), w.list("/subscriptions"), w.templates()); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
	w.clock.Add(time.Second)
	wantErrcode(t, w.sendTo(card(openid, id, map[string]any{"thing1": "面"})), 0)
	wantErrcode(t, w.sendTo(card(openid, id, map[string]any{"thing1": "面"})), 43101)
}

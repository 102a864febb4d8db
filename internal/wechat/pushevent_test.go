package wechat_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// opened opens a plain message.
func opened(tb testing.TB, body string) wechat.PushMessage {
	tb.Helper()
	config := pushConfig()
	config.AESKey = ""
	m, err := codec(tb, config).Open(plainQuery(), []byte(body), pushTime)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// event is a JSON push of that event, with more fields.
func event(name, fields string) string {
	return `{"ToUserName":"gh_1","FromUserName":"` + openID + `","CreateTime":"1620973045","MsgType":"event","Event":"` + name + `"` + fields + `}`
}

// eventXML is the same in XML.
func eventXML(name, fields string) string {
	return `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[` + openID + `]]></FromUserName><CreateTime>1620973045</CreateTime>` +
		`<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[` + name + `]]></Event>` + fields + `</xml>`
}

// views calls every typed view: only those of the message's kind may succeed, and none may panic.
func views(tb testing.TB, m wechat.PushMessage) {
	tb.Helper()
	fits := 0
	for _, read := range []func() error{
		func() error { _, err := m.SubscribeAnswers(); return err },
		func() error { _, err := m.SentReports(); return err },
		func() error { _, err := m.MediaResult(); return err },
		func() error { _, err := m.Settlement(); return err },
		func() error { _, err := m.ShippingReminder(); return err },
		func() error { _, err := m.Notice(); return err },
		func() error { _, err := m.PrivacyResult(); return err },
		func() error { _, err := m.ChatMessage(); return err },
	} {
		if !errors.Is(read(), wechat.ErrPushEvent) {
			fits++
		}
	}
	if fits > 1 {
		tb.Errorf("got %d views of a %s %s, want one at most", fits, m.MsgType, m.Event)
	}
}

func TestSubscribeAnswers(t *testing.T) {
	t.Parallel()
	accept := wechat.SubscribeAnswer{TemplateID: "TPL", Status: "accept", PopupScene: "2"}
	reject := wechat.SubscribeAnswer{TemplateID: "TPL2", Status: "reject"}
	const one = `{"TemplateId":"TPL","SubscribeStatusString":"accept","PopupScene":"2"}`
	const two = `{"TemplateId":"TPL2","SubscribeStatusString":"reject"}`
	const oneXML = `<List><TemplateId><![CDATA[TPL]]></TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>2</PopupScene></List>`
	const twoXML = `<List><TemplateId>TPL2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List>`
	popup, change := wechat.EventSubscribePopup, wechat.EventSubscribeChange
	scenarios := []struct {
		name, body string
		want       []wechat.SubscribeAnswer
		err        error
	}{
		{"JSON of one, collapsed", event(popup, `,"List":`+one), []wechat.SubscribeAnswer{accept}, nil},
		{"JSON of one", event(popup, `,"List":[`+one+`]`), []wechat.SubscribeAnswer{accept}, nil},
		{"JSON of two", event(popup, `,"List":[`+one+`,`+two+`]`), []wechat.SubscribeAnswer{accept, reject}, nil},
		{"JSON with a number", event(popup, `,"List":`+strings.Replace(one, `"2"`, "2", 1)), []wechat.SubscribeAnswer{accept}, nil},
		{"XML of one", eventXML(popup, "<SubscribeMsgPopupEvent>"+oneXML+"</SubscribeMsgPopupEvent>"), []wechat.SubscribeAnswer{accept}, nil},
		{"XML of two", eventXML(popup, "<SubscribeMsgPopupEvent>"+oneXML+twoXML+"</SubscribeMsgPopupEvent>"), []wechat.SubscribeAnswer{accept, reject}, nil},
		{"a change", event(change, `,"List":`+two), []wechat.SubscribeAnswer{reject}, nil},
		{"a change in XML", eventXML(change, "<SubscribeMsgChangeEvent>"+twoXML+"</SubscribeMsgChangeEvent>"), []wechat.SubscribeAnswer{reject}, nil},
		{"nothing", event(popup, ""), nil, wechat.ErrMissingField},
		{"an empty list", event(popup, `,"List":[]`), nil, wechat.ErrMissingField},
		{"an empty list in XML", eventXML(popup, "<SubscribeMsgPopupEvent><List></List></SubscribeMsgPopupEvent>"), nil, wechat.ErrMissingField},
		{"null for a list", event(popup, `,"List":null`), nil, wechat.ErrMissingField},
		{"no status", event(popup, `,"List":{"TemplateId":"TPL"}`), nil, wechat.ErrMissingField},
		{"no template", event(popup, `,"List":{"SubscribeStatusString":"accept"}`), nil, wechat.ErrMissingField},
		{"a list of text", event(popup, `,"List":["a"]`), nil, wechat.ErrNotJSON},
		{"text for a list", event(popup, `,"List":"a"`), nil, wechat.ErrNotJSON},
		{"another event", event(wechat.EventSubscribeSent, `,"List":`+one), nil, wechat.ErrPushEvent},
		{"text of that name", `{"MsgType":"text","Event":"` + popup + `","List":` + one + `}`, nil, wechat.ErrPushEvent},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := opened(t, s.body).SubscribeAnswers()
			if !errors.Is(err, s.err) || !slices.Equal(got, s.want) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, s.want, s.err)
			}
		})
	}
	if !accept.Accepted() || reject.Accepted() {
		t.Error("got accept and reject mixed up")
	}
}

func TestSentReports(t *testing.T) {
	t.Parallel()
	const one = `{"TemplateId":"TPL","MsgID":"1864323726461255680","ErrorCode":"0","ErrorStatus":"success"}`
	want := []wechat.SentReport{{TemplateID: "TPL", MsgID: "1864323726461255680", ErrorStatus: "success"}}
	scenarios := []struct {
		name, body string
		want       []wechat.SentReport
		err        error
	}{
		{"JSON", event(wechat.EventSubscribeSent, `,"List":`+one), want, nil},
		{"JSON with numbers", event(wechat.EventSubscribeSent, `,"List":{"TemplateId":"TPL","MsgID":1864323726461255680,"ErrorCode":0,"ErrorStatus":"success"}`), want, nil},
		{
			"XML", eventXML(wechat.EventSubscribeSent, "<SubscribeMsgSentEvent><List><TemplateId>TPL</TemplateId><MsgID>1864323726461255680</MsgID>"+
				"<ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus></List></SubscribeMsgSentEvent>"), want, nil,
		},
		{
			"a failure", event(wechat.EventSubscribeSent, `,"List":{"TemplateId":"TPL","MsgID":"1","ErrorCode":"-1","ErrorStatus":"system failed"}`),
			[]wechat.SentReport{{TemplateID: "TPL", MsgID: "1", ErrorCode: -1, ErrorStatus: "system failed"}},
			nil,
		},
		{"no code", event(wechat.EventSubscribeSent, `,"List":{"TemplateId":"TPL","MsgID":"1"}`), nil, wechat.ErrMissingField},
		{"no list", event(wechat.EventSubscribeSent, ""), nil, wechat.ErrMissingField},
		{"a code that is none", event(wechat.EventSubscribeSent, `,"List":{"TemplateId":"TPL","ErrorCode":"x"}`), nil, wechat.ErrNotJSON},
		{"another event", event(wechat.EventSubscribePopup, `,"List":`+one), nil, wechat.ErrPushEvent},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := opened(t, s.body).SentReports()
			if !errors.Is(err, s.err) || !slices.Equal(got, s.want) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, s.want, s.err)
			}
		})
	}
}

func TestMediaResult(t *testing.T) {
	t.Parallel()
	checked := func(fields string) string {
		return event(wechat.EventMediaChecked, `,"appid":"`+appID+`","trace_id":"60f96f1d-3845297a-1976a3ae","version":2`+fields)
	}
	const detail = `,"detail":[{"strategy":"content_model","errcode":0,"suggest":"pass","label":100,"prob":90}],"errcode":0,"errmsg":"ok","result":{"suggest":"pass","label":100}`
	xml := eventXML(wechat.EventMediaChecked, "<appid>"+appID+"</appid><trace_id>60f96f1d-3845297a-1976a3ae</trace_id><version>2</version>"+
		"<detail><strategy>content_model</strategy><errcode>0</errcode><suggest>pass</suggest><label>100</label><prob>90</prob></detail>"+
		"<errcode>0</errcode><errmsg>ok</errmsg><result><suggest>pass</suggest><label>100</label></result>")
	for name, body := range map[string]string{"JSON": checked(detail), "XML": xml} {
		got, err := opened(t, body).MediaResult()
		want := []wechat.CheckDetail{{Strategy: "content_model", Suggest: wechat.SuggestPass, Label: wechat.LabelNormal, Prob: 90}}
		if err != nil || !got.Passed() || got.Label != wechat.LabelNormal || got.TraceID != "60f96f1d-3845297a-1976a3ae" ||
			got.Errcode != 0 || !slices.Equal(got.Details, want) {
			t.Errorf("%s: got %+v, %v, want the official sample", name, got, err)
		}
	}
	failed, err := opened(t, checked(`,"errcode":-1008,"errmsg":"download failed"`)).MediaResult()
	if err != nil || failed.Errcode != -1008 || failed.Passed() || failed.TraceID == "" {
		t.Errorf("got %+v, %v, want -1008 and no pass", failed, err)
	}
	for body, want := range map[string]error{
		checked(`,"errcode":0`):                                                     wechat.ErrMissingField,
		checked(`,"result":{"suggest":"maybe","label":100}`):                        wechat.ErrMissingField,
		event(wechat.EventMediaChecked, `,"result":{"suggest":"pass","label":100}`): wechat.ErrMissingField,
		event(wechat.EventMediaChecked, `,"appid":"wx0000000000000000","trace_id":"t","result":{"suggest":"pass","label":100}`): wechat.ErrPushAppID,
		event("other", ""): wechat.ErrPushEvent,
	} {
		if got, err := opened(t, body).MediaResult(); !errors.Is(err, want) || got.Passed() {
			t.Errorf("%s: got %+v, %v, want %v", body, got, err, want)
		}
	}
}

const orderFields = `,"transaction_id":"4200001","merchant_id":"1900000001","sub_merchant_id":"","merchant_trade_no":"T1","pay_time":1670563533`

func TestSettlement(t *testing.T) {
	t.Parallel()
	key := wechat.OrderKey{TransactionID: "4200001", MchID: "1900000001", OutTradeNo: "T1"}
	at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	shipped := wechat.Settlement{Key: key, PaidAt: at(1670563533), ShippedAt: at(1670832735), EstimatedAt: at(1671696735)}
	settled := wechat.Settlement{
		Key: key, PaidAt: at(1670563533), ShippedAt: at(1670832735), ReceiveMethod: 2, ReceivedAt: at(1670900000), SettledAt: at(1670900010),
	}
	scenarios := []struct {
		name, body string
		want       wechat.Settlement
		settled    bool
	}{
		{"shipped", event(wechat.EventOrderSettlement, orderFields+`,"shipped_time":1670832735,"estimated_settlement_time":1671696735`), shipped, false},
		{"settled, numbers as text", event(wechat.EventOrderSettlement, orderFields+
			`,"shipped_time":"1670832735","confirm_receive_method":"2","confirm_receive_time":"1670900000","settlement_time":"1670900010"`), settled, true},
		{"shipped, in XML with empty fields", eventXML(wechat.EventOrderSettlement, "<transaction_id>4200001</transaction_id><merchant_id>1900000001</merchant_id>"+
			"<sub_merchant_id></sub_merchant_id><merchant_trade_no>T1</merchant_trade_no><pay_time>1670563533</pay_time><shipped_time>1670832735</shipped_time>"+
			"<estimated_settlement_time>1671696735</estimated_settlement_time><settlement_time></settlement_time>"), shipped, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := opened(t, s.body).Settlement()
			if err != nil || got != s.want || got.Settled() != s.settled {
				t.Errorf("got %+v, %v, want %+v", got, err, s.want)
			}
		})
	}
	if _, err := opened(t, event(wechat.EventOrderSettlement, `,"merchant_id":"1"`)).Settlement(); !errors.Is(err, wechat.ErrMissingField) {
		t.Errorf("got %v without an order, want ErrMissingField", err)
	}
	if _, err := opened(t, event(wechat.EventOrderSettlement, `,"merchant_id":{}`)).Settlement(); !errors.Is(err, wechat.ErrNotJSON) {
		t.Errorf("got %v for a merchant that is an object, want ErrNotJSON", err)
	}
}

func TestShippingReminderAndNotices(t *testing.T) {
	t.Parallel()
	got, err := opened(t, event(wechat.EventRemindShipping, orderFields+`,"msg":"请发货"`)).ShippingReminder()
	want := wechat.ShippingReminder{
		Key:    wechat.OrderKey{TransactionID: "4200001", MchID: "1900000001", OutTradeNo: "T1"},
		PaidAt: time.Unix(1670563533, 0).UTC(), Text: "请发货",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := opened(t, event(wechat.EventRemindShipping, "")).ShippingReminder(); !errors.Is(err, wechat.ErrMissingField) {
		t.Errorf("got %v without an order, want ErrMissingField", err)
	}
	for _, name := range []string{wechat.EventRemindAccess, wechat.EventTradeControlled} {
		if text, err := opened(t, event(name, `,"msg":"请接入"`)).Notice(); err != nil || text != "请接入" {
			t.Errorf("%s: got %q, %v, want the text", name, text, err)
		}
	}
}

func TestPrivacyResult(t *testing.T) {
	t.Parallel()
	got, err := opened(t, event(wechat.EventPrivacyApplied,
		`,"result_info":{"api_name":"wx.getLocation","apply_time":"1650000000","audit_id":4211202,"audit_time":"1650000001","reason":"r","status":"2"}`)).PrivacyResult()
	want := wechat.PrivacyResult{
		APIName: "wx.getLocation", AppliedAt: time.Unix(1650000000, 0).UTC(), AuditID: "4211202",
		AuditedAt: time.Unix(1650000001, 0).UTC(), Reason: "r", Status: "2",
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := opened(t, event(wechat.EventPrivacyApplied, "")).PrivacyResult(); !errors.Is(err, wechat.ErrMissingField) {
		t.Errorf("got %v without an API, want ErrMissingField", err)
	}
}

func TestChatMessage(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, body string
		want       wechat.ChatMessage
		err        error
	}{
		{"text", textJSON, wechat.ChatMessage{Kind: "text", Content: "你好 <b>"}, nil},
		{"text in XML", textXML, wechat.ChatMessage{Kind: "text", Content: "你好 <b>"}, nil},
		{"text that is a number", `{"MsgType":"text","Content":12}`, wechat.ChatMessage{Kind: "text", Content: "12"}, nil},
		{"a picture", `{"MsgType":"image","PicUrl":"u","MediaId":"m"}`, wechat.ChatMessage{Kind: "image", PicURL: "u", MediaID: "m"}, nil},
		{
			"a card", `{"MsgType":"miniprogrampage","Title":"t","AppId":"a","PagePath":"p","ThumbUrl":"u","ThumbMediaId":"m"}`,
			wechat.ChatMessage{Kind: "miniprogrampage", Title: "t", AppID: "a", PagePath: "p", ThumbURL: "u", ThumbMediaID: "m"},
			nil,
		},
		{"the chat was opened", event(wechat.EventChatEntered, `,"SessionFrom":"sessionFrom"`), wechat.ChatMessage{Kind: wechat.EventChatEntered, SessionFrom: "sessionFrom"}, nil},
		{"another event", event("other", ""), wechat.ChatMessage{}, wechat.ErrPushEvent},
		{"another type", `{"MsgType":"video"}`, wechat.ChatMessage{}, wechat.ErrPushEvent},
		{"text that is an object", `{"MsgType":"text","Content":{}}`, wechat.ChatMessage{}, wechat.ErrNotJSON},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := opened(t, s.body).ChatMessage()
			if !errors.Is(err, s.err) || got != s.want {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, s.want, s.err)
			}
		})
	}
}

func TestViewsOfOthersRefuse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		wechat.EventChatEntered, wechat.EventMediaChecked, wechat.EventSubscribePopup, wechat.EventSubscribeChange, wechat.EventSubscribeSent,
		wechat.EventRemindAccess, wechat.EventRemindShipping, wechat.EventOrderSettlement, wechat.EventTradeControlled, wechat.EventPrivacyApplied, "other",
	} {
		views(t, opened(t, event(name, "")))
		views(t, opened(t, eventXML(name, "")))
	}
	views(t, wechat.PushMessage{})
}

package sim

import (
	"errors"
	"strings"
	"testing"

	"wxbase/internal/sim/wire"
)

// The vectors of https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html (消息推送)
const (
	vectorToken = "AAAAA"
	vectorApp   = "wxba5fad812f8e6fb9"
	vectorSeal  = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	vectorMsg   = `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`
	vectorReply = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
)

// vectorKey is the sample's key: 43 times A.
func vectorKey() string { return strings.Repeat("A", 43) }

func TestPushSignatureVectors(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, want string
		parts      []string
	}{
		{"verification of the address", "f464b24fc39322e44b38aa78f5edd27bd1441696", []string{vectorToken, "1714036504", "1514711492"}},
		{"plain mode", "899cf89e464efb63f54ddac96b0a0a235f53aa78", []string{vectorToken, "1714037059", "486452656"}},
		{"signature in safe mode", "6c5c811b55cc85e0e1b54100749188c20beb3f5d", []string{vectorToken, "1714112445", "415670741"}},
		{"msg_signature in safe mode", "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", []string{vectorToken, "1714112445", "415670741", vectorSeal}},
		{"MsgSignature of the reply", "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1", []string{vectorToken, "1713424427", "415670741", vectorReply}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := wire.SignPush(s.parts...); got != s.want {
				t.Fatalf("got %s, want %s", got, s.want)
			}
		})
	}
}

func TestPushCipherVectors(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, start, message, want string }{
		{"message", "a8eedb185eb2fecf", vectorMsg, vectorSeal},
		{"reply", "707722b803182950", `{"demo_resp":"good luck"}`, vectorReply},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.SealPush(vectorKey(), vectorApp, []byte(s.start), []byte(s.message), wire.PadPush)
			if err != nil || got != s.want {
				t.Fatalf("seal: got %s, %v, want %s", got, err, s.want)
			}
			opened, err := wire.OpenPush(vectorKey(), vectorApp, s.want)
			if err != nil || string(opened) != s.message {
				t.Fatalf("open: got %s, %v, want %s", opened, err, s.message)
			}
		})
	}
}

func TestPushOpenRefusals(t *testing.T) {
	t.Parallel()
	wrongPad, err := wire.SealPush(vectorKey(), vectorApp, []byte("0123456789abcdef"), []byte("x"), wire.PadPushWrongly)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct{ name, key, appid, sealed string }{
		{"another appid", vectorKey(), "wx0123456789abcdef", vectorSeal},
		{"another key", strings.Repeat("B", 42) + "A", vectorApp, vectorSeal},
		{"a wrong pad", vectorKey(), vectorApp, wrongPad},
		{"cut", vectorKey(), vectorApp, vectorSeal[:64]},
		{"no whole block", vectorKey(), vectorApp, "AAAA"},
		{"nothing", vectorKey(), vectorApp, ""},
		{"no base64", vectorKey(), vectorApp, "%%%"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got, err := wire.OpenPush(s.key, s.appid, s.sealed); !errors.Is(err, wire.ErrPushSeal) {
				t.Fatalf("got %q, %v, want it refused", got, err)
			}
		})
	}
	if _, err := wire.OpenPush("short", vectorApp, vectorSeal); err == nil {
		t.Error("got no error for a key of 5 characters, want one")
	}
}

// A reply is what a backend may answer; the official one is accepted, and anything similar is not.
func TestPushAnswers(t *testing.T) {
	t.Parallel()
	good := `{"Encrypt":"` + vectorReply + `","MsgSignature":"1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1","TimeStamp":1713424427,"Nonce":"415670741"}`
	inXML := "<xml><Encrypt><![CDATA[" + vectorReply + "]]></Encrypt><MsgSignature>1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1</MsgSignature><TimeStamp>1713424427</TimeStamp><Nonce>415670741</Nonce></xml>"
	scenarios := []struct {
		name, mode, answer string
		taken              bool
	}{
		{"empty", PushSafe, "", true},
		{"success", PushSafe, "success", true},
		{"success and a newline", PushSafe, "success\n", true},
		{"success in quotes", PushSafe, `"success"`, false},
		{"some page", PushPlain, "<html>ok</html>", false},
		{"official reply", PushSafe, good, true},
		{"official reply in XML", PushSafe, inXML, true},
		{"official reply in compatible mode", PushCompatible, good, true},
		{"changed time", PushSafe, strings.Replace(good, "1713424427", "1713424428", 1), false},
		{"changed text", PushSafe, strings.Replace(good, "ELGd", "ELGe", 1), false},
		{"reply in the clear in safe mode", PushSafe, `{"demo_resp":"good luck"}`, false},
		{"reply in the clear in compatible mode", PushCompatible, `{"demo_resp":"good luck"}`, true},
		{"reply in the clear in plain mode", PushPlain, `<xml><MsgType>text</MsgType></xml>`, true},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			set := pushRow{AppID: vectorApp, PushToken: vectorToken, PushAESKey: vectorKey(), PushMode: s.mode}
			if err := set.checkPushAnswer([]byte(s.answer)); (err == nil) != s.taken {
				t.Fatalf("got %v, want it taken %v", err, s.taken)
			}
		})
	}
}

// The shapes of the document's samples, in both formats.
func TestPushShapes(t *testing.T) {
	t.Parallel()
	one := pushMessage{
		To: "gh_1", From: "oXXXX", CreateTime: 1620973045, MsgType: "event", Event: eventPopup,
		Fields: pushFields{"List": []any{map[string]any{"TemplateId": "TPL", "SubscribeStatusString": "accept", "PopupScene": 0}}},
	}
	two := one
	two.Fields = pushFields{"List": []any{map[string]any{"TemplateId": "A"}, map[string]any{"TemplateId": "B"}}}
	media := pushMessage{To: "gh_9", From: "oXXXX", CreateTime: 1626959646, MsgType: "event", Event: eventMediaCheck, Fields: mediaCheck{AppID: "wx8", TraceID: "60f9", Suggest: "pass", Label: 100}.fields()}
	typed := pushMessage{To: "gh_1", From: "o1", CreateTime: 1, MsgType: "text", Fields: pushFields{"Content": "a]]>b", "MsgId": 7}}
	scenarios := []struct {
		name, format, want string
		m                  pushMessage
	}{
		{"one entry in JSON", PushJSON, `{"ToUserName":"gh_1","FromUserName":"oXXXX","CreateTime":"1620973045","MsgType":"event","Event":"subscribe_msg_popup_event","List":{"PopupScene":"0","SubscribeStatusString":"accept","TemplateId":"TPL"}}`, one},
		{"one entry in XML", PushXML, `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oXXXX]]></FromUserName><CreateTime>1620973045</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent><List><PopupScene>0</PopupScene><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><TemplateId><![CDATA[TPL]]></TemplateId></List></SubscribeMsgPopupEvent></xml>`, one},
		{"two entries in JSON", PushJSON, `{"ToUserName":"gh_1","FromUserName":"oXXXX","CreateTime":"1620973045","MsgType":"event","Event":"subscribe_msg_popup_event","List":[{"TemplateId":"A"},{"TemplateId":"B"}]}`, two},
		{"two entries in XML", PushXML, `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oXXXX]]></FromUserName><CreateTime>1620973045</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent><List><TemplateId><![CDATA[A]]></TemplateId></List><List><TemplateId><![CDATA[B]]></TemplateId></List></SubscribeMsgPopupEvent></xml>`, two},
		{"media check in JSON", PushJSON, `{"ToUserName":"gh_9","FromUserName":"oXXXX","CreateTime":1626959646,"MsgType":"event","Event":"wxa_media_check","appid":"wx8","detail":[{"errcode":0,"label":100,"prob":90,"strategy":"content_model","suggest":"pass"}],"errcode":0,"errmsg":"ok","result":{"label":100,"suggest":"pass"},"trace_id":"60f9","version":2}`, media},
		{"a typed message in XML", PushXML, `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName><CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a]]]]><![CDATA[>b]]></Content><MsgId>7</MsgId></xml>`, typed},
		{"a typed message in JSON", PushJSON, `{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"a]]>b","MsgId":7}`, typed},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := string(s.m.encode(s.format)); got != s.want {
				t.Fatalf("got  %s\nwant %s", got, s.want)
			}
		})
	}
}

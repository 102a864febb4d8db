package sim_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

const (
	complaintsPath   = "/v3/merchant-service/complaints-v2"
	complaintAddress = "/v3/merchant-service/complaint-notifications"
	complaintURL     = "https://shop.example.com/pay/complaint"
	tinyPNG          = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

// complaint lets p1 complain and gives the number.
func (w *world) complaint(in map[string]any) string {
	w.t.Helper()
	return w.device(http.MethodPost, "/people/p1/complain", in).text("id")
}

// act is a call on a complaint that wants 204.
func (w *merchantSide) act(id, what string, body map[string]any) {
	w.t.Helper()
	a := w.pay(http.MethodPost, complaintsPath+"/"+id+"/"+what, jsonText(w.t, body))
	if err := w.verify(a.header, a.body); a.status != http.StatusNoContent || err != nil {
		w.t.Fatalf("%s: got %d %s, %v, want a signed 204", what, a.status, a.body, err)
	}
}

// steps lists what happened to a complaint, the oldest first.
func (w *merchantSide) steps(id string) (list []string) {
	w.t.Helper()
	rows, _ := w.pay(http.MethodGet, complaintsPath+"/"+id+"/negotiation-historys?limit=50&offset=0", "").json["data"].([]any)
	for _, row := range rows {
		list = append([]string{row.(map[string]any)["operate_type"].(string)}, list...)
	}
	return list
}

// uploads makes a signed upload: the signature covers meta alone.
func (w *merchantSide) uploads(name string, picture []byte, sum string) answer {
	w.t.Helper()
	meta := fmt.Sprintf(`{"filename":%q,"sha256":%q}`, name, sum)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("meta", meta); err != nil {
		w.t.Fatal(err)
	}
	file, err := form.CreateFormFile("file", name)
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = file.Write(picture)
	if err := form.Close(); err != nil {
		w.t.Fatal(err)
	}
	const path = "/v3/merchant-service/images/upload"
	signed := w.signed(http.MethodPost, path, meta, w.clock.Now())
	req := w.request(http.MethodPost, path, body.String())
	req.Header = signed.Header
	req.Header.Set("Content-Type", form.FormDataContentType())
	return w.do(req)
}

func TestComplaintStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-COMPLAINT-1")
	id := w.complaint(map[string]any{"detail": "面坨了", "pictures": []string{tinyPNG}})
	detail := w.pay(http.MethodGet, complaintsPath+"/"+id, "")
	if err := w.verify(detail.header, detail.body); err != nil || detail.text("complaint_state") != "PENDING" || detail.text("payer_openid") == "" || detail.json["incoming_user_response"] != true {
		t.Fatalf("got %s, %v, want a signed PENDING one with the payer's openid", detail.body, err)
	}
	sealed, err := base64.StdEncoding.DecodeString(detail.text("payer_phone"))
	if err != nil {
		t.Fatal(err)
	}
	if phone, err := rsa.DecryptOAEP(sha1.New(), rand.Reader, w.key, sealed, nil); err != nil || string(phone) != "13800138001" {
		t.Errorf("got phone %s, %v, want it for the merchant's key", phone, err)
	}
	media, _ := detail.json["complaint_media_list"].([]any)
	address, _ := media[0].(map[string]any)["media_url"].([]any)[0].(string)
	picture := w.pay(http.MethodGet, strings.TrimPrefix(address, "https://api.mch.weixin.qq.com"), "")
	if want, _ := base64.StdEncoding.DecodeString(tinyPNG); picture.status != 200 || !bytes.Equal(picture.body, want) {
		t.Errorf("got %d and %d bytes, want the picture", picture.status, len(picture.body))
	}
	png, _ := base64.StdEncoding.DecodeString(tinyPNG)
	sum := sha256.Sum256(png)
	up := w.uploads("a.png", png, hex.EncodeToString(sum[:]))
	if up.status != 200 || up.text("media_id") == "" {
		t.Fatalf("upload: got %d %s", up.status, up.body)
	}
	own := map[string]any{"complainted_mchid": w.mch.MchID}
	w.act(id, "response", map[string]any{"complainted_mchid": w.mch.MchID, "response_content": "马上处理", "response_images": []string{up.text("media_id")}})
	if got := w.pay(http.MethodGet, complaintsPath+"/"+id, ""); got.text("complaint_state") != "PROCESSING" || got.json["incoming_user_response"] != false {
		t.Errorf("got %s, want PROCESSING with nobody waiting", got.body)
	}
	w.act(id, "update-refund-progress", map[string]any{"action": "APPROVE", "launch_refund_day": 1})
	w.refunded("ORD-COMPLAINT-1", "R-COMPLAINT-1", 100)
	w.clock.Add(5 * time.Second)
	_ = w.refundState("R-COMPLAINT-1") // note: a question settles what has come due
	if got := w.pay(http.MethodGet, complaintsPath+"/"+id, ""); got.json["complaint_full_refunded"] != true {
		t.Errorf("got %s, want it refunded in full", got.body)
	}
	w.act(id, "complete", own)
	wantPayError(t, w.pay(http.MethodPost, complaintsPath+"/"+id+"/complete", jsonText(t, own)), http.StatusBadRequest, "INVALID_REQUEST")
	w.device(http.MethodPost, "/complaints/"+id, map[string]any{"action": "again"})
	got := strings.Join(w.steps(id), " ")
	if want := "USER_CREATE_COMPLAINT MERCHANT_RESPONSE MERCHANT_APPROVE_REFUND COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE MERCHANT_CONFIRM_COMPLETE USER_CONTINUE_COMPLAINT"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestComplaintRefusals(t *testing.T) { //nolint:tparallel // one world, one after the other
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-COMPLAINT-2")
	id := w.complaint(map[string]any{"problem": "OTHERS"})
	at := complaintsPath + "/" + id
	day := w.clock.Now().Format(time.DateOnly)
	for name, s := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"no dates":              {http.MethodGet, complaintsPath + "?limit=5&offset=0", "", 400, "PARAM_ERROR"},
		"a span of 31 days":     {http.MethodGet, complaintsPath + "?begin_date=2026-01-01&end_date=2026-02-01", "", 400, "PARAM_ERROR"},
		"51 of a list":          {http.MethodGet, complaintsPath + "?limit=51&begin_date=" + day + "&end_date=" + day, "", 400, "PARAM_ERROR"},
		"another merchant's":    {http.MethodGet, complaintsPath + "?begin_date=" + day + "&end_date=" + day + "&complainted_mchid=1900000001", "", 400, "PARAM_ERROR"},
		"no such number":        {http.MethodGet, complaintsPath + "/1", "", 400, "INVALID_REQUEST"},
		"201 characters":        {http.MethodPost, at + "/response", jsonText(t, map[string]any{"complainted_mchid": w.mch.MchID, "response_content": strings.Repeat("好", 201)}), 400, "PARAM_ERROR"},
		"an unknown picture":    {http.MethodPost, at + "/response", jsonText(t, map[string]any{"complainted_mchid": w.mch.MchID, "response_content": "好", "response_images": []string{"x.png"}}), 400, "PARAM_ERROR"},
		"no merchant":           {http.MethodPost, at + "/complete", "{}", 400, "PARAM_ERROR"},
		"no wish for a refund":  {http.MethodPost, at + "/update-refund-progress", `{"action":"APPROVE"}`, 400, "INVALID_REQUEST"},
		"no reason for a no":    {http.MethodPost, at + "/update-refund-progress", `{"action":"REJECT"}`, 400, "PARAM_ERROR"},
		"no address yet":        {http.MethodGet, complaintAddress, "", 404, "RESOURCE_NOT_EXISTS"},
		"a change of none":      {http.MethodPut, complaintAddress, `{"url":"` + complaintURL + `"}`, 404, "RESOURCE_NOT_EXISTS"},
		"an address with query": {http.MethodPost, complaintAddress, `{"url":"` + complaintURL + `?a=1"}`, 400, "PARAM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			wantPayError(t, w.pay(s.method, s.path, s.body), s.status, s.code)
		})
	}
	list := w.pay(http.MethodGet, complaintsPath+"?begin_date="+day+"&end_date="+day, "")
	rows, _ := list.json["data"].([]any)
	if len(rows) != 1 || list.number("total_count") != 1 || rows[0].(map[string]any)["payer_openid"] != nil {
		t.Errorf("got %s, want the one complaint without an openid", list.body)
	}
	if a := w.uploads("a.png", []byte("\x89PNG\r\n\x1a\n"), strings.Repeat("0", 64)); a.status != 400 {
		t.Errorf("got %d %s, want the wrong digest refused", a.status, a.body)
	}
}

func TestComplaintNotification(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "lost", "duplicate", "wrong_signature", "unknown_complaint"} {
		t.Run("fault "+kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(204)}
			inBubble(t, s, func(w *world) {
				w.buy("ORD-COMPLAINT-3")
				if a := w.pay(http.MethodPost, complaintAddress, `{"url":"`+complaintURL+`"}`); a.status != 200 || a.text("mchid") != w.mch.MchID {
					w.t.Fatalf("got %d %s", a.status, a.body)
				}
				before := len(s.deliveries())
				if kind != "" {
					w.fault(map[string]any{"on": "complaint_notification", "kind": kind})
				}
				start := time.Now()
				id := w.complaint(map[string]any{})
				time.Sleep(time.Minute)
				got := s.deliveries()[before:]
				if want := map[string]int{"duplicate": 2}[kind]; len(got) != max(want, 1) {
					w.t.Fatalf("got %d deliveries, want %d", len(got), max(want, 1))
				}
				if late := got[0].at.Sub(start); (kind == "lost") != (late == 5*time.Second) {
					w.t.Errorf("got it after %s: a lost one comes again after five seconds", late)
				}
				if err := w.verify(got[0].header, got[0].body); (err != nil) != (kind == "wrong_signature") {
					w.t.Errorf("got %v", err)
				}
				o := w.open(got[0])
				if o.EventType != "COMPLAINT.CREATE" || o.Resource.OriginalType != "complaint" || o.plain["action_type"] != "CREATE_COMPLAINT" {
					w.t.Errorf("got %s %v", got[0].body, o.plain)
				}
				if (o.plain["complaint_id"] == id) == (kind == "unknown_complaint") || len(o.plain) != 2 {
					w.t.Errorf("got %v of %s", o.plain, id)
				}
			})
		})
	}
}

// TestOwnStepsAreNotAnnounced: what the merchant does no message tells, what the payer does one does.
func TestOwnStepsAreNotAnnounced(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-COMPLAINT-4")
		w.pay(http.MethodPost, complaintAddress, `{"url":"https://old.example.com/"}`)
		w.pay(http.MethodPut, complaintAddress, `{"url":"`+complaintURL+`"}`)
		id := w.complaint(map[string]any{})
		time.Sleep(time.Minute)
		before := len(s.deliveries())
		w.act(id, "response", map[string]any{"complainted_mchid": w.mch.MchID, "response_content": "好"})
		w.act(id, "complete", map[string]any{"complainted_mchid": w.mch.MchID})
		time.Sleep(time.Minute)
		if n := len(s.deliveries()) - before; n != 0 {
			w.t.Fatalf("got %d messages about the merchant's own steps", n)
		}
		w.device(http.MethodPost, "/trigger", map[string]any{"event": "complaint.message"})
		time.Sleep(time.Minute)
		got := s.deliveries()[before:]
		if len(got) != 1 || got[0].url != complaintURL || w.open(got[0]).EventType != "COMPLAINT.STATE_CHANGE" || w.open(got[0]).plain["action_type"] != "USER_RESPONSE" {
			w.t.Fatalf("got %d, want one about the payer's", len(got))
		}
		if a := w.pay(http.MethodDelete, complaintAddress, ""); a.status != http.StatusNoContent {
			w.t.Fatalf("got %d %s", a.status, a.body)
		}
		w.complaint(map[string]any{})
		time.Sleep(time.Minute)
		if n := len(s.deliveries()) - before; n != 1 {
			w.t.Errorf("got %d messages, want none without an address", n-1)
		}
	})
}

func TestTradeComplaint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-TRADE-1")
	a := w.device(http.MethodPost, "/people/p1/complain", map[string]any{"platform": true, "detail": "没有发货"})
	id := strconv.Itoa(a.number("id"))
	token := "access_token=" + w.token()
	order := func() map[string]any {
		got := w.call(http.MethodGet, "/wxaapi/minishop/complaintOrderDetail?"+token+"&complaintOrderId="+id, "")
		row, _ := got.json["complaintOrder"].(map[string]any)
		return row
	}
	if o := order(); o["status"] != 201.0 || o["outTradeNo"] != "ORD-TRADE-1" || o["expireTime"].(float64)-o["createTime"].(float64) != 48*3600 {
		t.Fatalf("got %v, want 201 with 48 hours", o)
	}
	say := func(call string, in map[string]any) answer {
		in["complaintOrderId"] = a.number("id")
		return w.call(http.MethodPost, "/wxaapi/minishop/"+call+"?"+token, jsonText(t, in))
	}
	wantErrcode(t, say("bussiRespondComplaint", map[string]any{"bussiHandle": 1}), 2)
	wantErrcode(t, say("bussiRespondComplaint", map[string]any{"bussiHandle": 3, "content": "好"}), 10001)
	wantErrcode(t, say("bussiSupplyProof", map[string]any{"content": "早了"}), 309)
	wantErrcode(t, say("bussiRespondComplaint", map[string]any{"bussiHandle": 1, "content": "同意退款"}), 0)
	if o := order(); o["status"] != 206.0 {
		t.Errorf("got %v, want 206", o["status"])
	}
	wantErrcode(t, say("bussiSupplyRefund", map[string]any{"content": "已退款", "mediaIdList": []string{"nobody's"}}), 2)
	wantErrcode(t, say("bussiSupplyRefund", map[string]any{"content": "已退款"}), 0)
	w.device(http.MethodPost, "/complaints/"+id, map[string]any{"status": 312})
	if o := order(); o["status"] != 312.0 || o["expireTime"] != 0.0 {
		t.Errorf("got %v, want 312 and no deadline", o)
	}
}

// TestComplaintsSurviveRestart: complaints, pictures and the address are in the journal.
func TestComplaintsSurviveRestart(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), newTestClock()
	w := openWorld(t, dir, clock)
	w.paid("ORD-COMPLAINT-5")
	w.pay(http.MethodPost, complaintAddress, `{"url":"`+complaintURL+`"}`)
	id := w.complaint(map[string]any{"pictures": []string{tinyPNG}})
	w.device(http.MethodPost, "/people/p1/complain", map[string]any{"platform": true})
	w.close()
	w = openWorld(t, dir, clock, sim.WithKeyBits(keyBits))
	if got := w.pay(http.MethodGet, complaintsPath+"/"+id, ""); got.text("complaint_state") != "PENDING" {
		t.Errorf("got %s", got.body)
	}
	if got := w.pay(http.MethodGet, complaintAddress, ""); got.text("url") != complaintURL {
		t.Errorf("got %s", got.body)
	}
	if n := len(w.list("/complaints?platform=1")); n != 1 {
		t.Errorf("got %d trade complaints", n)
	}
}

package wxpay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const complaintID = "200201820200101080076610000"

// complaintJSON is the sample of the official page, changed.
func complaintJSON(change map[string]any) map[string]any {
	c := map[string]any{
		"complaint_id": complaintID, "complaint_time": "2015-05-20T13:29:35.120+08:00", "complaint_detail": "反馈一个重复扣费的问题", "complaint_state": "PENDING",
		"complainted_mchid": testMchID, "payer_phone": "x", "complaint_order_info": []any{map[string]any{"transaction_id": "4200000404201909069117582536", "out_trade_no": "20190906154617947762231", "amount": 3}},
		"complaint_media_list": []any{map[string]any{"media_type": "USER_COMPLAINT_IMAGE", "media_url": []string{
			"https://api.mch.weixin.qq.com/v3/merchant-service/images/ChsyMDAw%3D%3D", "https://evil.example.com/x.png", "https://evil.example.com/v3/merchant-service/images/..%2F..%2Fcertificates",
		}}},
		"complaint_full_refunded": false, "incoming_user_response": true, "problem_description": "不满意商家服务", "user_complaint_times": 1, "problem_type": "REFUND", "apply_refund_amount": 10,
	}
	maps.Copy(c, change)
	return c
}

// answers has WeChat answer every call so, signed.
func (f *fakeWeChat) answers(status int, value any) {
	f.setFault(func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, status, value) })
}

func TestComplaintIsRead(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	want := time.Date(2015, 5, 20, 5, 29, 35, 120_000_000, time.UTC)
	for name, at := range map[string]any{"text": "2015-05-20T13:29:35.120+08:00", "milliseconds": want.UnixMilli()} {
		f.answers(200, complaintJSON(map[string]any{"complaint_time": at}))
		got, err := v.Complaint(t.Context(), complaintID)
		if err != nil || !got.At.Equal(want) || got.ApplyRefund != 10 || got.Orders[0].OutTradeNo != "20190906154617947762231" {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if !slices.Equal(got.Pictures, []string{"ChsyMDAw%3D%3D"}) {
			t.Errorf("got %v, want the ids of WeChat's own pictures as they are written", got.Pictures)
		}
	}
	for name, change := range map[string]map[string]any{
		"another complaint": {"complaint_id": "2002"}, "another merchant": {"complainted_mchid": "1900009999"},
	} {
		f.answers(200, complaintJSON(change))
		_, err := v.Complaint(t.Context(), complaintID)
		if err == nil {
			t.Fatalf("%s: got it believed", name)
		}
		_ = asKind(t, err, wxpay.KindUnverified)
	}
	f.setFault(plainAnswer(200, `{"complaint_id":"`+complaintID+`"}`))
	if _, err := v.Complaint(t.Context(), complaintID); err == nil {
		t.Error("got an unsigned answer believed")
	}
}

func TestComplaintActsAreChecked(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	five := []string{"1", "2", "3", "4", "5"}
	for name, err := range map[string]error{
		"no words":         v.ReplyComplaint(t.Context(), complaintID, "", nil),
		"201 characters":   v.ReplyComplaint(t.Context(), complaintID, strings.Repeat("好", 201), nil),
		"five pictures":    v.ReplyComplaint(t.Context(), complaintID, "好", five),
		"a path as number": v.CompleteComplaint(t.Context(), "../../refund"),
		"a no of no word":  v.DecideComplaint(t.Context(), complaintID, wxpay.ComplaintDecision{}),
		"31 days":          v.DecideComplaint(t.Context(), complaintID, wxpay.ComplaintDecision{Approve: true, Days: 31}),
	} {
		if e := asKind(t, err, wxpay.KindParam); e.Status != 0 {
			t.Errorf("%s: got %v, want it refused before it is sent", name, err)
		}
	}
	if _, err := v.UploadPicture(t.Context(), "a.svg", []byte("<svg/>")); err == nil {
		t.Error("got markup taken for a picture")
	}
	if _, err := v.Picture(t.Context(), "../certificates"); err == nil {
		t.Error("got a path taken for a picture")
	}
	f.answers(204, nil)
	if err := v.DecideComplaint(t.Context(), complaintID, wxpay.ComplaintDecision{Approve: true, Reason: "left over"}); err != nil {
		t.Fatal(err)
	}
	if _, body := f.last(); strings.TrimSpace(body) != `{"action":"APPROVE","launch_refund_day":0}` {
		t.Errorf("got %s, want today as a day and nothing of a refusal", body)
	}
}

func TestComplaintNotification(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	note := func(modify func(envelope, resource map[string]any)) (http.Header, []byte) {
		envelope := notificationOf([]byte(`{"complaint_id":"`+complaintID+`","action_type":"CREATE_COMPLAINT"}`), func(envelope, resource map[string]any) {
			envelope["event_type"], resource["original_type"] = "COMPLAINT.CREATE", "complaint"
			if modify != nil {
				modify(envelope, resource)
			}
		})
		body, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		f.stamp(header, testKeyID, body, nil)
		return header, body
	}
	header, body := note(nil)
	got, err := v.ParseComplaintNotification(header, body)
	if err != nil || got.ComplaintID != complaintID || got.Action != "CREATE_COMPLAINT" || got.EventType != "COMPLAINT.CREATE" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := v.ParseComplaintNotification(header, bytes.Replace(body, []byte("CREATE"), []byte("STATE_CHANGE"), 1)); !errors.Is(err, wxpay.ErrNotifySignature) {
		t.Errorf("changed: got %v", err)
	}
	header, body = note(func(envelope, _ map[string]any) { envelope["event_type"] = "TRANSACTION.SUCCESS" })
	if _, err := v.ParseComplaintNotification(header, body); !errors.Is(err, wxpay.ErrNotifyUnsupported) {
		t.Errorf("of a payment: got %v", err)
	}
	header, body = note(nil)
	if _, err := v.ParsePayNotification(header, body); !errors.Is(err, wxpay.ErrNotifyUnsupported) {
		t.Errorf("taken for a payment: got %v", err)
	}
}

// TestComplaintAddress: an address that is there is changed and not made anew, and one that fits is left alone.
func TestComplaintAddress(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	have := ""
	var calls []string
	f.setFault(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method)
		if r.Method == http.MethodGet && have == "" {
			refuse(w, 404, "RESOURCE_NOT_EXISTS", "没有地址")
			return
		}
		if r.Method != http.MethodGet {
			have = "https://shop.example.com/" + strings.ToLower(r.Method)
		}
		f.answer(w, r, 200, map[string]string{"mchid": testMchID, "url": have})
	})
	for _, address := range []string{"https://shop.example.com/post", "https://shop.example.com/post", "https://shop.example.com/put"} {
		if err := v.SetComplaintAddress(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(calls, " "); got != "GET POST GET GET PUT" {
		t.Errorf("got %s", got)
	}
}

package wxpay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

const testBillNo = "po20260101x0001"

func testTransfer() wxpay.TransferRequest {
	return wxpay.TransferRequest{
		AppID: testAppID, OpenID: testOpenID, OutBillNo: testBillNo, SceneID: "1000", Remark: "新会员奖励 & <b>", Perception: "现金奖励",
		Reports:   []wxpay.TransferReport{{Type: "活动名称", Content: "新会员有礼"}, {Type: "奖励说明", Content: "注册会员抽奖一等奖"}},
		NotifyURL: "https://shop.example.com/api/wx/notify/payout/m1", Amount: 2_000,
	}
}

// newTransferWorld is a gateway in one of the verify modes.
func newTransferWorld(t *testing.T, mode string) (*fakeWeChat, *wxpay.V3) {
	t.Helper()
	f := newFakeWeChat(t)
	m := testMerchant()
	m.PayBase, m.VerifyMode = f.url, mode
	if mode == wxpay.VerifyCertificate {
		m.PublicKeyID, m.PublicKey = "", ""
	}
	return f, newGateway(t, m, wxpay.WithNow(f.clock.now))
}

// TestTransferGoesThrough sends one with a name, which only WeChat can read, in each verify mode.
func TestTransferGoesThrough(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{wxpay.VerifyPublicKey, wxpay.VerifyCertificate, wxpay.VerifyBoth} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f, v := newTransferWorld(t, mode)
			request := testTransfer()
			request.Amount, request.UserName = 200_000, "欧阳娜娜"
			made, err := v.Transfer(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if made.State != wxpay.TransferWaits || made.PackageInfo == "" || made.MchID != testMchID || !made.CreatedAt.Equal(testStart) {
				t.Errorf("got %+v, want it to wait for the receiver", made)
			}
			_, body := f.last()
			if f.transfers[testBillNo].name != "欧阳娜娜" || strings.Contains(body, "欧阳") {
				t.Errorf("got name %q and body %s, want it read by WeChat alone", f.transfers[testBillNo].name, body)
			}
			f.endTransfer(testBillNo, "SUCCESS", "")
			got, err := v.QueryTransfer(t.Context(), testBillNo)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(got.Raw) {
				t.Errorf("got raw %q, want the evidence", got.Raw)
			}
			got.Raw, got.CreatedAt, got.UpdatedAt = nil, time.Time{}, time.Time{}
			left, _ := json.Marshal(got)
			want, _ := json.Marshal(wxpay.Transfer{
				MchID: testMchID, AppID: testAppID, OpenID: testOpenID, OutBillNo: testBillNo, TransferBillNo: made.TransferBillNo,
				State: wxpay.TransferSuccess, Amount: 200_000,
			})
			if string(left) != string(want) {
				t.Errorf("got %s, want %s", left, want)
			}
		})
	}
}

func TestTransferOfTheSameNumber(t *testing.T) {
	t.Parallel()
	f, v := newTransferWorld(t, wxpay.VerifyPublicKey)
	named := testTransfer()
	named.UserName = "张三"
	for range 2 { // another ciphertext each time, and the same name
		if _, err := v.Transfer(t.Context(), named); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.transfers) != 1 {
		t.Errorf("got %d transfers, want one", len(f.transfers))
	}
	named.Amount++
	_, err := v.Transfer(t.Context(), named)
	if e := asKind(t, err, wxpay.KindParam); e.OutcomeUnknown() {
		t.Errorf("got an unknown outcome of %v, want a refusal", e)
	}
}

func TestTransferIsCancelled(t *testing.T) {
	t.Parallel()
	f, v := newTransferWorld(t, wxpay.VerifyPublicKey)
	_, err := v.CancelTransfer(t.Context(), testBillNo)
	wantKind(t, err, wxpay.KindNotFound)
	if _, err := v.Transfer(t.Context(), testTransfer()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		cancelled, err := v.CancelTransfer(t.Context(), testBillNo)
		if err != nil || cancelled.State != wxpay.TransferCancelling || cancelled.OutBillNo != testBillNo {
			t.Fatalf("got %+v, %v, want it being cancelled", cancelled, err)
		}
	}
	f.endTransfer(testBillNo, "TRANSFERING", "")
	_, err = v.CancelTransfer(t.Context(), testBillNo)
	wantKind(t, err, wxpay.KindParam)
}

func TestTransferFailures(t *testing.T) {
	t.Parallel()
	busy := func(w http.ResponseWriter, _ *http.Request) { refuse(w, 500, "SYSTEM_ERROR", "系统异常") }
	scenarios := []struct {
		name    string
		prepare func(*fakeWeChat)
		kind    wxpay.Kind
		unknown bool
	}{
		{"busy", func(f *fakeWeChat) { f.setFault(busy) }, wxpay.KindBusy, true},
		{"too many", func(f *fakeWeChat) {
			f.setFault(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, "FREQUENCY_LIMITED", "频率过高") })
		}, wxpay.KindBusy, true},
		{"cut", func(f *fakeWeChat) {
			f.setFault(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, wxpay.KindNetwork, true},
		{"taken on, and nobody hears", func(f *fakeWeChat) { f.with(func() { f.lost = true }) }, wxpay.KindNetwork, true},
		{"signed over other bytes", func(f *fakeWeChat) {
			f.setBend(func(s *answerStamp) { s.body = append([]byte("{}"), s.body...) })
		}, wxpay.KindUnverified, true},
		{"no money", func(f *fakeWeChat) { f.with(func() { f.poor = true }) }, wxpay.KindNotEnough, false},
		{"no right", func(f *fakeWeChat) {
			f.setFault(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "NO_AUTH", "商户无权限") })
		}, wxpay.KindDenied, false},
		{"no such person", func(f *fakeWeChat) {
			f.setFault(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "USER_ERROR", "用户账户异常") })
		}, wxpay.KindPayerAccount, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTransferWorld(t, wxpay.VerifyPublicKey)
			s.prepare(f)
			_, err := v.Transfer(t.Context(), testTransfer())
			if e := asKind(t, err, s.kind); e.OutcomeUnknown() != s.unknown {
				t.Errorf("got unknown %t of %v, want %t", e.OutcomeUnknown(), e, s.unknown)
			}
			wantNoSecret(t, err)
		})
	}
}

// TestTransferWithoutACertificate shows that nothing is sent, and that trying again later is right.
func TestTransferWithoutACertificate(t *testing.T) {
	t.Parallel()
	f, v := newTransferWorld(t, wxpay.VerifyCertificate)
	f.with(func() { f.certs = nil })
	request := testTransfer()
	request.UserName = "张三"
	_, err := v.Transfer(t.Context(), request)
	if e := asKind(t, err, wxpay.KindBusy); !e.OutcomeUnknown() || f.hitsOf("POST "+transfersPath) != 0 {
		t.Errorf("got %v and %d calls, want none", e, f.hitsOf("POST "+transfersPath))
	}
}

func TestAnswerAboutAnotherTransfer(t *testing.T) {
	t.Parallel()
	scenarios := map[string]string{
		"another number":   `{"out_bill_no":"po2","state":"SUCCESS"}`,
		"another merchant": `{"mch_id":"1900000110","out_bill_no":"` + testBillNo + `","state":"SUCCESS"}`,
	}
	for name, answer := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, v := newTransferWorld(t, wxpay.VerifyPublicKey)
			f.setFault(func(w http.ResponseWriter, _ *http.Request) {
				f.stamp(w.Header(), testKeyID, []byte(answer), nil)
				_, _ = w.Write([]byte(answer))
			})
			_, err := v.QueryTransfer(t.Context(), testBillNo)
			wantKind(t, err, wxpay.KindUnverified)
		})
	}
}

func TestTransferThatCannotBeRight(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(*wxpay.TransferRequest){
		"no openid":             func(r *wxpay.TransferRequest) { r.OpenID = "" },
		"no program":            func(r *wxpay.TransferRequest) { r.AppID = "" },
		"a number with a dash":  func(r *wxpay.TransferRequest) { r.OutBillNo = "po-1" },
		"a number too long":     func(r *wxpay.TransferRequest) { r.OutBillNo = strings.Repeat("1", 33) },
		"too little":            func(r *wxpay.TransferRequest) { r.Amount = 9 },
		"less than nothing":     func(r *wxpay.TransferRequest) { r.Amount = -2_000 },
		"much without a name":   func(r *wxpay.TransferRequest) { r.Amount = 200_000 },
		"no scene":              func(r *wxpay.TransferRequest) { r.SceneID = "" },
		"a scene in words":      func(r *wxpay.TransferRequest) { r.SceneID = "cash" },
		"no report":             func(r *wxpay.TransferRequest) { r.Reports = nil },
		"an empty report":       func(r *wxpay.TransferRequest) { r.Reports = []wxpay.TransferReport{{Type: "活动名称"}} },
		"a report twice":        func(r *wxpay.TransferRequest) { r.Reports = append(r.Reports, r.Reports[0]) },
		"a remark of 33":        func(r *wxpay.TransferRequest) { r.Remark = strings.Repeat("奖", 33) },
		"no remark":             func(r *wxpay.TransferRequest) { r.Remark = "" },
		"an address with query": func(r *wxpay.TransferRequest) { r.NotifyURL += "?a=1" },
	}
	v := newGateway(t, testMerchant(), wxpay.WithTransport(stuck{}))
	for name, bend := range scenarios {
		t.Run(name+" is not sent", func(t *testing.T) {
			t.Parallel()
			request := testTransfer()
			bend(&request)
			_, err := v.Transfer(t.Context(), request)
			wantKind(t, err, wxpay.KindParam)
		})
	}
	for _, number := range []string{"", "../x", "a b", "po-1"} {
		_, err := v.QueryTransfer(t.Context(), number)
		wantKind(t, err, wxpay.KindParam)
		_, err = v.CancelTransfer(t.Context(), number)
		wantKind(t, err, wxpay.KindParam)
	}
}

func TestTransferNotification(t *testing.T) {
	t.Parallel()
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	body := transferEnvelope(transferPlain(nil), nil)
	note, err := v.ParseTransferNotification(signedNotification(body, nil), body)
	if err != nil {
		t.Fatal(err)
	}
	got := note.Transfer
	if got.MchID != testMchID || got.OutBillNo != testBillNo || got.State != wxpay.TransferSuccess || got.Amount != 2_000 || got.OpenID != testOpenID {
		t.Errorf("got %+v, want what was sent", got)
	}
}

func TestTransferNotificationRefusals(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	good := transferEnvelope(transferPlain(nil), nil)
	bent := func(bend func(envelope, resource fields)) []byte { return transferEnvelope(transferPlain(nil), bend) }
	with := func(bend func(fields)) []byte { return transferEnvelope(transferPlain(bend), nil) }
	scenarios := []struct {
		name  string
		body  []byte
		stamp func(*answerStamp)
		want  error
	}{
		{"signed over other bytes", good, func(s *answerStamp) { s.body = append(s.body, '\n') }, wxpay.ErrNotifySignature},
		{"signed by a stranger", good, func(s *answerStamp) { s.signature = signText(strangerKey(), "x") }, wxpay.ErrNotifySignature},
		{"five minutes old", good, func(s *answerStamp) { s.at = s.at.Add(-5 * time.Minute) }, wxpay.ErrNotifyStale},
		{"a probe", good, func(s *answerStamp) { s.mark = probeMark }, wxpay.ErrNotifyProbe},
		{"a payment", envelopeOf(paidTrade, nil), nil, wxpay.ErrNotifyUnsupported},
		{"a payment under a transfer's name", bent(func(_, r fields) { r["original_type"] = "transaction" }), nil, wxpay.ErrNotifyUnsupported},
		{"an authorisation", bent(func(e, _ fields) { e["event_type"] = "MCHTRANSFER.AUTHORIZATION.CONFIRMED" }), nil, wxpay.ErrNotifyUnsupported},
		{"encrypted with the APIv2 key", bent(func(_, r fields) {
			r["ciphertext"] = seal(testV2Key, "mch_payment", transferPlain(nil))
		}), nil, wxpay.ErrNotifyDecrypt},
		{"no resource", bent(func(e, _ fields) { delete(e, "resource") }), nil, wxpay.ErrNotifyMalformed},
		{"XML", []byte("<xml></xml>"), nil, wxpay.ErrNotifyMalformed},
		{"no number", with(func(f fields) { delete(f, "out_bill_no") }), nil, wxpay.ErrNotifyMalformed},
		{"no state", with(func(f fields) { delete(f, "state") }), nil, wxpay.ErrNotifyMalformed},
		{"less than nothing", with(func(f fields) { f["transfer_amount"] = -1 }), nil, wxpay.ErrNotifyMalformed},
		{"an amount in words", with(func(f fields) { f["transfer_amount"] = "2000" }), nil, wxpay.ErrNotifyMalformed},
		{"at no time", with(func(f fields) { f["update_time"] = "now" }), nil, wxpay.ErrNotifyMalformed},
		{"two merchants", with(func(f fields) { f["mch_id"] = "1900000110" }), nil, wxpay.ErrNotifyMalformed},
		{"another merchant", with(func(f fields) { f["mchid"] = "1900000110" }), nil, wxpay.ErrNotifyMerchant},
		{"no merchant", with(func(f fields) { delete(f, "mchid") }), nil, wxpay.ErrNotifyMerchant},
	}
	v := newGateway(t, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	for _, s := range scenarios {
		t.Run(s.name+" is refused", func(t *testing.T) {
			t.Parallel()
			note, err := v.ParseTransferNotification(signedNotification(s.body, s.stamp), s.body)
			if !errors.Is(err, s.want) || note.Transfer.State != "" {
				t.Errorf("got %+v, %v, want %v", note, err, s.want)
			}
			wantNoSecret(t, err)
		})
	}
}

// FuzzParseTransferNotification hands in what nobody has signed.
func FuzzParseTransferNotification(f *testing.F) {
	v := newGateway(f, testMerchant(), wxpay.WithNow(atStart), wxpay.WithTransport(stuck{}))
	f.Add(transferEnvelope(transferPlain(nil), nil))
	f.Add(transferPlain(nil))
	f.Add([]byte("<"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if note, err := v.ParseTransferNotification(http.Header{}, body); err == nil {
			t.Errorf("got %+v, want it refused without a signature", note)
		}
	})
}

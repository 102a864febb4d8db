package v2_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

// hostile is XML that must be refused: chapter 23_5 and similar.
func hostile() map[string]string {
	return map[string]string{
		"an external entity":      `<?xml version="1.0"?><!DOCTYPE foo [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><return_code>&e;</return_code></xml>`,
		"an external DTD":         `<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml><return_code>SUCCESS</return_code></xml>`,
		"a billion laughs":        `<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><xml><a>&c;</a></xml>`,
		"an unknown entity":       `<xml><return_code>&xxe;</return_code></xml>`,
		"a nested element":        `<xml><return_code><return_code>SUCCESS</return_code></return_code></xml>`,
		"a field twice":           `<xml><total_fee>1</total_fee><total_fee>100</total_fee></xml>`,
		"two roots":               `<xml><a>1</a></xml><xml><a>2</a></xml>`,
		"another root":            `<soap><return_code>SUCCESS</return_code></soap>`,
		"half a document":         `<xml><return_code>SUCCESS</return_code>`,
		"nothing":                 ``,
		"no fields":               `<xml></xml>`,
		"a megabyte":              `<xml><attach>` + strings.Repeat("x", 1<<20-64) + `</attach></xml>`,
		"a hundred thousand deep": strings.Repeat("<xml>", 100_000),
		"invalid UTF-8":           "<xml><attach>\xff\xfe</attach></xml>",
		"another charset":         `<?xml version="1.0" encoding="GBK"?><xml><attach>x</attach></xml>`,
		"an include":              `<xml xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></xml>`,
		"JSON":                    `{"return_code":"SUCCESS"}`,
		"a page":                  htmlPage,
	}
}

func TestAnswersThatAreNo(t *testing.T) {
	t.Parallel()
	words := func(message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, message) }
	}
	scenarios := []struct {
		name    string
		answer  http.HandlerFunc
		kind    wxpay.Kind
		unknown bool // the outcome
	}{
		{"a bad signature of ours is final", words("签名错误"), wxpay.KindSign, false},
		{"a bad signature, in English", words("SIGN ERROR"), wxpay.KindSign, false},
		{"a missing binding is final", words("appid和mch_id不匹配"), wxpay.KindConfig, false},
		{"a missing certificate is final", words("证书验证失败"), wxpay.KindConfig, false},
		{"a bad parameter is final", words("参数格式校验错误"), wxpay.KindParam, false},
		{"words that say nothing are final", words("因为"), wxpay.KindParam, false},
		{"no words at all are final", words(""), wxpay.KindParam, false},
		{"a busy system in words is asked again", words("系统繁忙，请稍后再试"), wxpay.KindBusy, true},
		{"a busy system in English", words("system error"), wxpay.KindBusy, true},
		{"too often", words("频率限制"), wxpay.KindBusy, true},
		{"work in progress is asked again", words("退款处理中"), wxpay.KindBusy, true},
		{"a number used otherwise, in words", words("201 商户订单号重复"), wxpay.KindReused, false},
		{"a page of a gateway is busy", plainAnswer(502, htmlPage), wxpay.KindBusy, true},
		{"nothing at all with 503 is busy", plainAnswer(503, ""), wxpay.KindBusy, true},
		{"too many requests", plainAnswer(429, ""), wxpay.KindBusy, true},
		{"accepted is no answer", plainAnswer(202, ""), wxpay.KindBusy, true},
		{"a refusal with 500 is no word of WeChat's", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			refuse(w, "参数格式校验错误")
		}, wxpay.KindBusy, true},
		{"a wrong path", plainAnswer(404, htmlPage), wxpay.KindConfig, false},
		{"a wrong method", plainAnswer(405, ""), wxpay.KindConfig, false},
		{"a page of a firewall is not WeChat's word", plainAnswer(403, htmlPage), wxpay.KindUnknown, true},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/pay/elsewhere", http.StatusTemporaryRedirect)
		}, wxpay.KindUnknown, true},
		{"success without a signature", plainAnswer(200, `<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code></xml>`), wxpay.KindUnverified, true},
		{"neither success nor failure", plainAnswer(200, `<xml><return_code>MAYBE</return_code></xml>`), wxpay.KindUnverified, true},
		{"an answer cut off half-way", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `<xml><return_code>`)
		}, wxpay.KindNetwork, true},
		{"an answer without end", plainAnswer(200, strings.Repeat("x", 1<<20+1)), wxpay.KindNetwork, true},
	}
	for name, text := range hostile() {
		scenarios = append(scenarios, struct {
			name    string
			answer  http.HandlerFunc
			kind    wxpay.Kind
			unknown bool
		}{"hostile: " + name, plainAnswer(200, text), wxpay.KindUnverified, true})
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, g := newTestGateway(t)
			f.setFault(s.answer)
			id, err := g.Prepay(t.Context(), testRequest())
			e := asKind(t, err, s.kind)
			if id != "" || e.OutcomeUnknown() != s.unknown || e.Op != "prepay" || e.Code != "" {
				t.Errorf("got %q, %+v, unknown %t, want unknown %t", id, e, e.OutcomeUnknown(), s.unknown)
			}
			if s.kind != wxpay.KindNetwork && (e.Status == 0 || e.RequestID == "") {
				t.Errorf("got status %d and request id %q, want both", e.Status, e.RequestID)
			}
			if got := f.hitsOf("/pay/unifiedorder") + f.hitsOf("/pay/elsewhere"); got != 1 {
				t.Errorf("got %d calls, want 1: nothing is repeated here", got)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestSignedAnswersThatAreNotUsed(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		modify func(doc)
		kind   wxpay.Kind
	}{
		{"of another merchant", func(d doc) { d["mch_id"] = "1900000110" }, wxpay.KindUnverified},
		{"of another mini program", func(d doc) { d["appid"] = otherAppID }, wxpay.KindUnverified},
		{"without a merchant", func(d doc) { delete(d, "mch_id") }, wxpay.KindUnverified},
		{"without a result", func(d doc) { delete(d, "result_code") }, wxpay.KindUnknown},
		{"about another order", func(d doc) { d["out_trade_no"] = "ORD-20260101-0002" }, wxpay.KindUnverified},
		{"without a state", func(d doc) { delete(d, "trade_state") }, wxpay.KindUnknown},
		{"paid with nothing", func(d doc) { d["total_fee"] = "0" }, wxpay.KindUnknown},
		{"paid without an amount", func(d doc) { delete(d, "total_fee") }, wxpay.KindUnknown},
		{"paid without a transaction", func(d doc) { delete(d, "transaction_id") }, wxpay.KindUnknown},
		{"a negative amount", func(d doc) { d["total_fee"] = "-100" }, wxpay.KindUnknown},
		{"an amount with a sign", func(d doc) { d["total_fee"] = "+100" }, wxpay.KindUnknown},
		{"an amount in yuan", func(d doc) { d["total_fee"] = "1.00" }, wxpay.KindUnknown},
		{"an amount with a blank", func(d doc) { d["total_fee"] = " 100" }, wxpay.KindUnknown},
		{"an amount of a galaxy", func(d doc) { d["cash_fee"] = "9999999999999" }, wxpay.KindUnknown},
		{"a time of another kind", func(d doc) { d["time_end"] = "2026-01-01 10:00" }, wxpay.KindUnknown},
		{"a time with a fraction", func(d doc) { d["time_end"] = "20260101100005.5" }, wxpay.KindUnknown},
		{"a 13th month", func(d doc) { d["time_end"] = "20261301100005" }, wxpay.KindUnknown},
		{"a code with text in it", func(d doc) { d["result_code"], d["err_code"] = "FAIL", "ORDERPAID\nlevel=info" }, wxpay.KindUnknown},
		{"a word that we do not know", func(d doc) { d["result_code"], d["err_code"] = "FAIL", "SOMETHING_NEW" }, wxpay.KindUnknown},
		{"a code without the failure", func(d doc) { d["result_code"], d["err_code"] = "PERHAPS", "ORDERNOTEXIST" }, wxpay.KindUnknown},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, g := newTestGateway(t)
			mustPrepay(t, g)
			f.pay()
			f.set(func(f *fakeWeChat) { f.modify = s.modify })
			trade, err := g.Query(t.Context(), testNumber)
			e := asKind(t, err, s.kind)
			if !e.OutcomeUnknown() || trade.State != "" || e.Status != 200 || strings.Contains(e.Code+err.Error(), "\n") {
				t.Errorf("got %+v, %+v, want nothing to act on", trade, e)
			}
		})
	}
	t.Run("without a prepay_id", func(t *testing.T) {
		t.Parallel()
		f, g := newTestGateway(t)
		f.set(func(f *fakeWeChat) { f.modify = func(d doc) { d["prepay_id"] = "" } })
		_, err := g.Prepay(t.Context(), testRequest())
		wantKind(t, err, wxpay.KindUnknown)
	})
}

func TestRefundAnswersThatAreNotUsed(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name         string
		modify       func(doc)
		asked, query wxpay.Kind // empty: the call goes through
	}{
		{"of another number", func(d doc) { d["out_refund_no"], d["out_refund_no_0"] = "R-9", "R-9" }, wxpay.KindUnverified, wxpay.KindUnverified},
		{"of another order", func(d doc) { d["out_trade_no"] = "ORD-20260101-0002" }, wxpay.KindUnverified, ""},
		{"another amount", func(d doc) { d["refund_fee"], d["refund_fee_0"] = "41", "41" }, wxpay.KindReused, ""},
		{"another total", func(d doc) { d["total_fee"] = "101" }, wxpay.KindReused, ""},
		{"no amount", func(d doc) { delete(d, "refund_fee"); delete(d, "refund_fee_0") }, wxpay.KindUnknown, wxpay.KindUnknown},
		{"more than the order", func(d doc) { d["refund_fee"], d["refund_fee_0"] = "101", "101" }, wxpay.KindUnknown, wxpay.KindUnknown},
		{"more coupon than refund", func(d doc) { d["coupon_refund_fee"], d["coupon_refund_fee_0"] = "41", "41" }, wxpay.KindUnknown, wxpay.KindUnknown},
		{"an amount in yuan", func(d doc) { d["refund_fee"], d["refund_fee_0"] = "0.40", "0.40" }, wxpay.KindUnknown, wxpay.KindUnknown},
		{"no refund_id", func(d doc) { d["refund_id"], d["refund_id_0"] = "", "" }, wxpay.KindUnknown, wxpay.KindUnknown},
		{"no state", func(d doc) { delete(d, "refund_status_0") }, "", wxpay.KindUnknown},
		{"the number twice", func(d doc) { d["out_refund_no_7"] = testRefundNo }, "", wxpay.KindUnverified},
		{"a bad time", func(d doc) { d["refund_success_time_0"] = "20260101100000" }, "", wxpay.KindUnknown},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, g := newTestGateway(t)
			mustPrepay(t, g)
			f.pay()
			f.set(func(f *fakeWeChat) { f.modify = s.modify })
			_, refundErr := g.Refund(t.Context(), testRefund(testRefundNo, 40))
			_, queryErr := g.QueryRefund(t.Context(), testRefundNo)
			for kind, err := range map[*wxpay.Kind]error{&s.asked: refundErr, &s.query: queryErr} {
				if *kind == "" && err != nil {
					t.Errorf("got %v, want it used", err)
				} else if *kind != "" {
					wantKind(t, err, *kind)
				}
			}
		})
	}
}

func TestEveryCodeHasItsKind(t *testing.T) {
	t.Parallel()
	scenarios := map[wxpay.Kind]string{
		wxpay.KindParam:        "INVALID_REQUEST LACK_PARAMS PARAM_ERROR XML_FORMAT_ERROR REQUIRE_POST_METHOD POST_DATA_EMPTY NOT_UTF8 INVALID_TRANSACTIONID ERROR",
		wxpay.KindSign:         "SIGNERROR",
		wxpay.KindConfig:       "APPID_NOT_EXIST MCHID_NOT_EXIST APPID_MCHID_NOT_MATCH",
		wxpay.KindPaid:         "ORDERPAID",
		wxpay.KindClosed:       "ORDERCLOSED",
		wxpay.KindReused:       "OUT_TRADE_NO_USED REFUND_FEE_MISMATCH",
		wxpay.KindNotFound:     "ORDERNOTEXIST REFUNDNOTEXIST",
		wxpay.KindDenied:       "NOAUTH TRADE_STATE_ERROR TRADE_ERROR",
		wxpay.KindNotEnough:    "NOTENOUGH",
		wxpay.KindOverdue:      "TRADE_OVERDUE",
		wxpay.KindPayerAccount: "USER_ACCOUNT_ABNORMAL",
		wxpay.KindBusy:         "SYSTEMERROR BIZERR_NEED_RETRY FREQUENCY_LIMITED INVALID_REQ_TOO_MUCH",
		wxpay.KindUnknown:      "A_WORD_OF_TOMORROW",
	}
	f, g := newTestGateway(t)
	answer := func(code, description string) {
		f.set(func(f *fakeWeChat) {
			f.modify = func(d doc) { d["result_code"], d["err_code"], d["err_code_des"] = "FAIL", code, description }
		})
	}
	for kind, codes := range scenarios {
		for code := range strings.FieldsSeq(codes) {
			answer(code, "因为")
			for op, err := range everyCall(t.Context(), g) {
				if op == "trade bill" {
					continue // its refusals have no code
				}
				want := kind
				if op == "close" && strings.HasPrefix(code, "TRADE_") && strings.HasSuffix(code, "_ERROR") {
					want = wxpay.KindPaid // so that it is asked for
				}
				e := asKind(t, err, want)
				isOpen := want == wxpay.KindBusy || want == wxpay.KindUnknown
				if e.Code != code || e.Message != "因为" || e.OutcomeUnknown() != isOpen {
					t.Errorf("%s: got %+v, unknown %t, want unknown %t", op, e, e.OutcomeUnknown(), isOpen)
				}
			}
		}
	}
	answer("INVALID_REQUEST", "201 商户订单号重复")
	_, err := g.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindReused)
	wantKind(t, g.Close(t.Context(), testNumber), wxpay.KindParam)
}

func TestWordsOfStrangersFitALogLine(t *testing.T) {
	t.Parallel()
	f, g := newTestGateway(t)
	f.setFault(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-ID", "08F7\tlevel=error")
		refuse(w, "参数\nlevel=error "+strings.Repeat("错", 1000))
	})
	_, err := g.Prepay(t.Context(), testRequest())
	e := asKind(t, err, wxpay.KindParam)
	if got := utf8.RuneCountInString(e.Message); got != 256 || strings.ContainsAny(err.Error(), "\n\t") {
		t.Errorf("got %d characters in %q, want 256 on one line", got, err)
	}
}

func TestForApp(t *testing.T) {
	t.Parallel()
	_, g := newTestGateway(t)
	other, err := g.ForApp(otherAppID)
	if err != nil {
		t.Fatal(err)
	}
	request := testRequest()
	request.AppID = otherAppID
	// the prepay call names the order's own mini program, not the gateway's
	if _, err := g.Prepay(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for gateway, appID := range map[*v2.Gateway]string{g: testAppID, other: otherAppID} {
		if trade, err := gateway.Query(t.Context(), testNumber); err != nil || trade.AppID != appID {
			t.Errorf("got %+v, %v, want a call in the name of %s", trade, err, appID)
		}
	}
	for _, appID := range []string{"", "wx 1", strings.Repeat("w", 33)} {
		if _, err := g.ForApp(appID); err == nil {
			t.Errorf("got no error for appid %q", appID)
		}
	}
}

// wantNoSecret fails when a value prints a secret in any of the usual verbs.
func wantNoSecret(t *testing.T, value any) {
	t.Helper()
	_, key := apiclient()
	for _, text := range []string{
		fmt.Sprint(value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value), fmt.Sprintf("%q", value), fmt.Sprintf("%s", value),
	} {
		for _, secret := range []string{testAPIKey, key[40:80], "<sign>", "nonce_str"} {
			if strings.Contains(text, secret) {
				t.Errorf("got %s, want no secret in it", text)
			}
		}
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	t.Parallel()
	_, g := newTestGateway(t)
	wantNoSecret(t, g)
	if want := "wechat pay v2 of merchant " + testMchID + " for " + testAppID; g.String() != want {
		t.Errorf("got %s, want %s", g, want)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	certPEM, keyPEM := apiclient()
	scenarios := []struct {
		name   string
		modify func(*wxpay.Merchant)
		want   string // part of the problem; empty: valid
	}{
		{"the least there may be", func(*wxpay.Merchant) {}, ""},
		{"with a certificate", func(m *wxpay.Merchant) { m.Certificate, m.PrivateKey = certPEM, keyPEM }, ""},
		{"with v3's key and nothing for refunds", func(m *wxpay.Merchant) { m.PrivateKey = keyPEM }, ""},
		{"MD5", func(m *wxpay.Merchant) { m.SignType = "MD5" }, ""},
		{"no merchant number", func(m *wxpay.Merchant) { m.MchID = "" }, "mch_id"},
		{"a merchant number with a letter", func(m *wxpay.Merchant) { m.MchID = "19000001O9" }, "mch_id"},
		{"no key", func(m *wxpay.Merchant) { m.APIv2Key = "" }, "has 0"},
		{"a key with a line break", func(m *wxpay.Merchant) { m.APIv2Key = testAPIKey[1:] + "\n" }, "APIv2 key"},
		{"a key too long", func(m *wxpay.Merchant) { m.APIv2Key += "0" }, "has 33"},
		{"v3's sign type", func(m *wxpay.Merchant) { m.SignType = "RSA" }, "sign type"},
		{"a base with a path", func(m *wxpay.Merchant) { m.PayBase = "https://pay.example.com/x" }, "pay base"},
		{"a base with a password", func(m *wxpay.Merchant) { m.PayBase = "https://a:b@pay.example.com" }, "pay base"},
		{"a base that is none", func(m *wxpay.Merchant) { m.PayBase = "http://a b" }, "pay base"},
		{"a base of another kind", func(m *wxpay.Merchant) { m.PayBase = "ftp://pay.example.com" }, "pay base"},
		{"a certificate without its key", func(m *wxpay.Merchant) { m.Certificate = certPEM }, "certificate"},
		{"a key for a certificate", func(m *wxpay.Merchant) { m.Certificate, m.PrivateKey = keyPEM, keyPEM }, "certificate"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := testMerchant()
			s.modify(&m)
			g, err := v2.New(m, testAppID)
			if (err == nil) != (s.want == "") || (err == nil) != (g != nil) || err != nil && !strings.Contains(err.Error(), s.want) {
				t.Errorf("got %v, %v, want %q", g, err, s.want)
			}
			if err != nil {
				wantNoSecret(t, err)
			}
		})
	}
	if _, err := v2.New(testMerchant(), ""); err == nil {
		t.Error("got no error without an appid")
	}
}

// fixed answers every call with one document.
type fixed []byte

func (f fixed) RoundTrip(req *http.Request) (*http.Response, error) {
	_ = req.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(f))), Request: req}, nil
}

// these answers were made with the documents' own key.
func TestAnswersOfTheDocuments(t *testing.T) {
	t.Parallel()
	common := doc{"appid": "wxd930ea5d5a258f4f", "mch_id": "10000100", "return_code": "SUCCESS", "return_msg": "OK"}
	ok, refused := maps.Clone(common), maps.Clone(common)
	maps.Copy(ok, doc{
		"nonce_str": "A1A1A1A1A1A1A1A1", "prepay_id": "wx01100000000000aaaaaaaaaaaaaaaa0000", "result_code": "SUCCESS", "trade_type": "JSAPI",
		"sign": "602898FF1551D6370F3A99DE6CBBA0ED9B64F8C57FCE13AEFE6581CA53EF6B39",
	})
	maps.Copy(refused, doc{
		"nonce_str": "A2A2A2A2A2A2A2A2", "result_code": "FAIL", "err_code": "ORDERPAID", "err_code_des": "该订单已支付",
		"sign": "718CFA96B5063F6EF29DA214BF7E4CBC0F0FCDCA6D7BF494D0EC7FA6007FC1AD",
	})
	prepay := func(answer []byte) (string, error) {
		m := wxpay.Merchant{MchID: "10000100", APIv2Key: "192006250b4c09247ec02edce69f6a2d"}
		request := testRequest()
		request.AppID = "wxd930ea5d5a258f4f"
		return newGateway(t, m, v2.WithTransport(fixed(answer))).Prepay(t.Context(), request)
	}
	if id, err := prepay(writeDoc("xml", ok)); err != nil || id != ok["prepay_id"] {
		t.Errorf("got %q, %v, want %s", id, err, ok["prepay_id"])
	}
	_, err := prepay(writeDoc("xml", refused))
	if e := asKind(t, err, wxpay.KindPaid); e.Code != "ORDERPAID" || e.Message != "该订单已支付" {
		t.Errorf("got %+v, want it to say ORDERPAID", e)
	}
	_, err = prepay([]byte(`<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[签名错误]]></return_msg></xml>`))
	wantKind(t, err, wxpay.KindSign)
	ok["prepay_id"] += "1"
	_, err = prepay(writeDoc("xml", ok))
	if wantKind(t, err, wxpay.KindUnverified); !errors.Is(err, wxpay.ErrNotifySignature) {
		t.Errorf("got %v, want it to wrap %v", err, wxpay.ErrNotifySignature)
	}
}

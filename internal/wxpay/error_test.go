package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"wxbase/internal/wxpay"
)

func newTestV3(t *testing.T) (*fakeWeChat, *wxpay.V3) {
	t.Helper()
	f := newFakeWeChat(t)
	m := testMerchant()
	m.PayBase = f.url
	return f, newGateway(t, m, wxpay.WithNow(f.clock.now))
}

func plainAnswer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func codeAnswer(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code, "因为") }
}

const htmlPage = "<html><body>502 Bad Gateway</body></html>"

func TestAnswersThatAreNo(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		answer  http.HandlerFunc
		kind    wxpay.Kind
		code    string
		unknown bool // the outcome
	}{
		{"a system error is busy", codeAnswer(500, "SYSTEM_ERROR"), wxpay.KindBusy, "SYSTEM_ERROR", true},
		{"a page of a gateway is busy", plainAnswer(502, htmlPage), wxpay.KindBusy, "", true},
		{"nothing at all with 503 is busy", plainAnswer(503, ""), wxpay.KindBusy, "", true},
		{"a rate limit is busy", codeAnswer(429, "FREQUENCY_LIMITED"), wxpay.KindBusy, "FREQUENCY_LIMITED", true},
		{"the other rate limit is busy", codeAnswer(429, "RATELIMIT_EXCEEDED"), wxpay.KindBusy, "RATELIMIT_EXCEEDED", true},
		{"accepted is busy", plainAnswer(202, "{}"), wxpay.KindBusy, "", true},
		{"a bad parameter", codeAnswer(400, "PARAM_ERROR"), wxpay.KindParam, "PARAM_ERROR", false},
		{"an invalid request", codeAnswer(400, "INVALID_REQUEST"), wxpay.KindParam, "INVALID_REQUEST", false},
		{"a bad signature of ours", codeAnswer(401, "SIGN_ERROR"), wxpay.KindSign, "SIGN_ERROR", false},
		{"a missing binding", codeAnswer(400, "APPID_MCHID_NOT_MATCH"), wxpay.KindConfig, "APPID_MCHID_NOT_MATCH", false},
		{"no such merchant", codeAnswer(404, "MCH_NOT_EXISTS"), wxpay.KindConfig, "MCH_NOT_EXISTS", false},
		{"no right", codeAnswer(403, "NO_AUTH"), wxpay.KindDenied, "NO_AUTH", false},
		{"a rule", codeAnswer(403, "RULE_LIMIT"), wxpay.KindDenied, "RULE_LIMIT", false},
		{"a trade error is no payment on prepay", codeAnswer(403, "TRADE_ERROR"), wxpay.KindDenied, "TRADE_ERROR", false},
		{"paid, as spelled in 2020", codeAnswer(400, "ORDERPAID"), wxpay.KindPaid, "ORDERPAID", false},
		{"closed, as spelled today", codeAnswer(400, "ORDER_CLOSED"), wxpay.KindClosed, "ORDER_CLOSED", false},
		{"used with other parameters", codeAnswer(403, "OUT_TRADE_NO_USED"), wxpay.KindReused, "OUT_TRADE_NO_USED", false},
		{"not there", codeAnswer(404, "RESOURCE_NOT_EXISTS"), wxpay.KindNotFound, "RESOURCE_NOT_EXISTS", false},
		{"NOT_FOUND, the word for a transfer that is not there, says nothing of an order", codeAnswer(404, "NOT_FOUND"), wxpay.KindUnknown, "NOT_FOUND", false},
		{"an empty 404 is a wrong path, not a missing order", plainAnswer(404, ""), wxpay.KindConfig, "", false},
		{"a page with 404 is a wrong host, not a missing order", plainAnswer(404, htmlPage), wxpay.KindConfig, "", false},
		{"a wrong method", plainAnswer(405, ""), wxpay.KindConfig, "", false},
		{"a word we do not know is final all the same", codeAnswer(400, "SOMETHING_NEW"), wxpay.KindUnknown, "SOMETHING_NEW", false},
		{"a page of a firewall is not WeChat's word", plainAnswer(403, htmlPage), wxpay.KindUnknown, "", true},
		{"a login page of a proxy is not WeChat's word", plainAnswer(401, htmlPage), wxpay.KindUnknown, "", true},
		{"text in the code is dropped", codeAnswer(400, "PARAM_ERROR\nlevel=info"), wxpay.KindUnknown, "", true},
		{"a page with 200 is unverified", plainAnswer(200, htmlPage), wxpay.KindUnverified, "", true},
		{"the right JSON without a signature is unverified", plainAnswer(200, `{"prepay_id":"wx01"}`), wxpay.KindUnverified, "", true},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v3/elsewhere", http.StatusTemporaryRedirect)
		}, wxpay.KindUnknown, "", true},
		{"an answer cut off half-way", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"prepay_id":`)
		}, wxpay.KindNetwork, "", true},
		{"an answer without end", plainAnswer(200, strings.Repeat("x", 1<<20+1)), wxpay.KindNetwork, "", true},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			f.setFault(s.answer)
			_, err := v.Prepay(t.Context(), testRequest())
			e := asKind(t, err, s.kind)
			if e.Code != s.code || e.OutcomeUnknown() != s.unknown || e.Op != "prepay" {
				t.Errorf("got %+v, unknown %t, want code %q, unknown %t", e, e.OutcomeUnknown(), s.code, s.unknown)
			}
			if s.kind != wxpay.KindNetwork && (e.Status == 0 || e.RequestID == "") {
				t.Errorf("got status %d and request id %q, want both", e.Status, e.RequestID)
			}
			if got := f.hitsOf("POST /v3/pay/transactions/jsapi"); got != 1 {
				t.Errorf("got %d calls, want 1: nothing is repeated here", got)
			}
			if got := f.hitsOf("POST /v3/elsewhere"); got != 0 {
				t.Errorf("got %d redirected calls, want none", got)
			}
			wantNoSecret(t, err)
		})
	}
}

func TestAnswersThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		modify func(*answerStamp)
		want   error
	}{
		{"signed over another body", func(s *answerStamp) { s.body = []byte(`{"prepay_id":"wx02"}`) }, wxpay.ErrNotifySignature},
		{"signed by a stranger", func(s *answerStamp) { s.signature = signText(strangerKey(), "anything") }, wxpay.ErrNotifySignature},
		{"signature is not base64", func(s *answerStamp) { s.signature = "%%%" }, wxpay.ErrNotifySignature},
		{"a probe", func(s *answerStamp) { s.mark = probeMark }, wxpay.ErrNotifyProbe},
		{"another public key", func(s *answerStamp) { s.serial = testKeyID + "1" }, wxpay.ErrNotifySerial},
		{"a certificate", func(s *answerStamp) { s.serial = "71AB" }, wxpay.ErrNotifySerial},
		{"five minutes old", func(s *answerStamp) { s.at = s.at.Add(-5 * time.Minute) }, wxpay.ErrNotifyStale},
		{"five minutes early", func(s *answerStamp) { s.at = s.at.Add(5 * time.Minute) }, wxpay.ErrNotifyStale},
		{"no nonce", func(s *answerStamp) { s.nonce = "" }, wxpay.ErrNotifySignature},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			f.setBend(s.modify)
			_, err := v.Prepay(t.Context(), testRequest())
			if e := asKind(t, err, wxpay.KindUnverified); !errors.Is(err, s.want) || !e.OutcomeUnknown() || e.Status != 200 {
				t.Errorf("got %v, want %v with an unknown outcome", err, s.want)
			}
			f.setBend(nil)
			if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
				t.Errorf("got %v, want the same call to go through afterwards", err)
			}
		})
	}
	t.Run("four minutes and 59 seconds are believed", func(t *testing.T) {
		t.Parallel()
		f, v := newTestV3(t)
		for _, age := range []time.Duration{299 * time.Second, -299 * time.Second} {
			f.setBend(func(s *answerStamp) { s.at = s.at.Add(age) })
			if _, err := v.Prepay(t.Context(), testRequest()); err != nil {
				t.Errorf("got %v at %s, want it believed", err, age)
			}
		}
	})
}

func TestEveryCodeHasItsKind(t *testing.T) {
	t.Parallel()
	scenarios := map[wxpay.Kind]string{
		wxpay.KindParam:    "PARAM_ERROR INVALID_REQUEST INVALID_TRANSACTIONID",
		wxpay.KindSign:     "SIGN_ERROR SIGNERROR",
		wxpay.KindConfig:   "APPID_MCHID_NOT_MATCH APPID_NOT_EXIST MCH_NOT_EXISTS MCHID_NOT_EXIST",
		wxpay.KindPaid:     "ORDER_PAID ORDERPAID TRADE_ERROR",
		wxpay.KindClosed:   "ORDER_CLOSED ORDERCLOSED",
		wxpay.KindReused:   "OUT_TRADE_NO_USED REFUND_FEE_MISMATCH",
		wxpay.KindNotFound: "ORDER_NOT_EXIST ORDERNOTEXIST RESOURCE_NOT_EXISTS NO_STATEMENT_EXIST",
		wxpay.KindDenied:   "NO_AUTH NOAUTH RULE_LIMIT RULELIMIT ACCOUNT_ERROR ACCOUNTERROR",

		wxpay.KindNotEnough:    "NOT_ENOUGH NOTENOUGH",
		wxpay.KindOverdue:      "TRADE_OVERDUE",
		wxpay.KindPayerAccount: "USER_ACCOUNT_ABNORMAL",
		wxpay.KindNotReady:     "STATEMENT_CREATING",

		wxpay.KindBusy: "SYSTEM_ERROR SYSTEMERROR SERVICE_UNAVAILABLE FREQUENCY_LIMITED RATELIMIT_EXCEEDED USERPAYING",
	}
	f, v := newTestV3(t)
	for kind, codes := range scenarios {
		for code := range strings.FieldsSeq(codes) {
			// the most general status, so that the code decides
			f.setFault(codeAnswer(403, code))
			wantKind(t, v.Close(t.Context(), testNumber), kind)
		}
	}
}

func TestWordsOfStrangersFitALogLine(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	f.setFault(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Request-ID", "08F7\tlevel=error")
		refuse(w, 400, "PARAM_ERROR", "参数\nlevel=error\x1b[31m "+strings.Repeat("错", 1000))
	})
	_, err := v.Prepay(t.Context(), testRequest())
	e := asKind(t, err, wxpay.KindParam)
	if got := utf8.RuneCountInString(e.Message); got != 256 || strings.ContainsAny(err.Error(), "\n\t\x1b") {
		t.Errorf("got %d characters in %q, want 256 on one line", got, err)
	}
}

// answerWith signs any body as an answer.
func answerWith(f *fakeWeChat, value any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { f.answer(w, r, http.StatusOK, value) }
}

func TestSignedAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		value map[string]any
		kind  wxpay.Kind
	}{
		{"no fields", map[string]any{}, wxpay.KindUnknown},
		{"another order, replayed", map[string]any{
			"mchid": testMchID, "out_trade_no": "ORD-20260101-0002", "trade_state": "SUCCESS", "transaction_id": "42", "amount": map[string]any{"total": 1},
		}, wxpay.KindUnverified},
		{"another merchant's order", map[string]any{
			"mchid": "1900000110", "out_trade_no": testNumber, "trade_state": "NOTPAY",
		}, wxpay.KindUnverified},
		{"paid with nothing", map[string]any{"mchid": testMchID, "out_trade_no": testNumber, "trade_state": "SUCCESS"}, wxpay.KindUnknown},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newTestV3(t)
			f.setFault(answerWith(f, s.value))
			trade, err := v.Query(t.Context(), testNumber)
			if e := asKind(t, err, s.kind); !e.OutcomeUnknown() || trade.State != "" {
				t.Errorf("got %+v, %v, want nothing to act on", trade, e)
			}
			_, err = v.Prepay(t.Context(), testRequest())
			wantKind(t, err, wxpay.KindUnknown) // all of them lack prepay_id
		})
	}
}

func TestClockOfOurs(t *testing.T) {
	t.Parallel()
	f := newFakeWeChat(t)
	m := testMerchant()
	m.PayBase = f.url
	v := newGateway(t, m, wxpay.WithNow(func() time.Time { return f.clock.now().Add(-6 * time.Minute) }))
	if got := v.ClockSkew(); got != 0 {
		t.Errorf("got a skew of %s before the first answer, want none", got)
	}
	_, err := v.Prepay(t.Context(), testRequest())
	wantKind(t, err, wxpay.KindSign)
	if got := v.ClockSkew(); got != 6*time.Minute {
		t.Errorf("got a skew of %s, want WeChat 6m ahead", got)
	}
}

// stuck never answers.
type stuck struct{}

func (stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	merchant := testMerchant()
	for limit, opts := range map[time.Duration][]wxpay.Option{
		8 * time.Second: {wxpay.WithTimeout(0)},
		3 * time.Second: {wxpay.WithTimeout(3 * time.Second)},
	} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newGateway(t, merchant, append(opts, wxpay.WithTransport(stuck{}))...)
				began := time.Now()
				_, err := v.Query(t.Context(), testNumber)
				if wantKind(t, err, wxpay.KindNetwork); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want it to wrap %v", err, context.DeadlineExceeded)
				}
				if took := time.Since(began); took != limit {
					t.Errorf("got an answer after %s, want %s", took, limit)
				}
			})
		})
	}
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.setFault(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := v.Prepay(ctx, testRequest())
	if e := asKind(t, err, wxpay.KindNetwork); !e.OutcomeUnknown() || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an unknown outcome", err)
	}
}

// wantNoSecret fails when a value prints a secret in any of the usual verbs.
func wantNoSecret(t *testing.T, value any) {
	t.Helper()
	key := privatePEM(merchantKey())
	for _, text := range []string{
		fmt.Sprint(value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value), fmt.Sprintf("%q", value), fmt.Sprintf("%s", value),
	} {
		for _, secret := range []string{testAPIKey, testV2Key, key[40:80], `signature="`, "mchid=", merchantKey().D.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("got %s, want no secret in it", text)
			}
		}
	}
}

package wxpay_test

import (
	"net/http"
	"testing"

	"wxbase/internal/wxpay"
)

// newV3World is a v3 gateway against the fake, in one of the verify modes.
func newV3World(mode string) func(*testing.T) world {
	return func(t *testing.T) world {
		t.Helper()
		f := newFakeWeChat(t)
		m := testMerchant()
		m.PayBase, m.VerifyMode = f.url, mode
		serial := testKeyID
		if mode == wxpay.VerifyCertificate {
			m.PublicKeyID, m.PublicKey = "", ""
			serial = f.certs[0].serial
		}
		fault := func(handler http.HandlerFunc) func(bool) {
			return func(on bool) {
				f.setFault(nil)
				if on {
					f.setFault(handler)
				}
			}
		}
		return world{
			gateway: newGateway(t, m, wxpay.WithNow(f.clock.now)),
			pay:     f.pay,
			notify:  func(number string) (http.Header, []byte) { return f.notification(number, serial) },
			onPhone: checkPhone,
			busy: fault(func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusInternalServerError, "SYSTEM_ERROR", "系统异常")
			}),
			cut:          fault(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			settle:       f.settle,
			notifyRefund: func(number string) (http.Header, []byte) { return f.refundNotification(number, serial) },
			poor:         func(on bool) { f.with(func() { f.poor = on }) },
			lose:         func(on bool) { f.with(func() { f.lost = on }) },
			closeDay:     func(on bool) { f.with(func() { f.file.ready = on }) },
			advance:      f.clock.advance,
			forge: func(on bool) {
				f.setBend(nil)
				if on {
					f.setBend(func(s *answerStamp) { s.body = append([]byte("{}"), s.body...) })
				}
			},
		}
	}
}

func TestV3IsAGateway(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{wxpay.VerifyPublicKey, wxpay.VerifyCertificate, wxpay.VerifyBoth} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			runGateway(t, newV3World(mode))
		})
	}
}

// TestNumbersOfEveryCharacter checks that the signed path is the sent path when it needs escapes.
func TestNumbersOfEveryCharacter(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	request := testRequest()
	request.OutTradeNo = "ORD-A|B*C_1-2"
	if _, err := v.Prepay(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if trade, err := v.Query(t.Context(), request.OutTradeNo); err != nil || trade.OutTradeNo != request.OutTradeNo {
		t.Errorf("got %+v, %v, want %s", trade, err, request.OutTradeNo)
	}
	if err := v.Close(t.Context(), request.OutTradeNo); err != nil || f.orders[request.OutTradeNo].state != "CLOSED" {
		t.Errorf("got %v, want it closed", err)
	}
}

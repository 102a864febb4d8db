package sim_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// shop is the receiver of notifications: a transport that records requests and answers by rule.
type shop struct {
	mu     sync.Mutex
	got    []delivery
	answer func(n int, r *http.Request) (status int, err error)
	body   string // of the answer; JSON by default
}

type delivery struct {
	at     time.Time
	url    string
	header http.Header
	body   []byte
}

func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	var err error
	if r.Body != nil { // note: a download has no body
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.got = append(s.got, delivery{time.Now(), r.URL.String(), r.Header, body})
	n, answer, text := len(s.got), s.answer, s.body
	s.mu.Unlock()
	if text == "" {
		text = `{"code":"FAIL"}`
	}
	status, err := answer(n, r)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Location": {"https://elsewhere.example.com/"}}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

// turn changes how the receiver answers.
func (s *shop) turn(answer func(int, *http.Request) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// text changes the receiver's answer body.
func (s *shop) text(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
}

func (s *shop) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery{}, s.got...)
}

func always(status int) func(int, *http.Request) (int, error) {
	return func(int, *http.Request) (int, error) { return status, nil }
}

// inBubble runs a test with a paid order whose notification is under way; its clock advances only when the test sleeps.
func inBubble(t *testing.T, s *shop, test func(w *world)) {
	t.Helper()
	if _, err := sharedKeys(); err != nil { // note: made outside, because the bubble would wait for it on its own clock
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s)
		w.sim.Start(t.Context())
		test(w)
	})
}

func newBubble(t *testing.T, dir string, s *shop, opts ...sim.Option) *world {
	t.Helper()
	return openBubble(t, dir, &testClock{now: time.Now()}, append(opts, sim.WithNow(time.Now), sim.WithTransport(s))...)
}

// buy makes a paid order.
func (w *merchantSide) buy(number string) {
	w.t.Helper()
	w.clock.now = time.Now()
	openid, _ := w.login("p1")
	if got := w.payAs("p1", w.payment(w.prepaid(number, openid))); got != "requestPayment:ok" {
		w.t.Fatalf("pay: got %q, want requestPayment:ok", got)
	}
	synctest.Wait()
}

// opened is a notification with its signature checked and its resource decrypted, as a merchant does it.
type opened struct {
	ID         string `json:"id"`
	CreateTime string `json:"create_time"`
	EventType  string `json:"event_type"`
	Resource   *struct {
		OriginalType   string `json:"original_type"`
		Algorithm      string `json:"algorithm"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
		Nonce          string `json:"nonce"`
	} `json:"resource"`
	plain map[string]any
}

var errBadSignature = errors.New("bad signature")

func (w *merchantSide) verify(header http.Header, body []byte) error {
	w.t.Helper()
	var key *rsa.PublicKey
	switch header.Get("Wechatpay-Serial") {
	case w.mch.PublicKeyID:
		block, _ := pem.Decode([]byte(w.mch.PublicKey))
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			w.t.Fatal(err)
		}
		key = parsed.(*rsa.PublicKey)
	case w.mch.PlatformSerial:
		block, _ := pem.Decode([]byte(w.mch.PlatformCertificate))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			w.t.Fatal(err)
		}
		key = cert.PublicKey.(*rsa.PublicKey)
	default:
		return errors.New("unknown serial " + header.Get("Wechatpay-Serial"))
	}
	raw, err := base64.StdEncoding.DecodeString(header.Get("Wechatpay-Signature"))
	if err != nil {
		return errBadSignature
	}
	sum := sha256.Sum256([]byte(header.Get("Wechatpay-Timestamp") + "\n" + header.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) != nil {
		return errBadSignature
	}
	return nil
}

func (w *merchantSide) open(d delivery) (o opened) {
	w.t.Helper()
	if err := json.Unmarshal(d.body, &o); err != nil {
		w.t.Fatal(err)
	}
	if o.Resource == nil {
		return o
	}
	block, err := aes.NewCipher([]byte(w.mch.APIV3Key))
	if err != nil {
		w.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		w.t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(o.Resource.Ciphertext)
	if err != nil {
		w.t.Fatal(err)
	}
	plain, err := gcm.Open(nil, []byte(o.Resource.Nonce), sealed, []byte(o.Resource.AssociatedData))
	if err != nil {
		w.t.Fatalf("decrypt notification: %v", err)
	}
	if err := json.Unmarshal(plain, &o.plain); err != nil {
		w.t.Fatal(err)
	}
	return o
}

func TestNotificationIsSignedAndEncrypted(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-NOTIFY-1")
		got := s.deliveries()
		if len(got) != 1 || got[0].url != notifyURL {
			w.t.Fatalf("got %d deliveries, want one to %s at once", len(got), notifyURL)
		}
		if err := w.verify(got[0].header, got[0].body); err != nil {
			w.t.Fatalf("verify: %v", err)
		}
		o := w.open(got[0])
		if o.EventType != "TRANSACTION.SUCCESS" || o.Resource.OriginalType != "transaction" || o.Resource.Algorithm != "AEAD_AES_256_GCM" ||
			len(o.Resource.Nonce) != 12 || len(o.ID) != 36 || !strings.HasSuffix(o.CreateTime, "+08:00") {
			w.t.Errorf("got %s, want the documented envelope", got[0].body)
		}
		asked := w.query("ORD-NOTIFY-1")
		if want := asked.json; jsonText(w.t, o.plain) != jsonText(w.t, want) {
			w.t.Errorf("got %v, want what the query tells: %s", o.plain, asked.body)
		}
		if o.plain["trade_state"] != "SUCCESS" || o.plain["attach"] != "o=17" {
			w.t.Errorf("got %v, want SUCCESS with its attach", o.plain)
		}
		time.Sleep(48 * time.Hour)
		if n := len(s.deliveries()); n != 1 {
			w.t.Errorf("got %d deliveries two days later, want 1", n)
		}
	})
}

func schedule() []time.Duration {
	return []time.Duration{
		0, 15 * time.Second, 30 * time.Second, time.Minute, 4 * time.Minute, 14 * time.Minute, 34 * time.Minute, 64 * time.Minute,
		94 * time.Minute, 124 * time.Minute, 184 * time.Minute, 364 * time.Minute, 544 * time.Minute, 724 * time.Minute, 1084 * time.Minute, 1444 * time.Minute,
	}
}

func TestRetrySchedule(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(500)}
	inBubble(t, s, func(w *world) {
		start := time.Now()
		w.buy("ORD-SCHEDULE-1")
		time.Sleep(72 * time.Hour)
		got := s.deliveries()
		if len(got) != len(schedule()) {
			w.t.Fatalf("got %d attempts, want %d", len(got), len(schedule()))
		}
		for i, want := range schedule() {
			if at := got[i].at.Sub(start); at != want {
				w.t.Errorf("attempt %d: got it after %v, want %v", i+1, at, want)
			}
			if err := w.verify(got[i].header, got[i].body); err != nil {
				w.t.Errorf("attempt %d: %v", i+1, err)
			}
			if i > 0 && w.open(got[i]).ID != w.open(got[0]).ID {
				w.t.Errorf("attempt %d: got another id, want the same", i+1)
			}
		}
		if state := w.list("/notifications")[0]["state"]; state != "GIVEN_UP" {
			w.t.Errorf("got state %v, want GIVEN_UP", state)
		}
	})
}

func TestAdvanceSendsWhatIsDue(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(500)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-ADVANCE-1")
		for i, at := range schedule()[1:] {
			w.sim.Advance(at - schedule()[i] - time.Second)
			synctest.Wait()
			if n := len(s.deliveries()); n != i+1 {
				w.t.Fatalf("got %d attempts a second before round %d, want %d", n, i+2, i+1)
			}
			w.sim.Advance(time.Second)
			synctest.Wait()
			if n := len(s.deliveries()); n != i+2 {
				w.t.Fatalf("got %d attempts at round %d, want %d", n, i+2, i+2)
			}
		}
	})
}

func TestAdvanceByADayRunsAllRounds(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(500)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-ADVANCE-2")
		w.sim.Advance(25 * time.Hour)
		synctest.Wait()
		if n := len(s.deliveries()); n != 16 {
			w.t.Fatalf("got %d attempts, want 16", n)
		}
	})
}

func TestStatusDecides(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		answer func(int, *http.Request) (int, error)
		wantN  int // within a minute
		status float64
		fails  string
	}{
		{"200 with FAIL in the body is received", always(200), 1, 200, ""},
		{"a redirect is not followed and not received", always(302), 4, 302, ""},
		{"404 is tried again", always(404), 4, 404, ""},
		{"no answer is tried again", func(int, *http.Request) (int, error) { return 0, errors.New("connection refused") }, 4, 0, "connection refused"},
		{"five seconds is too late", func(_ int, r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}, 4, 0, context.DeadlineExceeded.Error()},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: sc.answer}
			inBubble(t, s, func(w *world) {
				w.buy("ORD-STATUS-1")
				time.Sleep(70 * time.Second)
				if n := len(s.deliveries()); n != sc.wantN {
					w.t.Fatalf("got %d attempts, want %d", n, sc.wantN)
				}
				tries, _ := w.list("/notifications")[0]["attempts"].([]any)
				first, _ := tries[0].(map[string]any)
				text, _ := first["error"].(string)
				if sc.fails == context.DeadlineExceeded.Error() && first["took_ms"] != 5000.0 {
					w.t.Errorf("got given up after %v ms, want 5000", first["took_ms"])
				}
				if len(tries) != sc.wantN || first["status"] != sc.status || !strings.Contains(text, sc.fails) || first["body"] == "" {
					w.t.Errorf("got %v, want %d recorded with status %v", first, sc.wantN, sc.status)
				}
			})
		})
	}
}

func TestPendingSurvivesRestart(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(500)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-RESTART-2")
		time.Sleep(16 * time.Second) // two attempts
		w.close()
		time.Sleep(10 * time.Hour) // the machine is off
		if n := len(s.deliveries()); n != 2 {
			w.t.Fatalf("got %d attempts while it was off, want 2", n)
		}
		again := newBubble(w.t, w.dir, s)
		again.sim.Start(w.t.Context())
		synctest.Wait()
		if n := len(s.deliveries()); n != 3 {
			w.t.Fatalf("got %d attempts after the restart, want one more and not those of ten hours", n)
		}
		s.turn(always(204))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		tries, _ := again.list("/notifications")[0]["attempts"].([]any)
		if len(tries) != 4 || again.list("/notifications")[0]["state"] != "DELIVERED" {
			w.t.Errorf("got %d attempts recorded, want 4 and DELIVERED", len(tries))
		}
	})
}

func TestPaymentIsOneJournalLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.payAs("p1", w.payment(w.prepaid("ORD-ATOMIC-1", openid)))
	w.close()
	lines := bytes.Split(readJournal(t, w.dir), []byte("\n"))
	last := string(lines[len(lines)-2])
	if !strings.Contains(last, `"trade_state":"SUCCESS"`) || !strings.Contains(last, `"k":"notification"`) {
		t.Fatalf("got last line %s, want payment and notification in one", last)
	}
}

// A backend on the machine's clock keeps working after the simulator's calendar was moved.
func TestBothClocksWork(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		w.sim.Advance(2 * time.Hour)
		w.buy("ORD-CLOCK-1")
		w.wantShift(s.deliveries()[0], 0)
		if got := w.query("ORD-CLOCK-1").header.Get("Wechatpay-Timestamp"); got != strconv.FormatInt(time.Now().Unix(), 10) {
			w.t.Errorf("got an answer stamped %s, want the caller's clock", got)
		}
		moved := w.do(w.signed(http.MethodGet, "/v3/certificates", "", w.sim.Now()))
		if got := moved.header.Get("Wechatpay-Timestamp"); moved.status != 200 || got != strconv.FormatInt(w.sim.Now().Unix(), 10) {
			w.t.Errorf("got %d stamped %s, want 200 on the moved clock", moved.status, got)
		}
		if between := w.do(w.signed(http.MethodGet, "/v3/certificates", "", time.Now().Add(time.Hour))); between.status != 401 {
			w.t.Errorf("got %d for a clock in between, want 401", between.status)
		}
	})
}

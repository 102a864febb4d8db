package wxpay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wxpay"
)

// newBillV3 is a gateway on the day after testStart, with a bill at hand.
func newBillV3(t *testing.T) (*fakeWeChat, *wxpay.V3) {
	t.Helper()
	f, v := newTestV3(t)
	f.clock.advance(24 * time.Hour)
	f.file = fakeFile{ready: true, text: []byte(goodBill())}
	return f, v
}

func TestBillDownload(t *testing.T) {
	t.Parallel()
	asIs := func(text []byte) []byte { return text }
	announce := func(name string, value any) func(map[string]any) {
		return func(answer map[string]any) { answer[name] = value }
	}
	const path = "/v3/billdownload/file?" + downloadQuery
	scenarios := []struct {
		name   string
		modify func(f *fakeWeChat)
		kind   wxpay.Kind // empty: the bill is read
	}{
		{"packed, with the hash of what is in it", func(*fakeWeChat) {}, ""},
		{"packed, with the hash of the package", func(f *fakeWeChat) {
			f.file.announce = func(answer map[string]any) { answer["hash_value"] = sha1Hex(f.file.packed) }
		}, ""},
		{"not packed after all", func(f *fakeWeChat) { f.file.pack = asIs }, ""},
		{"packed in pieces", func(f *fakeWeChat) {
			f.file.pack = func(text []byte) []byte { return append(gzipped(text[:500]), gzipped(text[500:])...) }
		}, ""},
		{"a hash in capitals", func(f *fakeWeChat) {
			f.file.announce = func(answer map[string]any) { answer["hash_value"] = strings.ToUpper(answer["hash_value"].(string)) }
		}, ""},
		{"an address on the backup host", func(f *fakeWeChat) {
			f.file.announce = announce("download_url", "https://api2.mch.weixin.qq.com"+path)
		}, ""},
		{"an address on the base itself", func(f *fakeWeChat) { f.file.announce = announce("download_url", f.url+path) }, ""},
		{"another file", func(f *fakeWeChat) { f.file.announce = announce("hash_value", strings.Repeat("0", 40)) }, wxpay.KindUnverified},
		{"another file that is no bill", func(f *fakeWeChat) {
			f.file.serve = plainAnswer(200, htmlPage)
		}, wxpay.KindUnverified},
		{"nothing", func(f *fakeWeChat) { f.file.serve = plainAnswer(200, "") }, wxpay.KindUnverified},
		{"one byte", func(f *fakeWeChat) { f.file.serve = plainAnswer(200, "\x1f") }, wxpay.KindUnverified},
		{"the beginning of a package", func(f *fakeWeChat) { f.file.serve = plainAnswer(200, "\x1f\x8bxxxx") }, wxpay.KindUnverified},
		{"a package cut short", func(f *fakeWeChat) {
			f.file.pack = func(text []byte) []byte { packed := gzipped(text); return packed[:len(packed)/2] }
		}, wxpay.KindUnverified},
		{"the announced file, which is no bill", func(f *fakeWeChat) { f.file.text = []byte(htmlPage) }, wxpay.KindUnknown},
		{"the announced file, which does not add up", func(f *fakeWeChat) {
			f.file.text = bytes.Replace(f.file.text, []byte("`2,"), []byte("`3,"), 1)
		}, wxpay.KindUnknown},
		{"the announced bill of another day", func(f *fakeWeChat) {
			f.file.text = bytes.ReplaceAll(f.file.text, []byte("2026-01-01 "), []byte("2026-01-05 "))
		}, wxpay.KindUnknown},
		{"the announced bill of another merchant", func(f *fakeWeChat) {
			f.file.text = bytes.ReplaceAll(f.file.text, []byte(testMchID), []byte("1900000110"))
		}, wxpay.KindUnverified},
		{"a bomb", func(f *fakeWeChat) {
			bomb := gzipped(make([]byte, 1<<20))
			f.file.pack = func([]byte) []byte { return bytes.Repeat(bomb, 600) }
		}, wxpay.KindUnverified},
		{"no address", func(f *fakeWeChat) { f.file.announce = announce("download_url", "") }, wxpay.KindUnknown},
		{"an address elsewhere", func(f *fakeWeChat) { f.file.announce = announce("download_url", "https://example.com"+path) }, wxpay.KindUnknown},
		{"an address that only begins alike", func(f *fakeWeChat) {
			f.file.announce = announce("download_url", "https://api.mch.weixin.qq.com.example.com"+path)
		}, wxpay.KindUnknown},
		{"an address with a user", func(f *fakeWeChat) {
			f.file.announce = announce("download_url", "https://api.mch.weixin.qq.com@example.com"+path)
		}, wxpay.KindUnknown},
		{"a plain address of WeChat's", func(f *fakeWeChat) {
			f.file.announce = announce("download_url", "http://api.mch.weixin.qq.com"+path)
		}, wxpay.KindUnknown},
		{"a file of this machine", func(f *fakeWeChat) { f.file.announce = announce("download_url", "file:///etc/passwd") }, wxpay.KindUnknown},
		{"an address that is none", func(f *fakeWeChat) { f.file.announce = announce("download_url", "https://[") }, wxpay.KindUnknown},
		{"another kind of hash", func(f *fakeWeChat) { f.file.announce = announce("hash_type", "MD5") }, wxpay.KindUnknown},
		{"no hash", func(f *fakeWeChat) { f.file.announce = announce("hash_value", "") }, wxpay.KindUnknown},
		{"a hash that is none", func(f *fakeWeChat) { f.file.announce = announce("hash_value", "x") }, wxpay.KindUnknown},
		{"an answer of another type", func(f *fakeWeChat) { f.file.announce = announce("hash_value", 1) }, wxpay.KindUnknown},
		{"an address that has expired", func(f *fakeWeChat) { f.file.serve = codeAnswer(400, "INVALID_REQUEST") }, wxpay.KindBusy},
		{"a file of another merchant", func(f *fakeWeChat) { f.file.serve = codeAnswer(403, "NO_AUTH") }, wxpay.KindDenied},
		{"a system error", func(f *fakeWeChat) { f.file.serve = codeAnswer(500, "SYSTEM_ERROR") }, wxpay.KindBusy},
		{"a page of a firewall", func(f *fakeWeChat) { f.file.serve = plainAnswer(403, htmlPage) }, wxpay.KindUnknown},
		{"a refusal without end", func(f *fakeWeChat) { f.file.serve = plainAnswer(500, strings.Repeat("x", 1<<20+1)) }, wxpay.KindNetwork},
		{"no content", func(f *fakeWeChat) { f.file.serve = plainAnswer(204, "") }, wxpay.KindUnknown},
		{"a redirect", func(f *fakeWeChat) {
			f.file.serve = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/v3/elsewhere", http.StatusFound) }
		}, wxpay.KindUnknown},
		{"a connection cut half-way", func(f *fakeWeChat) {
			f.file.serve = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100000")
				_, _ = io.WriteString(w, goodBill())
			}
		}, wxpay.KindNetwork},
		{"a package cut half-way", func(f *fakeWeChat) {
			f.file.serve = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100000")
				_, _ = w.Write(gzipped([]byte(goodBill()))[:100])
			}
		}, wxpay.KindNetwork},
		{"no answer", func(f *fakeWeChat) {
			f.file.serve = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, wxpay.KindNetwork},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f, v := newBillV3(t)
			s.modify(f)
			bill, err := v.TradeBill(t.Context(), testStart)
			if got := f.hitsOf("GET /v3/elsewhere"); got != 0 {
				t.Errorf("got %d redirected calls, want none", got)
			}
			if s.kind == "" {
				if err != nil || len(bill.Rows) != 2 || len(bill.SHA1) != 40 || bill.SHA1 != strings.ToLower(bill.SHA1) {
					t.Errorf("got %+v, %v, want it read", bill, err)
				}
				return
			}
			wantKind(t, err, s.kind)
			if bill.Rows != nil || bill.SHA1 != "" || bill.Empty {
				t.Errorf("got %+v, want nothing of it", bill)
			}
			if wantNoSecret(t, err); strings.Contains(err.Error(), "token") {
				t.Errorf("got %v, want no address in it", err)
			}
		})
	}
}

// TestBillDownloadGoesNowhereElse checks that the download goes to the official host and that its errors show no
// address.
func TestBillDownloadGoesNowhereElse(t *testing.T) {
	t.Parallel()
	f, _ := newBillV3(t)
	f.file.announce = func(answer map[string]any) {
		answer["download_url"] = "https://api2.mch.weixin.qq.com/v3/billdownload/file?" + downloadQuery
	}
	base, err := url.Parse(f.url)
	must(err)
	var hosts []string
	through := http.DefaultTransport.(*http.Transport).Clone() // no other test closes its connections
	m := testMerchant()
	m.PayBase = f.url
	v := newGateway(t, m, wxpay.WithNow(f.clock.now), wxpay.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		hosts = append(hosts, req.URL.Host+" as "+req.Host)
		if req.URL.Path == "/v3/billdownload/file" {
			return nil, &url.Error{Op: "Get", URL: req.URL.String(), Err: &url.Error{Op: "Get", URL: req.URL.String(), Err: io.ErrUnexpectedEOF}}
		}
		return through.RoundTrip(req)
	})))
	_, err = v.TradeBill(t.Context(), testStart)
	if wantKind(t, err, wxpay.KindNetwork); strings.Contains(err.Error(), "token") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the cause and no address", err)
	}
	want := base.Host + " as api.mch.weixin.qq.com"
	if len(hosts) != 2 || hosts[0] != want || hosts[1] != want {
		t.Errorf("got %v asked, want %s twice", hosts, want)
	}
}

func TestBillTimeout(t *testing.T) {
	t.Parallel()
	f, _ := newBillV3(t)
	merchant := testMerchant()
	answers := func() http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v3/billdownload/file" {
				return stuck{}.RoundTrip(req)
			}
			body := `{"hash_type":"SHA1","hash_value":"` + strings.Repeat("0", 40) + `","download_url":"https://api.mch.weixin.qq.com/v3/billdownload/file?x"}`
			header := http.Header{}
			f.stamp(header, testKeyID, []byte(body), nil)
			return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
	}
	synctest.Test(t, func(t *testing.T) {
		v := newGateway(t, merchant, wxpay.WithNow(f.clock.now), wxpay.WithTransport(answers()))
		began := time.Now()
		_, err := v.TradeBill(t.Context(), testStart)
		if wantKind(t, err, wxpay.KindNetwork); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want it to wrap %v", err, context.DeadlineExceeded)
		}
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("got an answer after %s, want 2m", took)
		}
	})
}

func TestBillDays(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t) // it is ten in the morning of 2026-01-01 in Beijing
	f.file = fakeFile{ready: true, text: []byte(goodBill())}
	scenarios := []struct {
		name string
		day  time.Time
		sent bool
	}{
		{"today", testStart, false},
		{"today's first second", testStart.Add(-10 * time.Hour), false},
		{"tomorrow", testStart.Add(24 * time.Hour), false},
		{"no day", time.Time{}, false},
		{"yesterday's last second", testStart.Add(-10*time.Hour - time.Second), true},
		{"yesterday in Beijing, by UTC", time.Date(2025, 12, 31, 15, 59, 59, 0, time.UTC), true},
	}
	for _, s := range scenarios {
		before := f.hitsOf("GET /v3/bill/tradebill")
		bill, err := v.TradeBill(t.Context(), s.day)
		if sent := f.hitsOf("GET /v3/bill/tradebill") > before; sent != s.sent {
			t.Errorf("got sent %t for %s, want %t", sent, s.name, s.sent)
		}
		if !s.sent {
			wantKind(t, err, wxpay.KindParam)
		} else if err != nil || !bill.Empty || bill.Date != "2025-12-31" {
			t.Errorf("got %+v, %v for %s, want an empty day", bill, err, s.name)
		}
	}
}

package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// rawCall is a request as received, for copying and sending again. NB! unlike callRecord it contains signatures and
// tokens; it is shown one at a time and never in a list.
type rawCall struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"` // path and query, byte for byte
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// longestRaw limits the bodies that are kept with calls, in bytes.
const longestRaw = 16 << 10

// rawOf keeps a request; nil for one that is too large.
func rawOf(c *call) *rawCall {
	if len(c.body) > longestRaw {
		return nil
	}
	return &rawCall{c.r.Method, requestPath(c.r), c.r.Host, flat(c.r.Header), string(c.body)}
}

var authSignature = regexp.MustCompile(`signature="[^"]*"`)

// shownHeaders returns the headers that a list may show.
func shownHeaders(header http.Header) map[string]string {
	shown := flat(header)
	if text := shown["Authorization"]; text != "" {
		shown["Authorization"] = authSignature.ReplaceAllString(text, `signature="`+masked+`"`)
		if !strings.HasPrefix(text, authScheme) {
			shown["Authorization"] = masked
		}
	}
	if shown["Cookie"] != "" {
		shown["Cookie"] = masked
	}
	return shown
}

// filterCalls filters by a query: path and endpoint match a part, verdict, appid and mchid match exactly.
func filterCalls(list []callRecord, query url.Values) ([]callRecord, error) {
	if verdict := query.Get("verdict"); verdict != "" && !oneOf("ok", "refused", "fault")(verdict) {
		return nil, badInput("verdict must be ok, refused or fault")
	}
	return slices.DeleteFunc(list, func(rec callRecord) bool {
		return !strings.Contains(rec.Path, query.Get("path")) || !strings.Contains(rec.Endpoint, query.Get("endpoint")) ||
			differs(query.Get("verdict"), rec.Verdict) || differs(query.Get("appid"), rec.AppID) || differs(query.Get("mchid"), rec.MchID)
	}), nil
}

// differs tells whether a filter is set and does not match.
func differs(asked, got string) bool { return asked != "" && asked != got }

// find returns a remembered call with its request.
func (q *callRing) find(text string) (callRecord, error) {
	for _, rec := range q.list() {
		if strconv.Itoa(rec.ID) != text {
			continue
		}
		if rec.raw == nil {
			return rec, conflict("the request of this call is not kept")
		}
		return rec, nil
	}
	return callRecord{}, notThere("no call has this id, or it is too long ago")
}

// showRequest is GET /_sim/calls/{id}/request: the request byte for byte, and as a curl command.
func (s *Sim) showRequest(c *echo.Context) error {
	rec, err := s.calls.find(c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		*rawCall
		Curl string `json:"curl"`
	}{rec.raw, rec.raw.curl(*s.base.Load())})
}

// curl returns the request as a shell command. note: its signature is valid for five minutes.
func (r *rawCall) curl(base string) string {
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	parts := []string{"curl -sS -X " + r.Method + " " + quote(base+r.URL)}
	for _, name := range sortedKeys(r.Headers) {
		if !slices.Contains([]string{"Content-Length", "Accept-Encoding", "Connection", replayHeader}, name) {
			parts = append(parts, "-H "+quote(name+": "+r.Headers[name]))
		}
	}
	if strings.HasSuffix(hostOf(r.Host), "weixin.qq.com") {
		parts = append(parts, "-H "+quote("Host: "+r.Host))
	}
	if r.Body != "" {
		parts = append(parts, "--data-binary "+quote(r.Body))
	}
	return strings.Join(parts, " \\\n  ")
}

// replayHeader marks a repeated request with the number of the original.
const replayHeader = "Sim-Replay-Of"

func replayOf(r *http.Request) int {
	n, _ := strconv.Atoi(r.Header.Get(replayHeader))
	return n
}

// replayRequest is the body of POST /_sim/calls/{id}/replay. Omitted fields stay unchanged.
type replayRequest struct {
	Method  *string           `json:"method"`
	URL     *string           `json:"url"`     // path and query
	Headers map[string]string `json:"headers"` // to change; an empty value drops the header
	Body    *string           `json:"body"`
	Sign    *bool             `json:"sign"` // sign anew with the merchant's key, the default; false sends the old signature
}

// replayAnswer is the answer, and its number in the list of calls.
type replayAnswer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Error   string            `json:"error,omitempty"`
	Call    int               `json:"call,omitempty"`
}

// replayCall is POST /_sim/calls/{id}/replay: it repeats the request, changed as the body says.
func (s *Sim) replayCall(c *echo.Context) error {
	var in replayRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	rec, err := s.calls.find(c.Param("id"))
	if err != nil {
		return err
	}
	req, err := s.again(c.Request().Context(), rec, in)
	if err != nil {
		return err
	}
	answer := s.serveInside(req)
	for _, made := range s.calls.list() { // the latest first
		if made.ReplayOf == rec.ID {
			answer.Call = made.ID
			break
		}
	}
	return c.JSON(http.StatusOK, answer)
}

// again builds the repeated request.
func (s *Sim) again(ctx context.Context, rec callRecord, in replayRequest) (*http.Request, error) {
	method, address, body := rec.raw.Method, rec.raw.URL, rec.raw.Body
	set(&method, in.Method)
	set(&address, in.URL)
	set(&body, in.Body)
	if !strings.HasPrefix(address, "/") || isControlPath(strings.SplitN(address, "?", 2)[0]) {
		return nil, badInput("url must be a path of WeChat's, with or without a query")
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+or(rec.raw.Host, "127.0.0.1")+address, strings.NewReader(body))
	if err != nil {
		return nil, badInput("method or url has a wrong form")
	}
	for name, value := range rec.raw.Headers {
		req.Header.Set(name, value)
	}
	for name, value := range in.Headers {
		if req.Header.Set(name, value); value == "" {
			req.Header.Del(name)
		}
	}
	req.RequestURI, req.RemoteAddr = address, "127.0.0.1:0"
	req.Header.Set(replayHeader, strconv.Itoa(rec.ID))
	if in.Sign == nil || *in.Sign {
		return req, s.signAgain(req, rec, body)
	}
	return req, nil
}

// signAgain signs as the merchant would: a v3 request in its header, a v2 one in its body. Requests to
// api.weixin.qq.com have no signature.
func (s *Sim) signAgain(req *http.Request, rec callRecord, body string) error {
	switch {
	case strings.HasPrefix(req.URL.Path, "/v3/"):
		m := s.firstSeller()
		if a, err := parseAuthorization(req.Header.Get("Authorization")); err == nil {
			m = s.sellerOf(a.mchID)
		}
		return m.signRequest(req, body, s.opts.now().Unix())
	case strings.HasPrefix(rec.Endpoint, "v2_"):
		fields, err := wire.ParseXML([]byte(body))
		if err != nil {
			return nil //nolint:nilerr // not XML: sent unchanged, the answer names the problem
		}
		fields["sign"] = wire.SignV2(fields, s.sellerOf(fields["mch_id"]).APIV2Key, or(fields["sign_type"], wire.SignMD5))
		list := make([]wire.XMLField, 0, len(fields))
		for _, name := range sortedKeys(fields) {
			list = append(list, wire.XMLField{Name: name, Value: fields[name]})
		}
		setBody(req, wire.EncodeXML("xml", list))
	}
	return nil
}

// signRequest puts a fresh Authorization on a v3 request.
func (m *seller) signRequest(req *http.Request, body string, now int64) error {
	if m.merchant == nil {
		return conflict("the merchant's private key is not known here: send it with sign false")
	}
	timestamp, nonce := strconv.FormatInt(now, 10), wire.Pick(wire.Alnum, 32)
	signature, err := signRSA(m.merchant, message(req.Method, req.RequestURI, timestamp, nonce, body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", fmt.Sprintf(`%s mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		authScheme, m.MchID, nonce, signature, timestamp, m.merchantSerial))
	return nil
}

func setBody(req *http.Request, body []byte) {
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// serveInside answers a request without a network. A connection that a fault would cut is reported as an error.
func (s *Sim) serveInside(req *http.Request) (answer replayAnswer) {
	w := &inside{header: http.Header{}}
	defer func() {
		if gone := recover(); gone != nil {
			answer = replayAnswer{Error: "the connection was cut"}
		}
	}()
	s.handler.ServeHTTP(w, req)
	return replayAnswer{Status: w.status, Headers: shownHeaders(w.header), Body: clip(w.body.String(), longestRaw)}
}

// inside is a ResponseWriter that keeps the answer.
type inside struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *inside) Header() http.Header { return w.header }

func (w *inside) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *inside) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush does nothing; the method lets a fault cut an answer in the middle.
func (w *inside) Flush() {}

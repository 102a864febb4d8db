package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"wxbase/internal/sim/wire"
)

// ringSize is how many calls are remembered.
const ringSize = 1000

// callRecord is one call as GET /_sim/calls shows it, without secrets.
type callRecord struct {
	ID       int        `json:"id"`
	At       time.Time  `json:"at"`
	Endpoint string     `json:"endpoint"`
	Host     string     `json:"host"` // api.weixin.qq.com, api.mch.weixin.qq.com, phone or sim
	Method   string     `json:"method"`
	Path     string     `json:"path"`
	Query    string     `json:"query,omitempty"`
	AppID    string     `json:"appid,omitempty"` // of the caller, if known
	MchID    string     `json:"mchid,omitempty"`
	Request  string     `json:"request,omitempty"`
	Status   int        `json:"status"`
	Code     string     `json:"code,omitempty"`
	Verdict  string     `json:"verdict"` // ok, refused or fault
	Reason   string     `json:"reason,omitempty"`
	ReasonZH string     `json:"reason_zh,omitempty"`
	Field    *fieldSaid `json:"field,omitempty"` // the wrong field
	Finding  *finding   `json:"finding,omitempty"`
	Answer   string     `json:"answer,omitempty"`
	RID      string     `json:"rid,omitempty"`
	Fault    string     `json:"fault,omitempty"`
	TookMs   int64      `json:"took_ms"`
	ReplayOf int        `json:"replay_of,omitempty"`
	CanRetry bool       `json:"can_replay,omitempty"` // the request is kept, see rawCall

	RequestHeaders map[string]string `json:"request_headers,omitempty"`
	AnswerHeaders  map[string]string `json:"answer_headers,omitempty"`

	raw *rawCall
}

// callRing keeps the last calls: when it is full, the next call replaces the oldest.
type callRing struct {
	mu   sync.Mutex
	last int
	ring []callRecord
}

// add remembers a call and forgets the oldest past ringSize.
func (q *callRing) add(rec callRecord) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	rec.ID = q.last
	if len(q.ring) == ringSize {
		q.ring[(q.last-1)%ringSize] = rec
		return
	}
	q.ring = append(q.ring, rec)
}

// clear forgets all calls; the numbering continues.
func (q *callRing) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ring, q.last = nil, 0
}

// list returns the remembered calls, the latest first.
func (q *callRing) list() []callRecord {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]callRecord, 0, len(q.ring))
	for id := q.last; id > q.last-len(q.ring); id-- {
		out = append(out, q.ring[(id-1)%ringSize])
	}
	return out
}

// record notes a call to WeChat and its result; header is the answer's.
func (s *Sim) record(c *call, r reply, header http.Header, f *fault) {
	rec := callRecord{
		AppID: c.appid, ReasonZH: or(r.reasonZH, inChinese(r.reason)), Field: r.field, raw: rawOf(c), ReplayOf: replayOf(c.r),
		RequestHeaders: shownHeaders(c.r.Header), AnswerHeaders: shownHeaders(header),
		At: c.now, Endpoint: c.endpoint.name, Host: "api.weixin.qq.com", Method: c.r.Method, Path: c.r.URL.Path,
		Query: maskQuery(c.query), Request: maskBody("application/json", c.body), Status: r.status, Code: r.code,
		Reason: r.reason, Finding: r.finding, Answer: maskBody(r.contentType, r.body), RID: c.requestID, Fault: f.name(),
	}
	if c.endpoint.ofMch() || strings.HasPrefix(rec.Path, "/v3/") {
		rec.Host = "api.mch.weixin.qq.com"
	}
	rec.CanRetry = rec.raw != nil
	if c.seller != nil {
		rec.MchID = c.seller.MchID
	}
	if c.endpoint.v2 {
		rec.AppID = c.fields["appid"]
		rec.Request, rec.Answer = maskXML(c.body), maskXML(r.body)
	}
	if !c.started.IsZero() {
		rec.TookMs = time.Since(c.started).Milliseconds()
	}
	switch {
	case f != nil:
		rec.Verdict = "fault"
	case r.code != "":
		rec.Verdict = "refused"
	default:
		rec.Verdict = "ok"
	}
	s.calls.add(rec)
}

// recordPhone notes what the phone decided; refusal is empty on success.
func (s *Sim) recordPhone(action, request, answer, refusal string, found *finding) {
	rec := callRecord{
		At: s.Now(), Endpoint: action, Host: "phone", Method: "CALL", Path: "wx." + action, Request: request, Answer: answer,
		Status: 200, Verdict: "ok", Reason: refusal, ReasonZH: refusal, Finding: found,
	}
	if refusal != "" {
		rec.Verdict = "refused"
	}
	s.calls.add(rec)
}

// note adds a remark of the simulator to the list of calls.
func (s *Sim) note(about, what string) {
	s.calls.add(callRecord{At: s.Now(), Endpoint: about, Host: "sim", Method: "NOTE", Path: about, Verdict: "refused", Reason: what})
}

const (
	keptBody = 2 << 10
	masked   = "***"
)

// secretName tells whether the list of calls hides the value of this name.
func secretName(name string) bool {
	switch strings.ToLower(name) {
	case "secret", "appsecret", "access_token", "session_key", "signature", "sign", "js_code", "code":
		return true
	}
	return false
}

// maskQuery shows a query without its secrets, unescaped.
func maskQuery(query url.Values) string {
	shown := url.Values{}
	for name, values := range query {
		shown[name] = values
		if secretName(name) {
			shown[name] = []string{masked}
		}
	}
	text, err := url.QueryUnescape(shown.Encode())
	if err != nil {
		return shown.Encode()
	}
	return clip(text, keptBody)
}

// maskBody shows JSON without its secrets; of other types it shows only the size.
func maskBody(contentType string, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return contentType + ", " + strconv.Itoa(len(body)) + " bytes, not JSON"
	}
	return clip(string(encode(maskValue(value))), keptBody)
}

// maskXML shows a message of API v2 as JSON.
func maskXML(body []byte) string {
	fields, err := wire.ParseXML(body)
	if err != nil {
		return strconv.Itoa(len(body)) + " bytes, not XML"
	}
	return maskBody(textPlain, encode(fields))
}

// maskValue replaces secrets in place, at any depth.
func maskValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if text, isText := inner.(string); isText && secretName(name) && (name != "code" || !isErrorCode(text)) {
				v[name] = masked
				continue
			}
			v[name] = maskValue(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = maskValue(inner)
		}
	}
	return value
}

// isErrorCode tells SIGN_ERROR and similar words from a code that a phone gave.
func isErrorCode(text string) bool { return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" }

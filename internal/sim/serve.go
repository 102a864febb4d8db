package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// call is one request to WeChat.
type call struct {
	endpoint  endpoint
	r         *http.Request
	body      []byte
	query     url.Values
	param     func(name string) string
	now       time.Time         // WeChat's calendar
	wire      time.Time         // the clock that the caller uses, see clock
	fields    map[string]string // of a v2 request
	signType  string            // of a v2 request
	seller    *seller           // the caller of api.mch.weixin.qq.com, once known
	appid     string            // the access_token's
	fault     *fault            // usually nil
	byKey     bool              // answer signed with the public key, else with the platform certificate
	started   time.Time
	requestID string
}

// reply is the answer before it is signed, changed by a fault, recorded and sent.
type reply struct {
	status      int
	contentType string
	body        []byte
	code        string // errcode or v3 code; empty on success
	unsigned    bool   // a file of WeChat Pay, which comes without a signature
	finding     *finding
	numeric     int    // the number at the end of WeChat Pay's Request-Id
	reason      string // the reason of a refusal, for GET /_sim/calls; WeChat itself never says it
	reasonZH    string // the same in Chinese, if it is not in reasonsZH
	field       *fieldSaid
}

// serve handles every call: read, take a fault, check and answer, record, send.
func (s *Sim) serve(ep endpoint) echo.HandlerFunc {
	return func(ec *echo.Context) error {
		s.tidy()
		r := ec.Request()
		c := &call{
			endpoint: ep, r: r, query: r.URL.Query(), param: ec.Param, now: s.Now(), wire: s.opts.now(), started: time.Now(),
		}
		c.requestID = wire.RID(c.now)
		f := s.faults.take(ep.name)
		c.fault = f
		answer := s.answer(ec.Response(), c, f)
		header := c.answerHeader(answer)
		s.record(c, answer, header, c.fault)
		return s.send(ec, c, answer, header, c.fault)
	}
}

// answer reads the body and lets the fault, the merchant API or the mini program API answer.
func (s *Sim) answer(w http.ResponseWriter, c *call, f *fault) reply {
	body, err := readBody(w, c.r)
	if errors.Is(err, errTooLarge) {
		return reply{status: http.StatusRequestEntityTooLarge, code: "413", reason: err.Error()}
	} else if err != nil {
		return reply{status: http.StatusBadRequest, code: "400", reason: "the body could not be read"}
	}
	c.body = body
	if f == nil {
		if f = s.magicCall(c); f != nil {
			c.fault = f
		}
	}
	if spoilt, ok := s.instead(f, c); ok {
		return spoilt
	}
	switch {
	case c.endpoint.v2:
		return s.answerV2(c)
	case c.endpoint.pay:
		return s.answerPay(c)
	}
	return s.answerAPI(c)
}

// answerAPI handles api.weixin.qq.com: method, access_token, then the call itself.
func (s *Sim) answerAPI(c *call) reply {
	if c.r.Method != c.endpoint.method {
		if c.endpoint.method == http.MethodPost {
			return c.refuse(43002, "the call wants POST")
		}
		return c.refuse(43001, "the call wants GET")
	}
	if c.endpoint.token {
		appid, code, reason := s.checkToken(c.query.Get("access_token"), c.now)
		if code != 0 {
			return c.refuse(code, reason)
		}
		c.appid = appid
		if !s.meter(c) {
			return c.refuse(45009, "more calls of "+c.endpoint.path+" in a day than "+quotaCalls)
		}
	}
	if refusal, magic := c.magicAnswer(); magic {
		return refusal
	}
	return c.endpoint.run(s, c)
}

// answerPay handles api.mch.weixin.qq.com: signature, form of the body, then the call itself.
func (s *Sim) answerPay(c *call) reply {
	if refusal := s.authorize(c); refusal != nil {
		return refusal.reply(c)
	}
	if c.r.Method == http.MethodPost && !isJSONType(c.r.Header.Get("Content-Type")) {
		return payError{
			status: 400, code: "INVALID_REQUEST", numeric: numParam, message: "Content-Type须为application/json",
			reason: "a body needs Content-Type: application/json",
		}.reply(c)
	}
	return c.endpoint.run(s, c)
}

// answerHeader is the answer's header: signed where WeChat signs.
func (c *call) answerHeader(r reply) http.Header {
	header := http.Header{}
	if c.endpoint.pay {
		header.Set("Request-Id", c.requestID+"-"+strconv.Itoa(r.numeric))
		if r.status/100 == 2 && !r.unsigned && !c.fault.hasKind("empty") {
			signAnswer(header, c, r.body, c.fault)
		}
	}
	return header
}

// send writes the answer, late or broken if a fault says so.
func (s *Sim) send(ec *echo.Context, c *call, r reply, header http.Header, f *fault) error {
	maps.Copy(ec.Response().Header(), header)
	switch {
	case f.hasKind("slow"):
		f.wait(c.r.Context())
	case f.hasKind("timeout_after_accept"):
		f.wait(c.r.Context())
		panic(http.ErrAbortHandler) // the caller learns nothing, although the call took effect
	case f.hasKind("cut"):
		cutOff(ec.Response(), r)
	case f.hasKind("truncated"): // complete as an HTTP answer, but half of its content
		r.body = r.body[:len(r.body)/2]
	}
	if r.status == http.StatusNoContent || len(r.body) == 0 && r.contentType == "" {
		return ec.NoContent(r.status)
	}
	return ec.Blob(r.status, r.contentType, r.body)
}

// cutOff sends the headers and half of the body, then drops the connection.
func cutOff(w http.ResponseWriter, r reply) {
	w.Header().Set("Content-Type", r.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)+1))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body[:len(r.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// encode writes JSON the way WeChat does: no escaping of <, > and &, no newline at the end.
func encode(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("{}") // note: cannot happen, everything here consists of strings, numbers and maps of them
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

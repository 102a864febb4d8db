package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// forgery is how a message about an order differs from a true one: its content, seal, signature and delivery. A nil
// function changes nothing.
type forgery struct {
	plain    func(map[string]any) // changes the decrypted resource
	envelope func(map[string]any) // changes the envelope
	key      string               // of the seal, the merchant's by default
	body     func([]byte) []byte  // changes the bytes before the signature
	sent     func([]byte) []byte  // changes the bytes after the signature
	header   func(http.Header)
	shift    time.Duration // of the time stamp
	signer   func() *rsa.PrivateKey
}

// forgeries are the messages that a receiver must refuse, or at least not believe. See also notifyFaults, which change
// true messages.
func (m *seller) forgeries() map[string]forgery {
	put := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	amount := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { object(m["amount"])[name] = value }
	}
	resource := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { object(m["resource"])[name] = value }
	}
	head := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	return map[string]forgery{
		"true":                 {},
		"another_key":          {signer: strangerKey},
		"empty_signature":      {header: head("Wechatpay-Signature", "")},
		"garbage_signature":    {header: head("Wechatpay-Signature", "bm90IGEgc2lnbmF0dXJl")},
		"probe":                {header: func(h http.Header) { h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+h.Get("Wechatpay-Signature")) }},
		"no_headers":           {header: func(h http.Header) { dropWechatpay(h) }},
		"no_serial":            {header: func(h http.Header) { h.Del("Wechatpay-Serial") }},
		"unknown_serial":       {header: head("Wechatpay-Serial", strings.Repeat("AB", 20))},
		"merchant_serial":      {header: head("Wechatpay-Serial", m.merchantSerial), signer: func() *rsa.PrivateKey { return m.merchant }},
		"other_timestamp":      {header: func(h http.Header) { h.Set("Wechatpay-Timestamp", shifted(h.Get("Wechatpay-Timestamp"), 1)) }},
		"other_nonce":          {header: head("Wechatpay-Nonce", strings.Repeat("0", 32))},
		"stale_time":           {shift: -10 * time.Minute},
		"future_time":          {shift: 10 * time.Minute},
		"milliseconds":         {header: func(h http.Header) { h.Set("Wechatpay-Timestamp", h.Get("Wechatpay-Timestamp")+"000") }},
		"tampered_body":        {sent: func(b []byte) []byte { return bytes.Replace(b, []byte(`"id":"`), []byte(`"id":"0`), 1) }},
		"reserialised_body":    {sent: func(b []byte) []byte { return append([]byte(" "), b...) }},
		"sealed_by_another":    {key: wire.Pick(wire.Alnum, 32)},
		"cut_ciphertext":       {envelope: func(m map[string]any) { cutCiphertext(object(m["resource"])) }},
		"other_associated":     {envelope: resource("associated_data", "refund")},
		"other_seal_nonce":     {envelope: resource("nonce", "000000000000")},
		"short_seal_nonce":     {envelope: resource("nonce", "0")},
		"other_algorithm":      {envelope: resource("algorithm", "NONE")},
		"no_resource":          {envelope: func(m map[string]any) { delete(m, "resource") }},
		"null_resource":        {envelope: put("resource", nil)},
		"no_json":              {body: func([]byte) []byte { return []byte("paid") }},
		"empty_body":           {body: func([]byte) []byte { return nil }},
		"list_body":            {body: func(b []byte) []byte { return append(append([]byte("["), b...), ']') }},
		"xml":                  {body: func([]byte) []byte { return []byte(hostileXML) }, header: head("Content-Type", "text/xml")},
		"other_event":          {envelope: put("event_type", "TRANSACTION.CLOSED")},
		"refund_event":         {envelope: put("event_type", "REFUND.SUCCESS")},
		"not_paid":             {plain: put("trade_state", "NOTPAY")},
		"closed":               {plain: put("trade_state", "CLOSED")},
		"no_state":             {plain: func(m map[string]any) { delete(m, "trade_state") }},
		"smaller_amount":       {plain: amount("total", 1)},
		"larger_amount":        {plain: amount("total", 1<<40)},
		"no_amount":            {plain: func(m map[string]any) { delete(m, "amount") }},
		"other_currency":       {plain: amount("currency", "JPY")},
		"other_appid":          {plain: put("appid", wire.NewAppID())},
		"no_appid":             {plain: func(m map[string]any) { delete(m, "appid") }},
		"other_mchid":          {plain: put("mchid", "19"+wire.Pick(wire.Digits, 8))},
		"no_mchid":             {plain: func(m map[string]any) { delete(m, "mchid") }},
		"unknown_order":        {plain: put("out_trade_no", "UNKNOWN-"+wire.Pick(wire.Digits, 12))},
		"empty_order":          {plain: put("out_trade_no", "")},
		"no_transaction":       {plain: put("transaction_id", "")},
		"amount_as_text":       {plain: amount("total", "100")},
		"amount_with_fraction": {plain: amount("total", 99.5)},
	}
}

// strangerKey makes a key that is in no configuration.
func strangerKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil
	}
	return key
}

func dropWechatpay(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Wechatpay-") {
			h.Del(name)
		}
	}
}

func shifted(timestamp string, by int64) string {
	n, _ := strconv.ParseInt(timestamp, 10, 64)
	return strconv.FormatInt(n+by, 10)
}

func cutCiphertext(resource map[string]any) {
	sealed := text(resource["ciphertext"])
	resource["ciphertext"] = sealed[:len(sealed)/2/4*4]
}

// forgeRequest is the body of POST /_sim/forge.
type forgeRequest struct {
	MchID      string `json:"mchid"` // of the order; needed when two merchants use the same number
	OutTradeNo string `json:"out_trade_no"`
	Kind       string `json:"kind"`
}

// forge is POST /_sim/forge: it sends a message that the order is paid, true or not, to the order's notify_url, once
// and at once. The order does not change; the answer is the receiver's.
func (s *Sim) forge(c *echo.Context) error {
	var in forgeRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	if _, known := s.firstSeller().forgeries()[in.Kind]; !known {
		return badInput("kind must be one of " + strings.Join(sortedKeys(s.firstSeller().forgeries()), ", "))
	}
	s.mu.Lock()
	o, err := s.orderOf(in.MchID, in.OutTradeNo, s.Now())
	var told transaction
	if o != nil {
		told = o.asPaid(s.Now())
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case o == nil:
		return notThere("no order has this out_trade_no")
	}
	m := s.sellerOf(o.MchID)
	body, header, err := s.sealForgery(m, told, m.forgeries()[in.Kind], o.ByKey)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.sendForgery(c.Request().Context(), o.NotifyURL, body, header))
}

// asPaid returns the transaction as if the order were paid now; a paid order's is unchanged.
func (o *order) asPaid(now time.Time) transaction {
	paid := *o
	if !paid.paid() {
		paid.State, paid.PaidAt, paid.TransactionID = stateSuccess, &now, wire.NewTransactionID(now)
	}
	t := paid.transaction()
	t.TradeState, t.TradeStateDesc = stateSuccess, stateText(stateSuccess)
	return t
}

// sealForgery makes the message.
func (s *Sim) sealForgery(m *seller, t transaction, f forgery, byKey bool) (body []byte, header http.Header, err error) {
	var plain map[string]any
	if err := json.Unmarshal(encode(t), &plain); err != nil {
		return nil, nil, fmt.Errorf("encode message: %w", err)
	}
	apply(f.plain, plain)
	resource := map[string]any{"original_type": originTransact, "algorithm": "AEAD_AES_256_GCM", "associated_data": originTransact, "nonce": wire.Pick(wire.Alnum, 12)}
	if resource["ciphertext"], err = sealGCM(or(f.key, m.APIV3Key), text(resource["nonce"]), originTransact, encode(plain)); err != nil {
		return nil, nil, err
	}
	envelope := map[string]any{
		"id": wire.NewUUID(), "create_time": wire.Stamp(s.Now()), "resource_type": "encrypt-resource", "event_type": eventPaid, "summary": "支付成功", "resource": resource,
	}
	apply(f.envelope, envelope)
	if body = encode(envelope); f.body != nil {
		body = f.body(body)
	}
	header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Mozilla/4.0"}, "Accept": {"*/*"}}
	s.signForgery(m, header, body, f, byKey)
	if f.header != nil {
		f.header(header)
	}
	if f.sent != nil {
		body = f.sent(body)
	}
	return body, header, nil
}

func apply(change func(map[string]any), to map[string]any) {
	if change != nil {
		change(to)
	}
}

// signForgery signs as WeChat does, or with another key.
func (s *Sim) signForgery(m *seller, header http.Header, body []byte, f forgery, byKey bool) {
	at := s.wireTime().Add(f.shift)
	m.signHeaders(header, body, byKey, at, nil)
	if f.signer == nil {
		return
	}
	if key := f.signer(); key != nil {
		if signature, err := signRSA(key, message(header.Get("Wechatpay-Timestamp"), header.Get("Wechatpay-Nonce"), string(body))); err == nil {
			header.Set("Wechatpay-Signature", signature)
		}
	}
}

// sendForgery posts once.
func (s *Sim) sendForgery(ctx context.Context, url string, body []byte, header http.Header) attempt {
	try := attempt{At: s.Now()}
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	s.exchange(ctx, outgoing{url, header, body}, &try)
	return try
}

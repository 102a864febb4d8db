package v2

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// The names of the calls in errors, equal to v3's.
const (
	opPrepay      = "prepay"
	opSignPay     = "request payment"
	opQuery       = "query"
	opClose       = "close"
	opRefund      = "refund"
	opQueryRefund = "query refund"
	opBill        = "trade bill"
)

const (
	wordSuccess = "SUCCESS"
	wordFail    = "FAIL"
)

// call is one call to WeChat: its operation, path, fields and mini program.
type call struct {
	op, path, appID string
	params          fields
	hosts           []http.RoundTripper
}

// newCall is a call whose fields do not name a mini program.
func (g *Gateway) newCall(op, path string, params fields) call {
	return call{op: op, path: path, appID: g.appID, params: params, hosts: g.wire.open}
}

// do makes the call and returns the fields of an answer that is verified, about us, and has both codes SUCCESS.
func (g *Gateway) do(ctx context.Context, c call) (fields, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	res, err := g.send(ctx, c)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := readAnswer(res.Body)
	if err != nil {
		return nil, networkError(c.op, res, err)
	}
	if err := refusedByStatus(c.op, res); err != nil {
		return nil, err
	}
	return g.readFields(c, res, body)
}

// send signs and posts. It returns any answer without an error; the caller closes the body.
func (g *Gateway) send(ctx context.Context, c call) (*http.Response, error) {
	if len(c.hosts) == 0 {
		return nil, newError(c.op, nil, wxpay.KindConfig, errNoCertificate)
	}
	doc, err := xmlflat.Encode(g.sealed(c))
	if err != nil {
		return nil, newError(c.op, nil, wxpay.KindParam, err)
	}
	res, err := post(ctx, c.hosts, c.path, doc)
	if err != nil {
		return nil, networkError(c.op, nil, err)
	}
	return res, nil
}

// sealed adds the fields of every call. It always sends the sign type: WeChat signs its answer, and later the
// notification, with the same type.
func (g *Gateway) sealed(c call) fields {
	f := maps.Clone(c.params)
	f["appid"], f["mch_id"] = c.appID, g.mchID
	f["nonce_str"], f[fieldSignType] = rand.Text(), g.signer.signType
	f[fieldSign] = g.signer.sign(f)
	return f
}

// readFields checks from the outside in: XML, return_code, signature, merchant and appid, result_code.
func (g *Gateway) readFields(c call, res *http.Response, body []byte) (fields, error) {
	f, err := xmlflat.Decode(body)
	if err != nil {
		return nil, newError(c.op, res, wxpay.KindUnverified, err)
	}
	switch f["return_code"] {
	case wordSuccess:
	case wordFail:
		return nil, refusedInWords(c.op, res, f["return_msg"])
	default:
		return nil, newError(c.op, res, wxpay.KindUnverified, errNotWeChat)
	}
	if err := g.signer.verify(f); err != nil {
		return nil, newError(c.op, res, wxpay.KindUnverified, err)
	}
	// NB! the signature does not cover the request: the caller compares the number that it asked for.
	if f["mch_id"] != g.mchID || f["appid"] != c.appID {
		return nil, newError(c.op, res, wxpay.KindUnverified, errNotOurs)
	}
	if f["result_code"] != wordSuccess {
		return nil, refusedByCode(c.op, res, f)
	}
	return f, nil
}

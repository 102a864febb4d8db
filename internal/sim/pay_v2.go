package sim

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"wxbase/internal/sim/wire"
)

// The refusals of API v2 on which a caller decides. On the wire a return_code FAIL has no code; those words appear only
// in GET /_sim/calls.
const (
	errLackParams  = "LACK_PARAMS"
	errRequest     = "INVALID_REQUEST"
	errParam       = "PARAM_ERROR"
	errSign        = "SIGNERROR"
	errSystem      = "SYSTEMERROR"
	errOrderPaid   = "ORDERPAID"
	errOrderClosed = "ORDERCLOSED"
	errNoOrder     = "ORDERNOTEXIST"
	errTooFast     = "FREQUENCY_LIMITED"
)

const textPlain = "text/plain"

// answerV2 handles API v2: form, merchant, signature over all fields, client certificate, then the call. The status is
// always 200.
func (s *Sim) answerV2(c *call) reply {
	if c.r.Method != http.MethodPost {
		return failV2("REQUIRE_POST_METHOD", "请使用post方法", "the call wants POST")
	}
	fields, err := wire.ParseXML(c.body)
	switch {
	case errors.Is(err, wire.ErrXMLEmpty):
		return failV2("POST_DATA_EMPTY", "post数据为空", err.Error())
	case errors.Is(err, wire.ErrXMLCoding):
		return failV2("NOT_UTF8", "编码格式错误，请使用UTF-8", err.Error())
	case err != nil:
		return failV2("XML_FORMAT_ERROR", "XML格式错误", err.Error())
	}
	c.fields, c.signType = fields, or(fields["sign_type"], wire.SignMD5)
	if refusal, ok := s.authorizeV2(c); !ok {
		return refusal
	}
	switch {
	case c.fault.hasKind("busy"):
		return s.refuseV2(c, errSystem, "系统错误", faulty)
	case c.fault.hasKind("rate_limit"):
		return s.refuseV2(c, errTooFast, "频率限制", faulty)
	}
	return c.endpoint.run(s, c)
}

// authorizeV2 checks the merchant's signature.
func (s *Sim) authorizeV2(c *call) (refusal reply, ok bool) {
	if c.seller = s.allSellers().by(c.fields["mch_id"]); c.seller == nil {
		if c.fields["mch_id"] == "" {
			return failV2(errLackParams, "缺少参数mch_id", "mch_id is missing"), false
		}
		return failV2("MCHID_NOT_EXIST", "商户号mch_id不存在", "no merchant has this mch_id"), false
	}
	switch {
	case c.signType != wire.SignMD5 && c.signType != wire.SignHMAC:
		return failV2(errSign, "sign_type参数错误", "sign_type must be MD5 or HMAC-SHA256"), false
	case !wire.VerifyV2(c.fields, c.seller.APIV2Key, c.signType):
		text := "签名错误"
		if c.endpoint.name == "v2_downloadbill" {
			text = "SIGN ERROR"
		}
		refusal := failV2(errSign, text, "sign is not the "+c.signType+" over all fields that came")
		refusal.finding = c.seller.explainV2(c.fields, c.signType)
		return refusal, false
	case c.endpoint.mutualTLS && s.rule().clientCerts && !c.seller.showsCertificate(c.r):
		return failV2("CERT_ERROR", "证书验证失败", "the call needs the merchant's certificate as TLS client certificate"), false
	}
	return reply{}, true
}

// showsCertificate tells whether the connection uses the merchant's own certificate.
func (m *seller) showsCertificate(r *http.Request) bool {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return false
	}
	own, err := parseCert(m.MerchantCert)
	return err == nil && bytes.Equal(r.TLS.PeerCertificates[0].Raw, own.Raw)
}

// failV2 is a refusal before the merchant is known: it is not signed.
func failV2(code, text, reason string) reply {
	return reply{
		status: http.StatusOK, contentType: textPlain, code: code, reason: reason,
		body: wire.EncodeXML("xml", []wire.XMLField{{Name: "return_code", Value: "FAIL"}, {Name: "return_msg", Value: text}}),
	}
}

// refuseV2 is a refusal to a known merchant: it is signed.
func (s *Sim) refuseV2(c *call, code, text, reason string) reply {
	r := s.signedV2(c, []wire.XMLField{{Name: "result_code", Value: "FAIL"}, {Name: "err_code", Value: code}, {Name: "err_code_des", Value: text}})
	r.code, r.reason = code, or(reason, text)
	return r
}

// okV2 is a success, signed.
func (s *Sim) okV2(c *call, list ...wire.XMLField) reply {
	return s.signedV2(c, append([]wire.XMLField{{Name: "result_code", Value: "SUCCESS"}}, list...))
}

// signedV2 adds the fields of every answer and signs. A field that the answer has already, such as appid, is not
// repeated.
func (s *Sim) signedV2(c *call, list []wire.XMLField) reply {
	all := append([]wire.XMLField{
		{Name: "return_code", Value: "SUCCESS"},
		{Name: "return_msg", Value: "OK"},
		{Name: "appid", Value: c.fields["appid"]},
		{Name: "mch_id", Value: c.seller.MchID},
		{Name: "device_info", Value: c.fields["device_info"]},
		{Name: "nonce_str", Value: wire.Pick(wire.Alnum, 16)},
	}, list...)
	all = single(all)
	sign := wire.SignV2(wire.FieldMap(all), c.seller.APIV2Key, c.signType)
	return reply{status: http.StatusOK, contentType: textPlain, body: wire.EncodeXML("xml", append(all, wire.XMLField{Name: "sign", Value: c.fault.spoil(sign)}))}
}

// single keeps the last value of each name, at the first one's place.
func single(list []wire.XMLField) []wire.XMLField {
	at, out := map[string]int{}, list[:0]
	for _, f := range list {
		if i, known := at[f.Name]; known {
			out[i] = f
			continue
		}
		at[f.Name] = len(out)
		out = append(out, f)
	}
	return out
}

// ruleV2 is the rule of one field of a v2 request. An empty text counts as absent.
type ruleV2 struct {
	name     string
	required bool
	most     int               // bytes
	check    func(string) bool // nil accepts everything
	fen      bool              // an amount, which has an upper limit
}

// checkV2 compares the fields with their rules; it refuses the first wrong one, with code bad or missing.
func (s *Sim) checkV2(c *call, missing, bad string, rules []ruleV2) (refusal reply, ok bool) {
	for _, r := range rules {
		value := c.fields[r.name]
		switch {
		case value == "" && r.required:
			return s.refuseV2(c, missing, "缺少必填参数"+r.name, r.name+" is missing"), false
		case value == "":
		case len(value) > r.most:
			return s.refuseV2(c, bad, r.name+"参数长度有误", r.name+" has "+strconv.Itoa(len(value))+" bytes, more than "+strconv.Itoa(r.most)), false
		case r.fen && tooMuch(value, s.rule().mostFen):
			return s.refuseV2(c, bad, r.name+"参数超过上限", r.name+" is more than "+fenText(s.rule().mostFen)+" fen"), false
		case r.check != nil && !r.check(value):
			return s.refuseV2(c, bad, r.name+"参数格式错误", r.name+" has a wrong form"), false
		}
	}
	s.mu.Lock()
	_, known := s.findApp(c.fields["appid"])
	s.mu.Unlock()
	switch {
	case !known:
		return s.refuseV2(c, "APPID_NOT_EXIST", "appid不存在", "no mini program has this appid"), false
	case !c.seller.isBound(c.fields["appid"]):
		return s.refuseV2(c, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "the merchant is not bound to this appid"), false
	}
	return reply{}, true
}

// commonRulesV2 are the rules of the fields of every call.
func commonRulesV2(more ...ruleV2) []ruleV2 {
	return append([]ruleV2{
		{name: "appid", required: true, most: 32},
		{name: "nonce_str", required: true, most: 32},
	}, more...)
}

// fenV2 reads an amount: whole fen, at least 1, no sign, no point.
func fenV2(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 1 && text == strconv.FormatInt(n, 10)
}

func tooMuch(text string, most int64) bool { n, ok := fenV2(text); return ok && n > most }

func isFen(text string) bool { _, ok := fenV2(text); return ok }

// oneOf makes a check for a few allowed words.
func oneOf(words ...string) func(string) bool {
	return func(value string) bool { return slices.Contains(words, value) }
}

package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
)

// abnormalRules is the body of POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund.
func abnormalRules() []rule {
	return []rule{
		{name: "out_refund_no", required: true, most: 64, check: checkRefundNumber},
		{name: "type", required: true, check: func(v string) string {
			if !oneOf("USER_BANK_CARD", "MERCHANT_BANK_CARD")(v) {
				return "异常退款处理方式只能是USER_BANK_CARD或MERCHANT_BANK_CARD"
			}
			return ""
		}},
		{name: "bank_type", most: 16},
		{name: "bank_account", most: 1024},
		{name: "real_name", most: 1024},
	}
}

// abnormalRefund is POST /v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund: it sends the money of an
// ABNORMAL refund to another card. Account and name are encrypted for WeChat Pay.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071193 (发起异常退款)
func (s *Sim) abnormalRefund(c *call) reply {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = checkFields("", fields, abnormalRules())
	}
	if bad == nil {
		bad = checkCard(c, fields)
	}
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ripenedRefund(s.state.byRefundID[c.param("refund_id")], c.now)
	refuse := payError{status: http.StatusBadRequest, code: "INVALID_REQUEST", numeric: numParam}
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case r == nil, r.MchID != c.seller.MchID:
		refuse.status, refuse.code, refuse.numeric, refuse.message = http.StatusNotFound, "RESOURCE_NOT_EXISTS", numOrderMissing, "退款单不存在"
		return refuse.reply(c)
	case r.OutRefundNo != text(fields["out_refund_no"]):
		refuse.message, refuse.reason = "商户退款单号与退款单不一致", "out_refund_no is not that of this refund_id"
		return refuse.reply(c)
	case r.Status != refundAbnormal:
		refuse.message, refuse.reason = "退款单不是异常状态", "the refund is "+r.Status+"; only ABNORMAL can be sent elsewhere"
		return refuse.reply(c)
	}
	if err := s.sendElsewhere(r, c); err != nil {
		return systemError(err.Error()).reply(c)
	}
	return okPay(r.answer())
}

// sendElsewhere restarts an abnormal refund. The caller holds s.mu.
func (s *Sim) sendElsewhere(r *refund, c *call) error {
	again := *r
	again.Status, again.Fate, again.SettledAt = refundProcessing, "", nil
	if delay := s.rule().refundDelay; delay >= 0 {
		again.SettleAt = c.now.Add(delay)
	}
	if err := s.save(&again); err != nil {
		return err
	}
	*r = again
	if !r.SettleAt.IsZero() {
		s.state.agenda.enter(r.SettleAt, r)
		s.wakeWorker()
	}
	return nil
}

// checkCard demands the payer's card, readable with the key that Wechatpay-Serial names.
func checkCard(c *call, fields map[string]any) *payError {
	if text(fields["type"]) != "USER_BANK_CARD" {
		return nil
	}
	for _, name := range []string{"bank_type", "bank_account", "real_name"} {
		if text(fields[name]) == "" {
			return badField(numParam, "/"+name, nil, "缺少必填参数")
		}
	}
	key := c.seller.sealKey(c.r.Header.Get("Wechatpay-Serial"))
	if key == nil {
		return &payError{
			status: http.StatusBadRequest, code: "PARAM_ERROR", numeric: numParam, message: "Wechatpay-Serial有误",
			reason: "encrypted fields need Wechatpay-Serial: the public key's id or the platform certificate's serial",
		}
	}
	for _, name := range []string{"bank_account", "real_name"} {
		if _, err := openOAEP(key, text(fields[name])); err != nil {
			return badField(numParam, "/"+name, nil, "敏感字段解密失败")
		}
	}
	return nil
}

// sealKey is the private key for a caller's encryption, nil for an unknown serial.
func (m *seller) sealKey(serial string) *rsa.PrivateKey {
	certs := m.platform.Load()
	switch {
	case serial == m.PublicKeyID:
		return m.pay.PrivateKey
	case strings.EqualFold(serial, certs.now.serial):
		return certs.now.key.PrivateKey
	case certs.before != nil && strings.EqualFold(serial, certs.before.serial):
		return certs.before.key.PrivateKey
	}
	return nil
}

// openOAEP decrypts a field encrypted for WeChat Pay. note: the hash is SHA-1, as WeChat Pay demands.
func openOAEP(key *rsa.PrivateKey, sealed string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	return rsa.DecryptOAEP(sha1.New(), rand.Reader, key, raw, nil)
}

package v2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// eventPaid is v3's word for the only event of pay notifications.
const eventPaid = "TRANSACTION.SUCCESS"

// ParsePayNotification implements [wxpay.Gateway]. It ignores the headers. ID is a digest of the body and CreateTime is
// the payment time, because a v2 notification has neither.
//
// note: WeChat notifies an order in the sign type of its prepay call. After a change of the merchant's sign type,
// notifications of open orders are refused here, and Query finds them.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_7 (支付结果通知).
func (g *Gateway) ParsePayNotification(_ http.Header, body []byte) (wxpay.Notification, error) {
	f, err := g.openNotification(body)
	if err != nil {
		return wxpay.Notification{}, fmt.Errorf("check notification: %w", err)
	}
	trade, err := readTrade(f, wxpay.StateSuccess)
	if err != nil {
		return wxpay.Notification{}, fmt.Errorf("read notification: %w: %w", wxpay.ErrNotifyMalformed, err)
	}
	sum := sha256.Sum256(body)
	return wxpay.Notification{
		ID: hex.EncodeToString(sum[:16]), EventType: eventPaid, Summary: f["return_msg"], CreateTime: trade.SuccessAt,
		Trade: trade, Plaintext: trade.Raw,
	}, nil
}

// openNotification checks in the order of the documents: size and XML, signature, merchant, result. The caller compares
// the mini program, because all mini programs of a merchant share one notify URL.
func (g *Gateway) openNotification(body []byte) (fields, error) {
	f, err := xmlflat.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wxpay.ErrNotifyMalformed, err)
	}
	if err := g.signer.verify(f); err != nil {
		return nil, err
	}
	// NB! the signature proves that a holder of the key wrote it, not that it is meant for this merchant.
	if f["mch_id"] != g.mchID {
		return nil, wxpay.ErrNotifyMerchant
	}
	if f["appid"] == "" {
		return nil, fmt.Errorf("%w: it has no appid", wxpay.ErrNotifyMalformed)
	}
	if f["return_code"] != wordSuccess || f["result_code"] != wordSuccess {
		return nil, fmt.Errorf("%w: %w", wxpay.ErrNotifyUnsupported, wxpay.ErrNotifyNotPaid)
	}
	return f, nil
}

package v2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// eventPaid is v3's word for the one event that pay notifications tell of.
const eventPaid = "TRANSACTION.SUCCESS"

// ParsePayNotification implements [wxpay.Gateway]. Headers say nothing in v2. The ID is a digest of the body and
// CreateTime is when the payer paid, because a notification brings neither.
//
// note: an order is notified in the sign type that its prepay call had. After a merchant's sign type was changed,
// the orders on their way are refused here and found by Query.
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

// openNotification checks in the order of the documents: size and XML, signature, whose it is, what it says. The
// mini program is the caller's to compare, as all of a merchant share one notify URL.
func (g *Gateway) openNotification(body []byte) (fields, error) {
	f, err := xmlflat.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wxpay.ErrNotifyMalformed, err)
	}
	if err := g.signer.verify(f); err != nil {
		return nil, err
	}
	// NB! the signature says that the key's holder wrote it, not that it was written to us.
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

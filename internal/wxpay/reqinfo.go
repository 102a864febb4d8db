package wxpay

import (
	"bytes"
	"crypto/aes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wxbase/internal/wxpay/xmlflat"
)

// maxFenDigits keeps an amount in fen far below the limit of an int64.
const maxFenDigits = 15

// OpenReqInfo decrypts req_info of a v2 refund notification: base64 of AES-256-ECB with PKCS#7, whose key is the
// lower-case hex MD5 of the APIv2 key. The result is XML with the root root.
//
// NB! ECB has no tag: success proves neither the sender nor that the text was not assembled from pieces.
//
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=9_16 (退款结果通知).
func OpenReqInfo(apiV2Key, reqInfo string) ([]byte, error) {
	if apiV2Key == "" {
		return nil, errors.New("merchant has no APIv2 key")
	}
	text, err := base64.StdEncoding.DecodeString(reqInfo)
	if err != nil || len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, errors.New("req_info is not base64 of whole blocks")
	}
	sum := md5.Sum([]byte(apiV2Key))
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		return nil, fmt.Errorf("build cipher: %w", err)
	}
	for at := 0; at < len(text); at += aes.BlockSize {
		block.Decrypt(text[at:], text[at:])
	}
	return unpad(text)
}

// unpad removes PKCS#7 and checks all of the padding: otherwise a wrong key passes one time in 256.
func unpad(text []byte) ([]byte, error) {
	n := int(text[len(text)-1])
	if n < 1 || n > aes.BlockSize || !bytes.HasSuffix(text, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("req_info does not open with our APIv2 key")
	}
	return text[:len(text)-n], nil
}

// OpenXMLRefundNotification reads a refund notification in v2's XML. A v3 merchant also receives these, for refunds
// made by hand on the merchant platform. Refusals wrap the ErrNotify sentinels.
//
// NB! it is not signed. The caller must call QueryRefund before anything moves.
func OpenXMLRefundNotification(apiV2Key, mchID string, body []byte) (RefundNotification, error) {
	outer, err := xmlflat.Decode(body)
	switch {
	case err != nil:
		return RefundNotification{}, fmt.Errorf("read notification: %w: %w", ErrNotifyMalformed, err)
	case outer["return_code"] != "SUCCESS":
		return RefundNotification{}, fmt.Errorf("read notification: %w: return_code is not SUCCESS", ErrNotifyMalformed)
	case outer["req_info"] == "":
		return RefundNotification{}, fmt.Errorf("read notification: %w: it has no req_info", ErrNotifyUnsupported)
	case outer["mch_id"] != mchID:
		return RefundNotification{}, fmt.Errorf("read notification: %w", ErrNotifyMerchant)
	}
	plain, err := OpenReqInfo(apiV2Key, outer["req_info"])
	if err != nil {
		return RefundNotification{}, fmt.Errorf("open notification: %w: %w", ErrNotifyDecrypt, err)
	}
	refund, err := readReqInfo(plain)
	if err != nil {
		return RefundNotification{}, fmt.Errorf("read notification: %w: %w", ErrNotifyMalformed, err)
	}
	refund.MchID = mchID
	return RefundNotification{EventType: eventRefund + string(refund.State), Refund: refund, Plaintext: refund.Raw}, nil
}

// readReqInfo reads the fields of a decrypted req_info. Raw is their JSON, as in a v3 refund.
func readReqInfo(plain []byte) (Refund, error) {
	fields, err := xmlflat.Decode(plain)
	if err != nil {
		return Refund{}, err
	}
	r := Refund{
		OutRefundNo: fields["out_refund_no"], RefundID: fields["refund_id"],
		OutTradeNo: fields["out_trade_no"], TransactionID: fields["transaction_id"],
		State:               RefundStateOfV2(fields["refund_status"]),
		UserReceivedAccount: fields["refund_recv_accout"], // WeChat's spelling
	}
	var refundErr, totalErr, payerErr, timeErr error
	r.Refund, refundErr = readFen(fields["refund_fee"])
	r.Total, totalErr = readFen(fields["total_fee"])
	r.PayerRefund, payerErr = readFen(fields["cash_refund_fee"])
	r.SuccessAt, timeErr = readBeijing(fields["success_time"])
	if err := errors.Join(refundErr, totalErr, payerErr, timeErr); err != nil {
		return Refund{}, err
	}
	if r.Raw, err = json.Marshal(fields); err != nil {
		return Refund{}, fmt.Errorf("keep fields: %w", err)
	}
	return r, r.Validate()
}

// readFen reads v2's bare number; an absent amount is zero.
func readFen(text string) (Fen, error) {
	if text == "" {
		return 0, nil
	}
	if !areDigits(text, maxFenDigits) {
		return 0, errors.New("amount is not a number of fen")
	}
	return Fen(parseDigits(text)), nil
}

// readBeijing reads the time in notifications and bills, which has no zone; an absent time is the zero time.
func readBeijing(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(time.DateTime, text, beijingZone())
	if err != nil {
		return time.Time{}, errors.New("time is not like 2026-01-31 23:59:59")
	}
	return at, nil
}

package v2

import (
	"errors"
	"maps"
	"testing"

	"wxbase/internal/wxpay"
)

// the keys that the documents print.
const (
	docKey     = "192006250b4c09247ec02edce69f6a2d"
	docPhone   = "qazwsxedcrfvtgbyhnujmikolp111111"
	docAppID   = "wxd930ea5d5a258f4f"
	docMchID   = "10000100"
	docPrepay  = "wx01100000000000aaaaaaaaaaaaaaaa0000"
	docOpenID  = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
	docOrderNo = "ORD-20260101-0001"
)

// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 has the first two; the others use the same key and were
// computed in Go and in Python.
func TestSign(t *testing.T) {
	t.Parallel()
	official := fields{
		"appid": docAppID, "mch_id": docMchID, "device_info": "1000", "body": "test", "nonce_str": "ibuaiVcKdpRxkhJA",
		"attach": "", "sign": "whatever is here",
	}
	scenarios := []struct {
		name, signType string
		fields         fields
		want           string
	}{
		{"the official example", SignMD5, official, "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"the official example with HMAC", SignHMACSHA256, official, "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"},
		{"an order", SignHMACSHA256, fields{
			"appid": docAppID, "body": "三鲜面", "mch_id": docMchID, "nonce_str": "N0N0N0N0N0N0N0N0N0N0N0N0N0N0N0N0",
			"notify_url": "https://shop.example.com/pay/v2/notify", "openid": docOpenID, "out_trade_no": docOrderNo,
			"sign_type": "HMAC-SHA256", "spbill_create_ip": "203.0.113.7", "time_expire": "20260101103000", "total_fee": "100", "trade_type": "JSAPI",
		}, "DEC2162216C26B4DA5F2C1CF2BE97EDF6C2D94FAC8333D3E6F7B23BB8C4547D0"},
		{"an answer", SignHMACSHA256, answerOK(), "602898FF1551D6370F3A99DE6CBBA0ED9B64F8C57FCE13AEFE6581CA53EF6B39"},
		{"a refusal", SignHMACSHA256, fields{
			"appid": docAppID, "mch_id": docMchID, "nonce_str": "A2A2A2A2A2A2A2A2", "result_code": "FAIL", "return_code": "SUCCESS",
			"return_msg": "OK", "err_code": "ORDERPAID", "err_code_des": "该订单已支付",
		}, "718CFA96B5063F6EF29DA214BF7E4CBC0F0FCDCA6D7BF494D0EC7FA6007FC1AD"},
		{"a notification with a coupon", SignHMACSHA256, couponNotification(), "11A587BDD0BBE83C92584918FF7AC4B5C43E191D8ECC329E69D7B758BA1A81EB"},
		{"a refund", SignMD5, fields{
			"appid": docAppID, "mch_id": docMchID, "nonce_str": "D1D1D1D1D1D1D1D1", "notify_url": "https://shop.example.com/pay/v2/refund-notify",
			"out_refund_no": "R-20260101-0001", "out_trade_no": docOrderNo, "refund_desc": "缺货", "refund_fee": "40", "total_fee": "100",
		}, "C987E094C3B18CFA3AA1C61A39CE1DE5"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			with := signer{s.signType, docKey}
			if got := with.sign(s.fields); got != s.want {
				t.Errorf("got %s, want %s", got, s.want)
			}
			f := maps.Clone(s.fields)
			f["sign"] = s.want
			if err := with.verify(f); err != nil {
				t.Errorf("got %v, want it to verify", err)
			}
			f["a_field_of_tomorrow"] = "1"
			if err := with.verify(f); !errors.Is(err, wxpay.ErrNotifySignature) {
				t.Errorf("got %v with a field that nobody signed, want %v", err, wxpay.ErrNotifySignature)
			}
		})
	}
}

func answerOK() fields {
	return fields{
		"appid": docAppID, "mch_id": docMchID, "nonce_str": "A1A1A1A1A1A1A1A1", "prepay_id": docPrepay,
		"result_code": "SUCCESS", "return_code": "SUCCESS", "return_msg": "OK", "trade_type": "JSAPI",
	}
}

func couponNotification() fields {
	return fields{
		"appid": docAppID, "bank_type": "OTHERS", "cash_fee": "90", "coupon_count": "1", "coupon_fee": "10", "coupon_fee_0": "10",
		"coupon_id_0": "10000", "coupon_type_0": "CASH", "fee_type": "CNY", "is_subscribe": "N", "mch_id": docMchID,
		"nonce_str": "B1B1B1B1B1B1B1B1", "openid": docOpenID, "out_trade_no": docOrderNo, "result_code": "SUCCESS",
		"return_code": "SUCCESS", "time_end": "20260101100005", "total_fee": "100", "trade_type": "JSAPI",
		"transaction_id": "4200000000202601010000000001",
	}
}

// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=7_7 has the first one.
func TestSignPayment(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		signer signer
		appID  string
		pay    wxpay.RequestPayment
		want   string
	}{
		{"the official example", signer{SignMD5, docPhone}, "wxd678efh567hg6787", wxpay.RequestPayment{
			TimeStamp: "1490840662", NonceStr: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
			Package: "prepay_id=wx2017033010242291fcfe0db70013231072", SignType: "MD5",
		}, "22D9B4E54AB1950F51E0649E8810ACD6"},
		{"with HMAC", signer{SignHMACSHA256, docKey}, docAppID, wxpay.RequestPayment{
			TimeStamp: "1767232801", NonceStr: "C1C1C1C1C1C1C1C1", Package: "prepay_id=" + docPrepay, SignType: "HMAC-SHA256",
		}, "876DAFFD9E37CD57DDB3FFF781EA230050AA30572EBB0E778B01CFFDADFA0F94"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			g := Gateway{signer: s.signer}
			if got := g.signPayment(s.appID, s.pay).PaySign; got != s.want {
				t.Errorf("got %s, want %s", got, s.want)
			}
		})
	}
}

// the classic mistakes, by their results.
func TestWrongPaySigns(t *testing.T) {
	t.Parallel()
	with := signer{SignMD5, docPhone}
	right := fields{
		"appId": "wxd678efh567hg6787", "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "signType": "MD5",
		"package": "prepay_id=wx2017033010242291fcfe0db70013231072", "timeStamp": "1490840662",
	}
	small := maps.Clone(right)
	small["appid"] = small["appId"]
	delete(small, "appId")
	short := maps.Clone(right)
	delete(short, "signType")
	for want, f := range map[string]fields{
		"22D9B4E54AB1950F51E0649E8810ACD6": right,
		"99302844F60A1DC55138604FA865EE84": small,
		"8D7755E10683E04318C30E4DAC2E9B2E": short,
	} {
		if got := with.sign(f); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	with := signer{SignHMACSHA256, docKey}
	scenarios := []struct {
		name   string
		modify func(fields)
	}{
		{"no sign", func(f fields) { delete(f, "sign") }},
		{"an empty sign", func(f fields) { f["sign"] = "" }},
		{"half a sign", func(f fields) { f["sign"] = f["sign"][:32] }},
		{"a sign in small letters", func(f fields) { f["sign"] = "602898ff1551d6370f3a99de6cbba0ed9b64f8c57fce13aefe6581ca53ef6b39" }},
		{"another value", func(f fields) { f["prepay_id"] += "0" }},
		{"one field less", func(f fields) { delete(f, "trade_type") }},
		{"MD5, rightly computed", func(f fields) { f["sign"] = signer{SignMD5, docKey}.sign(f) }},
		{"MD5, as it says itself", func(f fields) {
			f["sign_type"] = SignMD5
			f["sign"] = signer{SignMD5, docKey}.sign(f)
		}},
		{"a sign type that is not the one", func(f fields) {
			f["sign_type"] = SignMD5
			f["sign"] = with.sign(f)
		}},
		{"another key", func(f fields) { f["sign"] = signer{SignHMACSHA256, docPhone}.sign(f) }},
		{"two fields in one value", func(f fields) {
			f["return_code"] = "SUCCESS&return_msg=OK&trade_type=JSAPI"
			delete(f, "return_msg")
			delete(f, "trade_type")
		}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := answerOK()
			f["sign"] = with.sign(f)
			if err := with.verify(f); err != nil {
				t.Fatalf("got %v before anything was changed", err)
			}
			s.modify(f)
			if err := with.verify(f); !errors.Is(err, wxpay.ErrNotifySignature) {
				t.Errorf("got %v, want %v", err, wxpay.ErrNotifySignature)
			}
		})
	}
}

// NB! foreign text in one signed value must not become a field. Here attach of a cheap order, paid and signed by
// WeChat, becomes fields in the notification of an expensive one: the signed line is the same.
func TestOneSignedLineIsNotTwoDocuments(t *testing.T) {
	t.Parallel()
	with := signer{SignHMACSHA256, docKey}
	honest := fields{"appid": docAppID, "attach": "x&out_trade_no=ORD-DEAR-0001&sub=", "mch_id": docMchID, "out_trade_no": docOrderNo, "total_fee": "1"}
	forged := fields{"appid": docAppID, "attach": "x", "out_trade_no": "ORD-DEAR-0001", "sub": "&mch_id=" + docMchID + "&out_trade_no=" + docOrderNo, "total_fee": "1"}
	if with.text(honest) != with.text(forged) {
		t.Fatalf("got %s and %s, want the attack to be one", with.text(honest), with.text(forged))
	}
	for _, f := range []fields{honest, forged} {
		f["sign"] = with.sign(f)
		if err := with.verify(f); !errors.Is(err, wxpay.ErrNotifySignature) {
			t.Errorf("got %v for %v, want %v", err, f, wxpay.ErrNotifySignature)
		}
	}
	page := fields{"mweb_url": "https://wx.tenpay.com/checkmweb?prepay_id=wx1&package=2", "nonce_str": "n"}
	page["sign"] = with.sign(page)
	if err := with.verify(page); err != nil {
		t.Errorf("got %v for the page of an H5 payment, want it taken", err)
	}
	for _, bad := range []fields{
		{"mweb_url": "https://wx.tenpay.com/checkmweb?prepay_id=wx1&package=2&result_code=SUCCESS"},
		{"mweb_url": "https://x/?a=1&package=2&package=3"},
		{"code_url": "https://wx.tenpay.com/?a=1&package=2"},
	} {
		bad["sign"] = with.sign(bad)
		if err := with.verify(bad); !errors.Is(err, wxpay.ErrNotifySignature) {
			t.Errorf("got %v for %v, want %v", err, bad, wxpay.ErrNotifySignature)
		}
	}
	for text, want := range map[string]bool{
		"a&b=c": true, "&&b=": true, "a & b=c": false, "a&b": false, "a&=b": false, "a=b": false, "&": false, "": false, "鱼&bB_1=": true, "a&鱼=": false,
	} {
		if got := hidesField(text); got != want {
			t.Errorf("got %t for %q, want %t", got, text, want)
		}
	}
}

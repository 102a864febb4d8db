package sim

import (
	"maps"
	"strings"
	"testing"

	"wxbase/internal/sim/wire"
)

const publishedV2Key = "192006250b4c09247ec02edce69f6a2d"

// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 for the first two, jsapi.php?chapter=7_7 for paySign; the rest
// are made by hand with the published key.
func TestSignV2Vectors(t *testing.T) {
	t.Parallel()
	const app, mch, prepay = "wxd930ea5d5a258f4f", "10000100", "wx01100000000000aaaaaaaaaaaaaaaa0000"
	demo := map[string]string{"appid": app, "mch_id": mch, "device_info": "1000", "body": "test", "nonce_str": "ibuaiVcKdpRxkhJA"}
	paySign := map[string]string{
		"appId": "wxd678efh567hg6787", "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", "signType": "MD5", "timeStamp": "1490840662",
		"package": "prepay_id=wx2017033010242291fcfe0db70013231072",
	}
	scenarios := []struct {
		name, key, signType string
		fields              map[string]string
		want                string
	}{
		{"documented", publishedV2Key, wire.SignMD5, demo, "9A0A8659F005D6984697E2CA0A9CF3B7"},
		{"documented with HMAC", publishedV2Key, wire.SignHMAC, demo, "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"},
		{"paySign", "qazwsxedcrfvtgbyhnujmikolp111111", wire.SignMD5, paySign, "22D9B4E54AB1950F51E0649E8810ACD6"},
		{"paySign with a small i", "qazwsxedcrfvtgbyhnujmikolp111111", wire.SignMD5, renamed(paySign, "appId", "appid"), "99302844F60A1DC55138604FA865EE84"},
		{"paySign without signType", "qazwsxedcrfvtgbyhnujmikolp111111", wire.SignMD5, renamed(paySign, "signType", ""), "8D7755E10683E04318C30E4DAC2E9B2E"},
		{"unifiedorder", publishedV2Key, wire.SignHMAC, map[string]string{
			"appid": app, "body": "三鲜面", "mch_id": mch, "nonce_str": "N0N0N0N0N0N0N0N0N0N0N0N0N0N0N0N0", "attach": "",
			"notify_url": "https://shop.example.com/pay/v2/notify", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
			"out_trade_no": "ORD-20260101-0001", "sign_type": "HMAC-SHA256", "spbill_create_ip": "203.0.113.7",
			"time_expire": "20260101103000", "total_fee": "100", "trade_type": "JSAPI", "sign": "does not sign itself",
		}, "DEC2162216C26B4DA5F2C1CF2BE97EDF6C2D94FAC8333D3E6F7B23BB8C4547D0"},
		{"answer", publishedV2Key, wire.SignHMAC, map[string]string{
			"appid": app, "mch_id": mch, "nonce_str": "A1A1A1A1A1A1A1A1", "prepay_id": prepay, "result_code": "SUCCESS",
			"return_code": "SUCCESS", "return_msg": "OK", "trade_type": "JSAPI",
		}, "602898FF1551D6370F3A99DE6CBBA0ED9B64F8C57FCE13AEFE6581CA53EF6B39"},
		{"refusal", publishedV2Key, wire.SignHMAC, map[string]string{
			"appid": app, "mch_id": mch, "nonce_str": "A2A2A2A2A2A2A2A2", "result_code": "FAIL", "return_code": "SUCCESS",
			"return_msg": "OK", "err_code": "ORDERPAID", "err_code_des": "该订单已支付",
		}, "718CFA96B5063F6EF29DA214BF7E4CBC0F0FCDCA6D7BF494D0EC7FA6007FC1AD"},
		{"requestPayment", publishedV2Key, wire.SignHMAC, map[string]string{
			"appId": app, "nonceStr": "C1C1C1C1C1C1C1C1", "package": "prepay_id=" + prepay, "signType": "HMAC-SHA256", "timeStamp": "1767232801",
		}, "876DAFFD9E37CD57DDB3FFF781EA230050AA30572EBB0E778B01CFFDADFA0F94"},
		{"notification with a coupon", publishedV2Key, wire.SignHMAC, map[string]string{
			"appid": app, "bank_type": "OTHERS", "cash_fee": "90", "coupon_count": "1", "coupon_fee": "10", "coupon_fee_0": "10",
			"coupon_id_0": "10000", "coupon_type_0": "CASH", "fee_type": "CNY", "is_subscribe": "N", "mch_id": mch,
			"nonce_str": "B1B1B1B1B1B1B1B1", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "out_trade_no": "ORD-20260101-0001",
			"result_code": "SUCCESS", "return_code": "SUCCESS", "time_end": "20260101100005", "total_fee": "100", "trade_type": "JSAPI",
			"transaction_id": "4200000000202601010000000001",
		}, "11A587BDD0BBE83C92584918FF7AC4B5C43E191D8ECC329E69D7B758BA1A81EB"},
		{"refund", publishedV2Key, wire.SignMD5, map[string]string{
			"appid": app, "mch_id": mch, "nonce_str": "D1D1D1D1D1D1D1D1", "notify_url": "https://shop.example.com/pay/v2/refund-notify",
			"out_refund_no": "R-20260101-0001", "out_trade_no": "ORD-20260101-0001", "refund_desc": "缺货", "refund_fee": "40", "total_fee": "100",
		}, "C987E094C3B18CFA3AA1C61A39CE1DE5"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := wire.SignV2(s.fields, s.key, s.signType); got != s.want {
				t.Fatalf("got %s, want %s", got, s.want)
			}
		})
	}
}

// renamed returns fields with one name changed or removed.
func renamed(fields map[string]string, from, to string) map[string]string {
	out := maps.Clone(fields)
	delete(out, from)
	if to != "" {
		out[to] = fields[from]
	}
	return out
}

// The expected prefix is from the fact sheet; another implementation made it.
func TestSealReqInfoVector(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef"
	const plain = "<root><out_refund_no><![CDATA[131811191610442717309]]></out_refund_no><out_trade_no><![CDATA[71106718111915575302817]]></out_trade_no>" +
		"<refund_fee><![CDATA[3960]]></refund_fee><refund_status><![CDATA[SUCCESS]]></refund_status><total_fee><![CDATA[3960]]></total_fee></root>"
	got, err := wire.SealReqInfo(key, []byte(plain))
	if err != nil || !strings.HasPrefix(got, "dDo+GCOVYtgSlXn23/zEWScG") {
		t.Fatalf("got %s, %v, want it to begin with dDo+GCOVYtgSlXn23/zEWScG", got, err)
	}
	whole, err := wire.SealReqInfo(key, []byte(strings.Repeat("x", 16)))
	if err != nil || len(whole) != 44 {
		t.Fatalf("got %s, %v, want a block of padding after a whole block", whole, err)
	}
}

func TestParseXML(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, body string
		want       error
		fields     map[string]string
	}{
		{"flat", "<xml><a>1</a>\n<b><![CDATA[<x>&]]></b><c/><d></d></xml>", nil, map[string]string{"a": "1", "b": "<x>&", "c": "", "d": ""}},
		{"declared", `<?xml version="1.0" encoding="UTF-8"?><xml><a>&lt;1&#20013;</a></xml>` + "\n", nil, map[string]string{"a": "<1中"}},
		{"split CDATA", "<xml><a><![CDATA[]]]]><![CDATA[>]]></a></xml>", nil, map[string]string{"a": "]]>"}},
		{"empty", " \n", wire.ErrXMLEmpty, nil},
		{"another root", "<queryRequest><a>1</a></queryRequest>", nil, map[string]string{"a": "1"}},
		{"a byte order mark", "\ufeff<?xml version=\"1.0\"?><xml><a>1</a></xml>", nil, map[string]string{"a": "1"}},
		{"a byte order mark alone", "\ufeff", wire.ErrXMLEmpty, nil},
		{"comments", "<!-- a --><xml><!-- b --><a>1</a></xml><!-- c -->", nil, map[string]string{"a": "1"}},
		{"nested", "<xml><a><b>1</b></a></xml>", wire.ErrXMLForm, nil},
		{"twice", "<xml><total_fee>1</total_fee><total_fee>2</total_fee></xml>", wire.ErrXMLTwice, nil},
		{"an attribute", `<xml><a x="1">1</a></xml>`, wire.ErrXMLForm, nil},
		{"a namespace", `<xml><x:a>1</x:a></xml>`, wire.ErrXMLForm, nil},
		{"a DTD", `<!DOCTYPE xml [<!ENTITY a "b">]><xml><a>1</a></xml>`, wire.ErrXMLDTD, nil},
		{"an external entity", hostileXML, wire.ErrXMLDTD, nil},
		{"an unknown entity", "<xml><a>&steal;</a></xml>", wire.ErrXMLForm, nil},
		{"a comment in a value", "<xml><total_fee>1<!-- x -->00</total_fee></xml>", wire.ErrXMLDTD, nil},
		{"an instruction later", "<xml><?php x?></xml>", wire.ErrXMLDTD, nil},
		{"text beside", "<xml>x<a>1</a></xml>", wire.ErrXMLForm, nil},
		{"text after", "<xml><a>1</a></xml>x", wire.ErrXMLForm, nil},
		{"two roots", "<xml></xml><xml></xml>", wire.ErrXMLForm, nil},
		{"not closed", "<xml><a>1</a>", wire.ErrXMLForm, nil},
		{"closed wrongly", "<xml><a>1</b></xml>", wire.ErrXMLForm, nil},
		{"JSON", `{"a":1}`, wire.ErrXMLForm, nil},
		{"Latin 1", "<xml><a>\xe9</a></xml>", wire.ErrXMLCoding, nil},
		{"too long", "<xml><a>" + strings.Repeat("x", wire.MaxXML) + "</a></xml>", wire.ErrXMLTooLong, nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.ParseXML([]byte(s.body))
			if err != s.want || err == nil && !maps.Equal(got, s.fields) { //nolint:errorlint // these errors are never wrapped
				t.Fatalf("got %v, %v, want %v, %v", got, err, s.fields, s.want)
			}
		})
	}
}

func TestEncodeXMLIsReadBack(t *testing.T) {
	t.Parallel()
	list := []wire.XMLField{{Name: "a", Value: "]]>"}, {Name: "total_fee", Value: "100"}, {Name: "b", Value: "<三鲜面> & \t\"x\""}, {Name: "empty", Value: ""}, {Name: "fee_type", Value: "CNY"}, {Name: "nul", Value: "a\x00b"}}
	out := string(wire.EncodeXML("xml", list))
	got, err := wire.ParseXML([]byte(out))
	want := map[string]string{"a": "]]>", "total_fee": "100", "b": "<三鲜面> & \t\"x\"", "fee_type": "CNY", "nul": "a\ufffdb"}
	if err != nil || !maps.Equal(got, want) || !strings.Contains(out, "<total_fee>100</total_fee>") || !strings.Contains(out, "<fee_type><![CDATA[CNY]]>") {
		t.Fatalf("got %s, %v, want it read back with amounts bare", out, err)
	}
}

// FuzzParseXML tries any input: what ParseXML accepts must survive writing and reading.
func FuzzParseXML(f *testing.F) {
	f.Add([]byte("<xml><a>1</a><b><![CDATA[x]]></b></xml>"))
	f.Add([]byte(hostileXML))
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, err := wire.ParseXML(body)
		if err != nil {
			return
		}
		var list []wire.XMLField
		for name, value := range fields {
			list = append(list, wire.XMLField{Name: name, Value: strings.ReplaceAll(value, "\r", "")}) // note: every XML reader turns \r\n into \n
		}
		again, err := wire.ParseXML(wire.EncodeXML("xml", list))
		if len(wire.EncodeXML("xml", list)) <= wire.MaxXML && (err != nil || !maps.Equal(again, wire.FieldMap(list))) {
			t.Fatalf("got %v, %v, want %v", again, err, fields)
		}
	})
}

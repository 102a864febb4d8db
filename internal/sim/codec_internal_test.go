package sim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"

	"wxbase/internal/sim/wire"
)

// The vectors are from WeChat's documents, whose addresses are given; two are made by hand.

// https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
func TestSignRawDataVector(t *testing.T) {
	t.Parallel()
	const raw = `{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}`
	if got, want := wire.SignRawData(raw, "HyVFkGl5F5OQWJZZaNzBBg=="), "75e81ceda165f4ffa64f4068af58c64b8f54b88c"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestEncryptOpenDataVectors(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, plain, want string }{
		{
			"official demo",
			`{"openId":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0","unionId":"ocMvos6NjeKLIBqg5Mr9QjxrP1FA","watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}}`,
			"CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS" +
				"9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142d" +
				"NCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6" +
				"/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn" +
				"/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4P" +
				"C7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns" +
				"/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYV" +
				"oKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuy" +
				"Db/XcxxmK01EpqOyuxINew==",
		},
		{
			"phone number, made by hand",
			`{"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86","watermark":{"timestamp":1700000000,"appid":"wx4f4bc4dec97d474b"}}`,
			"xT8p8W6jIVdEWQ+ccHuD2e4wlKOvkPACqSwR7g001A10cjwdM46gdn01GiQUKaqPzPDRMqCU65RqoH1SV87iasZARr/+0tJRzfFqQAAyBnqrunz9Sbe6xQGlPr95Uo9y/A9Sup64tUE4UVYwGsaRyE+JSNYeG2IMx4gaUgt0+dkOba1xRqBfBE5USsSp+vuoyQqqzgtB8swLoIZhMwIutw==",
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.EncryptOpenData([]byte(s.plain), "tiihtNczf5v6AKRyjwEUhQ==", "r7BXXKkLb8qrSNn05n0qiA==")
			if err != nil || got != s.want {
				t.Fatalf("got %s, %v, want %s", got, err, s.want)
			}
		})
	}
}

func TestSessionSignatureVectors(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"HyVFkGl5F5OQWJZZaNzBBg==": "252b75c92698025afe925b29cca5517fdf9ee67aae072cf3225ebf3a53783058",
		"tiihtNczf5v6AKRyjwEUhQ==": "7154f9f8b4b76b92f541cbf0e37d48840fa06e5e42da92a6f80168a1516a4735",
	} {
		if got := sessionSignature(key); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// publicKey reads the public half of a published test key.
func publicKey(t *testing.T, name string) *rsa.PublicKey {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PublicKey)
}

// https://pay.weixin.qq.com/doc/v3/merchant/4012365336, 4012365334 and 4012365339
func TestVerifyRSAVectors(t *testing.T) {
	t.Parallel()
	const timestamp, nonce = "1554208460", "593BEC0C930BF1AFEB40B4A08C8FB242"
	const body = `{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔","out_trade_no":"1217752501201407033233368018","notify_url":"https://www.weixin.qq.com/wxpay/pay.php","amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`
	scenarios := []struct {
		name, key, text, signature string
	}{
		{
			"request with a body", "apiclient_test_pub.pem", message("POST", "/v3/pay/transactions/jsapi", timestamp, nonce, body),
			"jnks4dlrPw3ZX+ozVvSK39oa0t7OMBsg83BHAwd8BRdUFiVaQNTLTvci+wURgP1OQBbKYhFGvt7iqYpDSTQkp7Uq1sltaQKyncCyrA1g88m5bsKERQfPyT0ahSwKTYJ1CAn9QiJuSJRq1QsQs07eehbU/k9BCS51jTyc1Jpsi2H77HF9f/BnjXAOP3/sPObg6V5Ee4EzwLox684hhuMuIwHo7D8KFk3LIHOKDcNI4It1aCXydFWNpNK+SG86VUDe5kwoDpw4Ulqfu9z8OFDGbDs9TCxEv8iqQzbpxOlEVoOe2kalSYM5kApQb3nZcxdUtoE0liJGW3RGUNE0t4v01A==",
		},
		{
			"request without a body", "apiclient_test_pub.pem", message("GET", "/v3/refund/domestic/refunds/123123123123", timestamp, nonce, ""),
			"Lc9VXxmeonkdV8Xk9tmigQFLhl0vRWTerdmoRu01aAnYwIrD/5nsSwE1WlmZGLRlAFTNQ3QsMa0+VRDlJp1Wp5p0nO8EK68b5sJBbjouxaFciIfq1zfDWWz+jqhcMoKXI1A6dPm1AW7D4d30WsMTNzp6g23OXakIsh9LO3lUmwvTuE0BY8ncf6tNGk4wKmvXwERd/ZpoQY3MAVKz+Nakwc+2XBmzT66KcUehU5kr4IvGa/lEU5RZb/q00zP9VLdBhC/jQSX3X1UcJLCtEc4gTmib4tnmAT+bHF/e17ZAuxDNcx6rqT8gNEXqaJGG+1OflMSTU2tpyG65G4dMKdFcoA==",
		},
		{
			"paySign", "apiclient_test_pub.pem", message("wx2421b1c4370ec43b", timestamp, nonce, "prepay_id=wx201410272009395522657a690389285100"),
			"mI35pfNEQV6777ke/1T+LJLQDNTm7yeoUJH+j/adPGhmCCi0PbgkvYQTRcXH0uibcLVtvFLdGLpmoYO9FV6lBBsTAjuhh5YOvQi0e2g3e0yytitiNET9FEuqM0pjnKfRW4K6LIZDdbWJv9KhZUx3DrJa5TL7OJ7VdADVivxVySIlPVKjGwuCXzuXSJes0UcILgWQUMyha5/3nYofuHtS7r+KYyMuxD+oJ9VM1Qdxk4UIG59CP5Y3wtYIFybyF3bdu1caHTRRX+DLyMXyYA/IrTmiW01c4RPjpHBX5Dk1sZyY1zVsWNsvMHr2e1NTWtBxKJ+qk5N61J7caYoepHFaxw==",
		},
		{ // https://pay.weixin.qq.com/doc/v3/merchant/4013053420
			"answer", "wxp_test_pub.pem", message("1722850421", "d824f2e086d3c1df967785d13fcd22ef", `{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`),
			"mfI1CPqvBrgcXfgXMFjdNIhBf27ACE2YyeWsWV9ZI7T7RU0vHvbQpu9Z32ogzc+k8ZC5n3kz7h70eWKjgqNdKQF0eRp8mVKlmfzMLBVHbssB9jEZEDXThOX1XFqX7s7ymia1hoHQxQagPGzkdWxtlZPZ4ZPvr1RiqkgAu6Is8MZgXXrRoBKqjmSdrP1N7uxzJ/cjfSiis9FiLjuADoqmQ1P7p2N876YPAol7Rn0+GswwAwxldbdLrmVSjfytfSBJFqTMHn4itojgxSWWN1byuckQt8hSTEv/Lg97QoeGniYP17T80pJeQyL3b+295FPHSO2AtvCgyIbKMZ0BALilAA==",
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if err := verifyRSA(publicKey(t, s.key), s.text, s.signature); err != nil {
				t.Fatalf("got %v, want the published signature to verify", err)
			}
			if err := verifyRSA(publicKey(t, s.key), s.text+"\n", s.signature); err == nil {
				t.Fatal("got no error for another text, want one")
			}
		})
	}
}

// github.com/wechatpay-apiv3/wechatpay-java AeadAesCipherTest
func TestSealGCMVector(t *testing.T) {
	t.Parallel()
	got, err := sealGCM("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "uluk4a9R25RW", "associatedData", []byte("message"))
	if want := "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI="; err != nil || got != want {
		t.Fatalf("got %s, %v, want %s", got, err, want)
	}
}

func TestParseAuthorization(t *testing.T) {
	t.Parallel()
	const good = `WECHATPAY2-SHA256-RSA2048 mchid="1900000109",nonce_str="n",signature="s/+==",timestamp="1",serial_no="A"`
	scenarios := []struct {
		name, header string
		ok           bool
	}{
		{"as documented", good, true},
		{"any order", `WECHATPAY2-SHA256-RSA2048 serial_no="A",timestamp="1",signature="s",nonce_str="n",mchid="1"`, true},
		{"missing", "", false},
		{"bearer", "Bearer x", false},
		{"two spaces", `WECHATPAY2-SHA256-RSA2048  ` + good[26:], false},
		{"space after a comma", `WECHATPAY2-SHA256-RSA2048 mchid="1", nonce_str="n",signature="s",timestamp="1",serial_no="A"`, false},
		{"no quotes", `WECHATPAY2-SHA256-RSA2048 mchid=1,nonce_str="n",signature="s",timestamp="1",serial_no="A"`, false},
		{"twice the same", `WECHATPAY2-SHA256-RSA2048 mchid="1",mchid="1",nonce_str="n",signature="s",timestamp="1",serial_no="A"`, false},
		{"one lacks", `WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="s",timestamp="1"`, false},
		{"unknown name", good + `,x="1"`, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parseAuthorization(s.header); (err == nil) != s.ok {
				t.Fatalf("got %v, want ok %v", err, s.ok)
			}
		})
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(`WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="s",timestamp="1",serial_no="A"`)
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parseAuthorization(header)
		if err == nil && (a.mchID == "" || a.serial == "" || a.signature == "" || a.nonce == "" || a.timestamp == "") {
			t.Fatalf("got %+v without an error, want five values", a)
		}
	})
}

// FuzzCheckFields feeds the field rules with anything that is an object.
func FuzzCheckFields(f *testing.F) {
	f.Add([]byte(`{"appid":"wx","mchid":"1","amount":{"total":1e400},"detail":{"goods_detail":[[]]}}`))
	f.Add([]byte(`{"scene_info":{"store_info":null},"time_expire":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, bad := decodePay(body)
		if bad == nil && checkFields("", fields, jsapiRules(1<<40)) == nil && !validNumber(text(fields["out_trade_no"])) {
			t.Fatalf("got %s accepted with a bad out_trade_no", body)
		}
	})
}

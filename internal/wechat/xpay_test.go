package wechat

import "testing"

// TestXpaySignatures: the vectors of WeChat's documents (虚拟支付 签名详解).
func TestXpaySignatures(t *testing.T) {
	t.Parallel()
	const body, appKey = `{"openid": "xxx", "user_ip": "127.0.0.1", "env": 0}`, "12345"
	for _, v := range []struct{ name, got, want string }{
		{"pay_sig of a call", xpaySig(appKey, "/xpay/query_user_balance", []byte(body)), "c37809f27c6d7fd1837ad2500a04512b66b34fd793a39a385fade56dca89a4b5"},
		{"paySig of the phone", XpayClientSig(appKey, body), "a1ab2651b927b6a766152cf864033417b85c1448fc3c6e1bedbbd7f49416e92f"},
		{"signature of a user", XpayUserSig("9hAb/NEYUlkaMBEsmFgzig==", body), "089d9e8dc5d308977360c4b79ec600a93d736802802a807d634192328032f6c7"},
	} {
		if v.got != v.want {
			t.Errorf("%s: got %s, want %s", v.name, v.got, v.want)
		}
	}
}

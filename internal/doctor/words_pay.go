package doctor

// wordsOfPay is what is found by merchant, query, keyPair.
func wordsOfPay() []row {
	return []row{
		{
			code: "merchant_ok", check: "merchant", state: OK,
			title: [2]string{"{count} merchant(s) are configured", "已配置 {count} 个商户"},
		},
		{
			code: "merchant_missing", check: "merchant", state: Warning,
			title: [2]string{"No merchant is configured", "没有配置商户"},
			why:   [2]string{"Login works without one, payment does not.", "登录不受影响，但无法收款。"},
			cure:  [2]string{"Set WXBASE_MCH_ID and its keys, or enter them in the dashboard: pay.weixin.qq.com, 账户中心 > API安全.", "设置 WXBASE_MCH_ID 及密钥，或在后台填写：pay.weixin.qq.com 的 账户中心 > API安全。"},
		},
		{
			code: "merchant_incomplete", check: "query", state: Problem,
			title: [2]string{"Merchant {subject} is not complete", "商户 {subject} 配置不完整"},
			why:   [2]string{"A key is missing or of the wrong kind.", "缺少密钥或类型不对。"},
			cure:  [2]string{"GET /api/wx/health as a superuser lists what is missing.", "以超级管理员访问 GET /api/wx/health 查看缺什么。"},
		},
		{
			code: "key_pair_ok", check: "keyPair", state: OK,
			title: [2]string{"{subject}: key, certificate and serial {serial} belong together, until {until}", "{subject}：私钥、证书与序列号 {serial} 匹配，有效期至 {until}"},
		},
		{
			code: "key_pair_unseen", check: "keyPair", state: OK,
			title: [2]string{"{subject}: the private key is of the right kind", "{subject}：私钥格式正确"},
			why:   [2]string{"Whether it belongs to the serial, the signed query tells.", "是否与序列号匹配，由签名查询判断。"},
		},
		{
			code: "key_v2_none", check: "keyPair", state: OK,
			title: [2]string{"{subject}: API v2 pays without a certificate", "{subject}：API v2 收款不需要证书"},
			why:   [2]string{"Refunds need apiclient_cert.pem and its key.", "退款需要 apiclient_cert.pem 及其私钥。"},
		},
		{
			code: "key_missing", check: "keyPair", state: Problem,
			title: [2]string{"{subject} has no private key", "{subject} 没有商户私钥"},
			why:   [2]string{"Nothing can be signed.", "无法签名。"},
			cure:  [2]string{"Enter the text of apiclient_key.pem: pay.weixin.qq.com, 账户中心 > API安全 > 商户API证书.", "填写 apiclient_key.pem 的内容：pay.weixin.qq.com 的 账户中心 > API安全 > 商户API证书。"},
		},
		{
			code: "key_invalid", check: "keyPair", state: Problem,
			title: [2]string{"{subject}: the private key is none", "{subject}：商户私钥不是私钥"},
			why:   [2]string{"It is not the text of apiclient_key.pem, with its first and last line.", "不是 apiclient_key.pem 的完整内容（含首尾行）。"},
			cure:  [2]string{"Paste the whole file apiclient_key.pem.", "请粘贴 apiclient_key.pem 的全部内容。"},
		},
		{
			code: "key_pair_apart", check: "keyPair", state: Problem,
			title: [2]string{"{subject}: private key and certificate do not belong together", "{subject}：商户私钥与证书不匹配"},
			why:   [2]string{"One of the two is of an earlier certificate, or of another merchant.", "其中之一属于旧证书或其他商户。"},
			cure:  [2]string{"Take both files from the same download of pay.weixin.qq.com, 账户中心 > API安全.", "使用 pay.weixin.qq.com 的 账户中心 > API安全 同一次下载的两个文件。"},
		},
		{
			code: "serial_missing", check: "keyPair", state: Problem,
			title: [2]string{"{subject} has no certificate serial", "{subject} 没有证书序列号"},
			why:   [2]string{"WeChat Pay finds the certificate by it.", "微信支付靠它找到证书。"},
			cure:  [2]string{"pay.weixin.qq.com, 账户中心 > API安全 > 商户API证书, or openssl x509 -in apiclient_cert.pem -noout -serial.", "见 pay.weixin.qq.com 的 账户中心 > API安全 > 商户API证书，或 openssl x509 -in apiclient_cert.pem -noout -serial。"},
		},
		{
			code: "serial_other", check: "keyPair", state: Problem,
			title: [2]string{"{subject}: the serial is not that of the certificate, which is {serial}", "{subject}：序列号与证书不符，证书的是 {serial}"},
			why:   [2]string{"It is of an earlier certificate, or of WeChat Pay's own.", "它属于旧证书，或是微信支付平台证书的。"},
			cure:  [2]string{"Enter {serial}.", "改为 {serial}。"},
		},
		{
			code: "certificate_invalid", check: "keyPair", state: Problem,
			title: [2]string{"{subject}: the certificate is none", "{subject}：商户证书不是证书"},
			why:   [2]string{"It is not the text of apiclient_cert.pem.", "不是 apiclient_cert.pem 的内容。"},
			cure:  [2]string{"Paste the whole file apiclient_cert.pem.", "请粘贴 apiclient_cert.pem 的全部内容。"},
		},
		{
			code: "certificate_expired", check: "keyPair", state: Problem,
			title: [2]string{"{subject}: the certificate ended on {until}", "{subject}：商户证书已于 {until} 过期"},
			why:   [2]string{"WeChat Pay refuses its signatures.", "微信支付会拒绝其签名。"},
			cure:  [2]string{"Get a new one at pay.weixin.qq.com, 账户中心 > API安全, and enter key and serial.", "在 pay.weixin.qq.com 的 账户中心 > API安全 更换证书，并更新私钥与序列号。"},
		},
	}
}

// wordsOfPayMore is what is found by keyPair, apiKey, answers, publicKey.
func wordsOfPayMore() []row {
	return []row{
		{
			code: "certificate_ends", check: "keyPair", state: Warning,
			title: [2]string{"{subject}: the certificate ends on {until}", "{subject}：商户证书将于 {until} 到期"},
			why:   [2]string{"From then on WeChat Pay refuses its signatures.", "到期后微信支付会拒绝其签名。"},
			cure:  [2]string{"Get a new one at pay.weixin.qq.com, 账户中心 > API安全, and enter key and serial.", "在 pay.weixin.qq.com 的 账户中心 > API安全 更换证书，并更新私钥与序列号。"},
		},
		{
			code: "api_key_ok", check: "apiKey", state: OK,
			title: [2]string{"{subject}: the {name} key has the right length", "{subject}：{name} 密钥长度正确"},
		},
		{
			code: "api_key_missing", check: "apiKey", state: Problem,
			title: [2]string{"{subject} has no {name} key", "{subject} 没有 {name} 密钥"},
			why:   [2]string{"Without it WeChat Pay sends no notifications.", "没有它微信支付不会发送通知。"},
			cure:  [2]string{"Set one at pay.weixin.qq.com, 账户中心 > API安全, and enter the same here.", "在 pay.weixin.qq.com 的 账户中心 > API安全 设置，并在此填入同一个。"},
		},
		{
			code: "api_key_length", check: "apiKey", state: Problem,
			title: [2]string{"{subject}: the {name} key has {length} characters", "{subject}：{name} 密钥有 {length} 个字符"},
			why:   [2]string{"It has exactly 32.", "应恰好 32 个字符。"},
			cure:  [2]string{"Enter it again, without blanks.", "请重新填写，不要带空格。"},
		},
		{
			code: "api_key_twice", check: "apiKey", state: Problem,
			title: [2]string{"{subject}: APIv3 key and APIv2 key are the same", "{subject}：APIv3 密钥与 APIv2 密钥相同"},
			why:   [2]string{"They are two keys at WeChat Pay; one of them stands in the wrong field.", "它们是两个不同的密钥，其中一个填错了位置。"},
			cure:  [2]string{"Compare with pay.weixin.qq.com, 账户中心 > API安全.", "对照 pay.weixin.qq.com 的 账户中心 > API安全。"},
		},
		{
			code: "api_key_other", check: "answers", state: Problem,
			title: [2]string{"{subject}: the APIv3 key is not the one at WeChat Pay", "{subject}：APIv3 密钥与微信支付侧不一致"},
			why:   [2]string{"What WeChat Pay seals for this merchant does not open with it, notifications neither.", "微信支付加密的内容（包括通知）无法用它解开。"},
			cure:  [2]string{"Set a new one at pay.weixin.qq.com, 账户中心 > API安全, and enter the same here.", "在 pay.weixin.qq.com 的 账户中心 > API安全 重新设置，并在此填入同一个。"},
		},
		{
			code: "public_key_ok", check: "publicKey", state: OK,
			title: [2]string{"{subject}: the public key {id} is here", "{subject}：已配置微信支付公钥 {id}"},
		},
		{
			code: "public_key_unused", check: "publicKey", state: OK,
			title: [2]string{"{subject}: no public key is needed", "{subject}：无需微信支付公钥"},
		},
		{
			code: "public_key_missing", check: "publicKey", state: Problem,
			title: [2]string{"{subject} has no WeChat Pay public key, or no id of it", "{subject} 缺少微信支付公钥或公钥 ID"},
			why:   [2]string{"Answers and notifications could not be verified.", "无法验证应答与通知的签名。"},
			cure:  [2]string{"pay.weixin.qq.com, 账户中心 > API安全 > 微信支付公钥: the id, and the file pub_key.pem.", "见 pay.weixin.qq.com 的 账户中心 > API安全 > 微信支付公钥：公钥 ID 与文件 pub_key.pem。"},
		},
		{
			code: "public_key_id_form", check: "publicKey", state: Problem,
			title: [2]string{"{subject}: the public key id does not begin with PUB_KEY_ID_", "{subject}：公钥 ID 不以 PUB_KEY_ID_ 开头"},
			why:   [2]string{"It is another serial, such as that of the certificate.", "填成了别的序列号，例如证书的。"},
			cure:  [2]string{"Copy the id from pay.weixin.qq.com, 账户中心 > API安全 > 微信支付公钥.", "从 pay.weixin.qq.com 的 账户中心 > API安全 > 微信支付公钥 复制。"},
		},
		{
			code: "public_key_invalid", check: "publicKey", state: Problem,
			title: [2]string{"{subject}: the public key is none", "{subject}：微信支付公钥不是公钥"},
			why:   [2]string{"It is a certificate, a private key or half a file.", "填成了证书、私钥或不完整的内容。"},
			cure:  [2]string{"Paste the whole file pub_key.pem.", "请粘贴 pub_key.pem 的全部内容。"},
		},
		{
			code: "public_key_id_other", check: "answers", state: Problem,
			title: [2]string{"{subject}: WeChat Pay signs with another key than {id}", "{subject}：微信支付使用的不是公钥 {id}"},
			why:   [2]string{"The id is not this merchant's, or WeChat Pay still signs with its certificate.", "该 ID 不属于本商户，或微信支付仍用平台证书签名。"},
			cure:  [2]string{"Copy id and key anew from pay.weixin.qq.com, 账户中心 > API安全; while a merchant changes over, set verifyMode to both.", "从 pay.weixin.qq.com 的 账户中心 > API安全 重新复制 ID 与公钥；切换期间把 verifyMode 设为 both。"},
		},
		{
			code: "public_key_other", check: "answers", state: Problem,
			title: [2]string{"{subject}: the public key is not that of {id}", "{subject}：公钥内容与 {id} 不符"},
			why:   [2]string{"The file is of another merchant, or of an earlier key.", "该文件属于其他商户或旧公钥。"},
			cure:  [2]string{"Download pub_key.pem of {id} again.", "重新下载 {id} 对应的 pub_key.pem。"},
		},
	}
}

// wordsOfPayRest is what is found by answers, query.
func wordsOfPayRest() []row {
	return []row{
		{
			code: "certificates_none", check: "answers", state: Problem,
			title: [2]string{"{subject}: WeChat Pay has no platform certificate for this merchant", "{subject}：该商户没有平台证书"},
			why:   [2]string{"Merchants since late 2024 have the WeChat Pay public key instead.", "2024 年底以后的商户改用微信支付公钥。"},
			cure:  [2]string{"Set verifyMode to publicKey, with the id and pub_key.pem.", "把 verifyMode 设为 publicKey，并填写公钥 ID 与 pub_key.pem。"},
		},
		{
			code: "query_ok", check: "query", state: OK,
			title: [2]string{"{subject}: WeChat Pay takes our signature", "{subject}：微信支付接受我们的签名"},
		},
		{
			code: "query_unknown", check: "query", state: Skipped,
			title: [2]string{"WeChat Pay cannot be asked from here", "此处无法查询微信支付"},
		},
		{
			code: "query_serial", check: "query", state: Problem,
			title: [2]string{"{subject}: WeChat Pay does not know the serial {serial} of this merchant", "{subject}：微信支付没有该商户的证书序列号 {serial}"},
			why:   [2]string{"Merchant number or serial is another one, or the certificate was revoked.", "商户号或序列号不对，或证书已作废。"},
			cure:  [2]string{"Compare both with pay.weixin.qq.com, 账户中心 > API安全 > 商户API证书.", "对照 pay.weixin.qq.com 的 账户中心 > API安全 > 商户API证书。"},
		},
		{
			code: "query_signature", check: "query", state: Problem,
			title: [2]string{"{subject}: the private key is not that of the serial", "{subject}：商户私钥与证书序列号不匹配"},
			why:   [2]string{"WeChat Pay knows the serial, and the signature does not verify with it.", "微信支付认识该序列号，但签名验证不通过。"},
			cure:  [2]string{"Enter the apiclient_key.pem of the same download as the certificate.", "请填写与证书同一次下载的 apiclient_key.pem。"},
		},
		{
			code: "query_v2_key", check: "query", state: Problem,
			title: [2]string{"{subject}: the APIv2 key is not the one at WeChat Pay", "{subject}：APIv2 密钥与微信支付侧不一致"},
			why:   [2]string{"WeChat Pay refuses the signature, or its own does not verify.", "签名被拒绝，或应答验签失败。"},
			cure:  [2]string{"Set a new one at pay.weixin.qq.com, 账户中心 > API安全, and enter the same here; compare the sign type.", "在 pay.weixin.qq.com 的 账户中心 > API安全 重新设置并填入；核对签名类型。"},
		},
		{
			code: "query_mchid", check: "query", state: Problem,
			title: [2]string{"{subject}: merchant number and mini program do not fit ({code})", "{subject}：商户号与小程序不匹配（{code}）"},
			why:   [2]string{"They are not bound to each other, or one was mistyped.", "二者未绑定，或填写有误。"},
			cure:  [2]string{"Bind them at pay.weixin.qq.com, 产品中心 > AppID账号管理.", "在 pay.weixin.qq.com 的 产品中心 > AppID账号管理 绑定。"},
		},
		{
			code: "query_denied", check: "query", state: Problem,
			title: [2]string{"{subject}: the merchant may not use this call ({code})", "{subject}：商户无此接口权限（{code}）"},
			why:   [2]string{"JSAPI payment is not switched on, or the account is limited.", "未开通 JSAPI 支付，或账户受限。"},
			cure:  [2]string{"pay.weixin.qq.com, 产品中心 > JSAPI支付.", "见 pay.weixin.qq.com 的 产品中心 > JSAPI支付。"},
		},
		{
			code: "query_busy", check: "query", state: Warning,
			title: [2]string{"{subject}: WeChat Pay is busy or does not answer", "{subject}：微信支付繁忙或没有答复"},
			cure:  [2]string{"Run doctor again in a minute.", "一分钟后重新运行检查。"},
		},
		{
			code: "query_refused", check: "query", state: Problem,
			title: [2]string{"{subject}: WeChat Pay refused a harmless query ({code}, status {status})", "{subject}：微信支付拒绝了查询（{code}，状态 {status}）"},
			cure:  [2]string{"docs/errors.md and the log say more.", "详见 docs/errors.md 与日志。"},
		},
		{
			code: "answers_ok", check: "answers", state: OK,
			title: [2]string{"{subject}: WeChat Pay's answers verify", "{subject}：微信支付的应答验签通过"},
		},
		{
			code: "answers_unknown", check: "answers", state: Skipped,
			title: [2]string{"{subject}: no signed answer could be had without a payment", "{subject}：没有支付就得不到带签名的应答"},
			why:   [2]string{"The first payment of 1 fen shows it.", "首笔 1 分钱支付即可验证。"},
		},
	}
}

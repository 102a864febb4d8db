package doctor

// wordsOfAddress is what is found by address, outside.
func wordsOfAddress() []row {
	return []row{
		{
			code: "address_ok", check: "address", state: OK,
			title: [2]string{"WeChat notifies {address}", "微信通知地址为 {address}"},
		},
		{
			code: "address_simulated", check: "address", state: OK,
			title: [2]string{"The simulated WeChat notifies {address}", "模拟微信通知 {address}"},
		},
		{
			code: "address_missing", check: "address", state: Problem,
			title: [2]string{"The public address is not set", "没有设置公网地址"},
			why:   [2]string{"WeChat does not know where to send notifications.", "微信不知道把通知发到哪里。"},
			cure:  [2]string{"Set WXBASE_PUBLIC_URL, or enter it in the dashboard: https and the host, nothing else.", "设置 WXBASE_PUBLIC_URL 或在后台填写：https 加域名，不带其他内容。"},
		},
		{
			code: "address_plain", check: "address", state: Problem,
			title: [2]string{"{address} is not https", "{address} 不是 https"},
			why:   [2]string{"WeChat notifies over https only.", "微信只通过 https 发送通知。"},
			cure:  [2]string{"Put a certificate in front (Caddy, nginx, the cloud's load balancer), and set the https address.", "在前面配置证书（Caddy、nginx 或云负载均衡），并改为 https 地址。"},
		},
		{
			code: "address_private", check: "address", state: Problem,
			title: [2]string{"{address} leads to {ip}, which nobody outside can reach", "{address} 指向 {ip}，外网无法访问"},
			why:   [2]string{"The address is of this machine or of a private network.", "这是本机或内网地址。"},
			cure:  [2]string{"Use a domain whose DNS record is the server's public address.", "使用解析到服务器公网 IP 的域名。"},
		},
		{
			code: "address_unknown", check: "address", state: Problem,
			title: [2]string{"DNS does not know {host}", "域名 {host} 无法解析"},
			why:   [2]string{"The record is missing, or was mistyped.", "缺少解析记录，或填写有误。"},
			cure:  [2]string{"Add an A record for {host} at its domain's registrar.", "在域名服务商处为 {host} 添加 A 记录。"},
		},
		{
			code: "address_port", check: "address", state: Warning,
			title: [2]string{"{address} has the port {port}", "{address} 带有端口 {port}"},
			why:   [2]string{"Message push and mini programs want 443 or 80.", "消息推送与小程序服务器域名要求 443 或 80 端口。"},
			cure:  [2]string{"Serve at 443.", "改用 443 端口。"},
		},
		{
			code: "outside_ok", check: "outside", state: OK,
			title: [2]string{"{address} leads here", "{address} 可以到达本服务器"},
		},
		{
			code: "outside_silent", check: "outside", state: Warning,
			title: [2]string{"{address} does not answer from here", "从本机访问 {address} 没有响应"},
			why:   [2]string{"A firewall stops it, or the network does not lead its own machines back to themselves.", "被防火墙拦截，或网络不支持从内部访问自己的公网地址。"},
			cure:  [2]string{"Open 443 in the cloud's security group; open {address}/api/wx/health on a phone without WLAN.", "在云安全组放行 443；用手机流量打开 {address}/api/wx/health 试试。"},
		},
		{
			code: "outside_unreachable", check: "outside", state: Problem,
			title: [2]string{"{address} refuses the connection", "{address} 拒绝连接"},
			why:   [2]string{"Nothing listens there, or the port is closed.", "该处没有服务在监听，或端口关闭。"},
			cure:  [2]string{"Start the proxy in front, and open 443 in the cloud's security group.", "启动前置代理，并在云安全组放行 443。"},
		},
		{
			code: "outside_certificate", check: "outside", state: Problem,
			title: [2]string{"The certificate of {address} is not valid", "{address} 的证书无效"},
			why:   [2]string{"WeChat does not notify where the certificate is not trusted, has ended or is of another name.", "证书不受信任、已过期或域名不符时，微信不会发送通知。"},
			cure:  [2]string{"Get a certificate with its whole chain, for this very name.", "为该域名配置含完整证书链的证书。"},
		},
		{
			code: "outside_redirect", check: "outside", state: Problem,
			title: [2]string{"The public address redirects to {host} (status {status})", "公网地址被重定向到 {host}（状态 {status}）"},
			why:   [2]string{"WeChat follows no redirect.", "微信不跟随重定向。"},
			cure:  [2]string{"Set the address to which it leads, or take the redirect away for /api/wx/.", "改为重定向之后的地址，或对 /api/wx/ 取消重定向。"},
		},
		{
			code: "outside_other", check: "outside", state: Problem,
			title: [2]string{"Something else answers at {address} (status {status})", "{address} 由别的程序应答（状态 {status}）"},
			why:   [2]string{"A login page, a firewall, a page about a missing ICP filing or another site stands in front.", "前面有登录页、防火墙、未备案提示页或其他站点。"},
			cure:  [2]string{"Let /api/ through to this server, unchanged and without a login.", "让 /api/ 原样、免登录地到达本服务器。"},
		},
	}
}

// wordsOfAddressMore is what is found by outside, push.
func wordsOfAddressMore() []row {
	return []row{
		{
			code: "outside_blocked", check: "outside", state: Problem,
			title: [2]string{"WeChat's notifications would not get through (status {status})", "微信的通知无法到达（状态 {status}）"},
			why:   [2]string{"Requests with GET arrive, those with POST do not: a firewall or a login stands in front.", "GET 可以到达而 POST 不行：前面有防火墙或登录拦截。"},
			cure:  [2]string{"Let POST to /api/wx/notify/ and /api/wx/push/ through, unchanged.", "放行到 /api/wx/notify/ 与 /api/wx/push/ 的 POST 请求，保持原样。"},
		},
		{
			code: "push_ok", check: "push", state: OK,
			title: [2]string{"{subject}: the handshake of message push works at {address}", "{subject}：消息推送握手正常（{address}）"},
		},
		{
			code: "push_missing", check: "push", state: Warning,
			title: [2]string{"{subject} has no Token for message push", "{subject} 没有消息推送 Token"},
			why:   [2]string{"Results of image checks, reports of messages and settlement notices do not arrive.", "图片检测结果、消息送达、结算通知等都收不到。"},
			cure:  [2]string{"Choose a Token and an EncodingAESKey, enter them here, then at mp.weixin.qq.com, 开发管理 > 消息推送.", "先在此填写 Token 与 EncodingAESKey，再到 mp.weixin.qq.com 的 开发管理 > 消息推送 填写。"},
		},
		{
			code: "push_key_missing", check: "push", state: Problem,
			title: [2]string{"{subject}: message push is in safe mode, without an EncodingAESKey", "{subject}：消息推送为安全模式，但没有 EncodingAESKey"},
			why:   [2]string{"Pushes arrive encrypted and could not be opened.", "推送是加密的，无法解开。"},
			cure:  [2]string{"Enter the EncodingAESKey of mp.weixin.qq.com, 开发管理 > 消息推送.", "填写 mp.weixin.qq.com 的 开发管理 > 消息推送 中的 EncodingAESKey。"},
		},
		{
			code: "push_silent", check: "push", state: Problem,
			title: [2]string{"{subject}: the push address does not answer", "{subject}：消息推送地址没有响应"},
			cure:  [2]string{"Look at the finding about the public address.", "见公网地址的检查结果。"},
		},
		{
			code: "push_refused", check: "push", state: Problem,
			title: [2]string{"{subject}: the handshake of message push fails (status {status})", "{subject}：消息推送握手失败（状态 {status}）"},
			why:   [2]string{"The Token that the server uses is another, or something in front changes the answer.", "服务器使用的 Token 不同，或前面有程序改动了应答。"},
			cure:  [2]string{"Enter the Token again, here and at mp.weixin.qq.com, 开发管理 > 消息推送.", "在此处和 mp.weixin.qq.com 的 开发管理 > 消息推送 重新填写同一个 Token。"},
		},
	}
}

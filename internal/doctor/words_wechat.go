package doctor

// wordsOfWechat is what is found by app, dns, tls, clock, credentials.
func wordsOfWechat() []row {
	return []row{
		{
			code: "app_ok", check: "app", state: OK,
			title: [2]string{"{count} mini program(s) are configured", "已配置 {count} 个小程序"},
		},
		{
			code: "app_missing", check: "app", state: Problem,
			title: [2]string{"No mini program is configured", "没有配置小程序"},
			why:   [2]string{"Nobody can log in.", "任何人都无法登录。"},
			cure:  [2]string{"Set WXBASE_APPID and WXBASE_APP_SECRET, or enter them in the dashboard: mp.weixin.qq.com, 开发管理 > 开发设置.", "设置 WXBASE_APPID 和 WXBASE_APP_SECRET，或在后台填写：mp.weixin.qq.com 的 开发管理 > 开发设置。"},
		},
		{
			code: "dns_ok", check: "dns", state: OK,
			title: [2]string{"DNS knows WeChat's hosts", "微信域名可以解析"},
		},
		{
			code: "dns_failed", check: "dns", state: Problem,
			title: [2]string{"DNS does not know {host}", "域名 {host} 无法解析"},
			why:   [2]string{"This machine has no working name server, or the address was set to a host that does not exist.", "本机 DNS 不可用，或配置了不存在的域名。"},
			cure:  [2]string{"Look at /etc/resolv.conf and at the network of the container; in the mainland 223.5.5.5 and 119.29.29.29 answer.", "检查 /etc/resolv.conf 和容器网络；国内可用 223.5.5.5、119.29.29.29。"},
		},
		{
			code: "tls_ok", check: "tls", state: OK,
			title: [2]string{"WeChat's hosts answer", "微信服务器可以连通"},
		},
		{
			code: "tls_unreachable", check: "tls", state: Problem,
			title: [2]string{"{host} does not answer", "无法连接 {host}"},
			why:   [2]string{"A firewall or the cloud's rules for outgoing connections stop it.", "防火墙或云服务器的出站规则阻止了连接。"},
			cure:  [2]string{"Allow outgoing TCP 443 to {host}.", "放行到 {host} 的出站 TCP 443。"},
		},
		{
			code: "tls_certificate", check: "tls", state: Problem,
			title: [2]string{"The certificate of {host} is not trusted here", "{host} 的证书不被本机信任"},
			why:   [2]string{"The list of authorities is missing (small containers), the clock is far off, or something in between opens the connection.", "缺少根证书（精简容器常见）、时钟错误，或中间有设备拆解了加密连接。"},
			cure:  [2]string{"Install ca-certificates, set the clock, and look for a proxy that inspects traffic.", "安装 ca-certificates、校准时钟，并检查是否有流量审查代理。"},
		},
		{
			code: "clock_ok", check: "clock", state: OK,
			title: [2]string{"The clock is right ({off} off)", "时钟准确（相差 {off}）"},
		},
		{
			code: "clock_drifts", check: "clock", state: Warning,
			title: [2]string{"The clock is {off} off", "时钟相差 {off}"},
			why:   [2]string{"Past five minutes WeChat Pay refuses every call, and its notifications are refused here.", "超过五分钟，微信支付会拒绝所有请求，本机也会拒绝其通知。"},
			cure:  [2]string{"Switch on NTP: timedatectl set-ntp true.", "开启 NTP：timedatectl set-ntp true。"},
		},
		{
			code: "clock_off", check: "clock", state: Problem,
			title: [2]string{"The clock is {off} off", "时钟相差 {off}"},
			why:   [2]string{"Signatures carry the time; WeChat Pay takes five minutes.", "签名中带有时间，微信支付只容许五分钟误差。"},
			cure:  [2]string{"Set the clock and switch on NTP: timedatectl set-ntp true.", "校准时钟并开启 NTP：timedatectl set-ntp true。"},
		},
		{
			code: "clock_unknown", check: "clock", state: Skipped,
			title: [2]string{"WeChat did not tell the time", "微信没有返回时间"},
		},
		{
			code: "credentials_ok", check: "credentials", state: OK,
			title: [2]string{"{subject}: AppID and AppSecret are right", "{subject}：AppID 与 AppSecret 正确"},
		},
		{
			code: "credentials_unknown", check: "credentials", state: Skipped,
			title: [2]string{"{subject}: WeChat did not look at the AppSecret", "{subject}：微信未校验 AppSecret"},
		},
		{
			code: "secret_missing", check: "credentials", state: Problem,
			title: [2]string{"{subject} has no AppSecret", "{subject} 没有 AppSecret"},
			why:   [2]string{"Without it nobody can log in.", "没有它任何人都无法登录。"},
			cure:  [2]string{"mp.weixin.qq.com, 开发管理 > 开发设置 > AppSecret; enter it in the dashboard, or as WXBASE_APP_SECRET.", "在 mp.weixin.qq.com 的 开发管理 > 开发设置 > AppSecret 获取，填入后台或 WXBASE_APP_SECRET。"},
		},
	}
}

// wordsOfWechatMore is what is found by credentials, whitelist, token.
func wordsOfWechatMore() []row {
	return []row{
		{
			code: "secret_wrong", check: "credentials", state: Problem,
			title: [2]string{"{subject}: the AppSecret is not the one at WeChat", "{subject}：AppSecret 与微信侧不一致"},
			why:   [2]string{"It was mistyped, is of another mini program, or was reset at WeChat.", "填写有误、属于其他小程序，或已在微信后台重置。"},
			cure:  [2]string{"Reset it at mp.weixin.qq.com, 开发管理 > 开发设置, and enter the new one.", "在 mp.weixin.qq.com 的 开发管理 > 开发设置 重置后填入新的。"},
		},
		{
			code: "secret_frozen", check: "credentials", state: Problem,
			title: [2]string{"{subject}: the AppSecret is frozen", "{subject}：AppSecret 已被冻结"},
			why:   [2]string{"Its administrator has frozen it, or WeChat has.", "管理员或微信冻结了它。"},
			cure:  [2]string{"Unfreeze it at mp.weixin.qq.com, 开发管理 > 开发设置.", "在 mp.weixin.qq.com 的 开发管理 > 开发设置 解冻。"},
		},
		{
			code: "appid_unknown", check: "credentials", state: Problem,
			title: [2]string{"WeChat knows no mini program {subject}", "微信没有小程序 {subject}"},
			why:   [2]string{"The AppID was mistyped, or the account was closed.", "AppID 填写有误，或账号已注销。"},
			cure:  [2]string{"Copy the AppID from mp.weixin.qq.com, 开发管理 > 开发设置.", "从 mp.weixin.qq.com 的 开发管理 > 开发设置 复制 AppID。"},
		},
		{
			code: "account_limited", check: "credentials", state: Problem,
			title: [2]string{"{subject}: the account is limited (errcode {errcode})", "{subject}：账号受限（errcode {errcode}）"},
			why:   [2]string{"WeChat has frozen the account or its use of the API.", "微信冻结了该账号或其接口权限。"},
			cure:  [2]string{"The notices at mp.weixin.qq.com say why.", "原因见 mp.weixin.qq.com 的站内通知。"},
		},
		{
			code: "whitelist_ok", check: "whitelist", state: OK,
			title: [2]string{"{subject}: WeChat takes calls from this server", "{subject}：微信接受本服务器的调用"},
		},
		{
			code: "whitelist_missing", check: "whitelist", state: Problem,
			title: [2]string{"{subject}: the address {ip} is not on the IP whitelist", "{subject}：IP {ip} 不在白名单中"},
			why:   [2]string{"WeChat takes calls only from the addresses that are entered (errcode 40164).", "微信只接受白名单内 IP 的调用（errcode 40164）。"},
			cure:  [2]string{"Enter {ip} at mp.weixin.qq.com, 开发管理 > 开发设置 > IP白名单; it is in force after some minutes.", "在 mp.weixin.qq.com 的 开发管理 > 开发设置 > IP白名单 添加 {ip}，几分钟后生效。"},
		},
		{
			code: "whitelist_refused", check: "whitelist", state: Problem,
			title: [2]string{"{subject}: WeChat does not take calls from this address (errcode {errcode})", "{subject}：微信拒绝来自本机地址的调用（errcode {errcode}）"},
			why:   [2]string{"The address is not on the IP whitelist, or its use waits for the administrator.", "IP 不在白名单中，或等待管理员确认。"},
			cure:  [2]string{"Enter this server's public address at mp.weixin.qq.com, 开发管理 > 开发设置 > IP白名单, or confirm it on the administrator's phone.", "在 mp.weixin.qq.com 的 开发管理 > 开发设置 > IP白名单 添加本服务器公网 IP，或由管理员在手机上确认。"},
		},
		{
			code: "whitelist_unknown", check: "whitelist", state: Skipped,
			title: [2]string{"{subject}: WeChat did not answer", "{subject}：微信没有答复"},
		},
		{
			code: "token_ok", check: "token", state: OK,
			title: [2]string{"{subject}: the access token works", "{subject}：access_token 可用"},
		},
		{
			code: "token_silent", check: "token", state: Problem,
			title: [2]string{"{subject}: WeChat gave no access token, without a reason", "{subject}：未取得 access_token，微信没有说明原因"},
			why:   [2]string{"The answer was not WeChat's, or none came in time.", "返回的不是微信的应答，或超时。"},
			cure:  [2]string{"Run doctor again; a proxy for outgoing calls may answer in WeChat's place.", "重新运行检查；出站代理可能代替微信作了应答。"},
		},
		{
			code: "token_quota", check: "token", state: Problem,
			title: [2]string{"{subject}: the calls for access tokens are used up (errcode {errcode})", "{subject}：获取 access_token 的次数已用完（errcode {errcode}）"},
			why:   [2]string{"Another program fetches tokens of the same mini program all the time.", "有其他程序在不停地获取同一小程序的 token。"},
			cure:  [2]string{"Stop that program, or let it ask this server (WXBASE_TOKEN_BROKER=1).", "停掉那个程序，或让它向本服务器索取（WXBASE_TOKEN_BROKER=1）。"},
		},
		{
			code: "token_busy", check: "token", state: Warning,
			title: [2]string{"{subject}: WeChat is busy", "{subject}：微信系统繁忙"},
			cure:  [2]string{"Run doctor again in a minute.", "一分钟后重新运行检查。"},
		},
		{
			code: "token_refused", check: "token", state: Problem,
			title: [2]string{"{subject}: WeChat gave no access token (errcode {errcode})", "{subject}：未取得 access_token（errcode {errcode}）"},
			why:   [2]string{"docs/errors.md explains the errcode.", "错误码含义见 docs/errors.md。"},
			cure:  [2]string{"docs/errors.md says what to do.", "处理办法见 docs/errors.md。"},
		},
	}
}

// wordsOfWechatRest is what is found by token, orderPath, messagePath, phoneQuota.
func wordsOfWechatRest() []row {
	return []row{
		{
			code: "token_replaced", check: "token", state: Problem,
			title: [2]string{"{subject}: another program replaces the access token", "{subject}：access_token 被其他程序顶替"},
			why:   [2]string{"A token fetched by the older call (getAccessToken) or a forced one ends ours.", "其他程序用旧接口或强制刷新获取 token，使本机的失效。"},
			cure:  [2]string{"Let every program use this server's token (WXBASE_TOKEN_BROKER=1).", "让所有程序使用本服务器的 token（WXBASE_TOKEN_BROKER=1）。"},
		},
		{
			code: "order_path_ok", check: "orderPath", state: OK,
			title: [2]string{"{subject}: the order centre leads to {path}", "{subject}：订单中心跳转到 {path}"},
		},
		{
			code: "order_path_missing", check: "orderPath", state: Warning,
			title: [2]string{"{subject}: the order centre leads to no page", "{subject}：未设置订单中心跳转路径"},
			why:   [2]string{"Buyers who tap the order in WeChat do not get to it.", "用户在微信里点开订单时无法进入订单页。"},
			cure:  [2]string{"Set a page with {mark} in it, such as pages/order/detail?id={mark}: mp.weixin.qq.com, 订单中心, or POST /api/wx/admin/order-pages.", "设置含 {mark} 的页面，例如 pages/order/detail?id={mark}：mp.weixin.qq.com 的 订单中心，或接口 POST /api/wx/admin/order-pages。"},
		},
		{
			code: "order_path_wrong", check: "orderPath", state: Problem,
			title: [2]string{"{subject}: the order centre leads to {path}, without the order's number", "{subject}：订单中心路径 {path} 不含订单号"},
			why:   [2]string{"Every order leads to the same page.", "所有订单都会跳到同一页。"},
			cure:  [2]string{"Put {mark} into it.", "在路径中加入 {mark}。"},
		},
		{
			code: "order_path_unknown", check: "orderPath", state: Skipped,
			title: [2]string{"{subject}: the order centre does not answer (errcode {errcode})", "{subject}：订单中心没有答复（errcode {errcode}）"},
			why:   [2]string{"Its agreement is signed at mp.weixin.qq.com first.", "需先在 mp.weixin.qq.com 签署订单中心协议。"},
		},
		{
			code: "message_path_ok", check: "messagePath", state: OK,
			title: [2]string{"{subject}: messages about shipping lead to {path}", "{subject}：发货消息跳转到 {path}"},
		},
		{
			code: "message_path_default", check: "messagePath", state: OK,
			title: [2]string{"{subject}: messages about shipping lead to WeChat's own page", "{subject}：发货消息跳转到微信默认页面"},
		},
		{
			code: "message_path_unknown", check: "messagePath", state: Skipped,
			title: [2]string{"{subject}: where messages about shipping lead was not set from here", "{subject}：没有从本机设置过发货消息的跳转页面"},
			why:   [2]string{"WeChat does not tell what was set elsewhere; unset, its own page opens and not the shop.", "微信不提供查询；未设置时打开微信默认页面，不进入小程序。"},
			cure:  [2]string{"POST /api/wx/admin/order-pages with messagePath, such as pages/order/order; an empty one keeps WeChat's page.", "调用 POST /api/wx/admin/order-pages 设置 messagePath，例如 pages/order/order；空值表示用微信默认页面。"},
		},
		{
			code: "phone_quota_ok", check: "phoneQuota", state: OK,
			title: [2]string{"{subject}: {left} phone numbers are left", "{subject}：手机号余量 {left} 次"},
		},
		{
			code: "phone_quota_low", check: "phoneQuota", state: Warning,
			title: [2]string{"{subject}: only {left} phone numbers are left", "{subject}：手机号余量仅 {left} 次"},
			why:   [2]string{"Each number that a phone hands over is paid for; without any the button fails with errno 1400001.", "每次成功获取手机号都计费；用完后按钮报 errno 1400001。"},
			cure:  [2]string{"Buy a package at mp.weixin.qq.com, 付费管理.", "在 mp.weixin.qq.com 的 付费管理 购买资源包。"},
		},
		{
			code: "phone_quota_empty", check: "phoneQuota", state: Problem,
			title: [2]string{"{subject}: no phone numbers are left", "{subject}：手机号资源包已用完"},
			why:   [2]string{"The phone button fails with errno 1400001.", "手机号按钮报 errno 1400001。"},
			cure:  [2]string{"Buy a package at mp.weixin.qq.com, 付费管理.", "在 mp.weixin.qq.com 的 付费管理 购买资源包。"},
		},
		{
			code: "phone_quota_none", check: "phoneQuota", state: Skipped,
			title: [2]string{"{subject}: WeChat tells of no package of phone numbers", "{subject}：微信没有返回手机号资源包"},
			why:   [2]string{"The first 1,000 are free to try, and some owners pay nothing.", "前 1000 次免费体验，部分主体免费。"},
		},
		{
			code: "phone_quota_unknown", check: "phoneQuota", state: Skipped,
			title: [2]string{"{subject}: WeChat does not say how many phone numbers are left (errcode {errcode})", "{subject}：微信没有答复手机号余量（errcode {errcode}）"},
		},
	}
}

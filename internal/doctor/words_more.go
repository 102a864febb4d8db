package doctor

// wordsOfVirtual is what is found by virtual.
func wordsOfVirtual() []row {
	return []row{
		{
			code: "virtual_off", check: "virtual", state: Skipped,
			title: [2]string{"Virtual payment of {app} is not set up", "{app} 未配置虚拟支付"},
		},
		{
			code: "virtual_ok", check: "virtual", state: OK,
			title: [2]string{"WeChat takes the AppKey of virtual payment ({env})", "虚拟支付的 AppKey 可用（{env}）"},
		},
		{
			code: "virtual_half", check: "virtual", state: Problem,
			title: [2]string{"Virtual payment lacks its OfferID or the AppKey of {env}", "虚拟支付缺少 OfferID 或 {env} 的 AppKey"},
			why:   [2]string{"Orders of virtual goods cannot be paid.", "虚拟商品的订单无法支付。"},
			cure:  [2]string{"Copy all three from mp.weixin.qq.com, 虚拟支付 > 基本配置, into the dashboard.", "从 mp.weixin.qq.com 的 虚拟支付 > 基本配置 复制到后台。"},
		},
		{
			code: "virtual_same", check: "virtual", state: Problem,
			title: [2]string{"The live and the sandbox AppKey are the same", "现网与沙箱的 AppKey 相同"},
			why:   [2]string{"They are two secrets; one of them is wrong.", "二者是不同的密钥，其中一个填错了。"},
			cure:  [2]string{"Copy both anew from mp.weixin.qq.com, 虚拟支付 > 基本配置.", "从 mp.weixin.qq.com 的 虚拟支付 > 基本配置 重新复制。"},
		},
		{
			code: "virtual_key_wrong", check: "virtual", state: Problem,
			title: [2]string{"WeChat refuses the AppKey of virtual payment ({env})", "微信拒绝虚拟支付的 AppKey（{env}）"},
			why:   [2]string{"It is of the other environment or of another mini program; every payment would fail with -15006.", "填成了另一环境或另一个小程序的密钥，支付会失败并提示 -15006。"},
			cure:  [2]string{"Copy it anew from mp.weixin.qq.com, 虚拟支付 > 基本配置; live and sandbox have two.", "从 mp.weixin.qq.com 的 虚拟支付 > 基本配置 重新复制，现网与沙箱各有一个。"},
		},
		{
			code: "virtual_unknown", check: "virtual", state: Warning,
			title: [2]string{"WeChat did not say whether virtual payment works ({errcode})", "无法确认虚拟支付是否可用（{errcode}）"},
			why:   [2]string{"The ability may not be open for this mini program, or WeChat is busy.", "小程序可能尚未开通虚拟支付，或微信繁忙。"},
			cure:  [2]string{"Look at mp.weixin.qq.com, 虚拟支付; examine again later.", "查看 mp.weixin.qq.com 的 虚拟支付，稍后再检查。"},
		},
	}
}

// wordsOfComplaints is what is found by complaints.
func wordsOfComplaints() []row {
	return []row{
		{
			code: "complaints_ok", check: "complaints", state: OK,
			title: [2]string{"WeChat Pay notifies us of complaints", "微信支付会把投诉通知到本服务器"},
		},
		{
			code: "complaints_unknown", check: "complaints", state: Warning,
			title: [2]string{"It cannot be seen where WeChat Pay sends complaints", "无法得知微信支付把投诉通知到哪里"},
			why:   [2]string{"WeChat Pay does not tell ({code}). The hourly sweep finds complaints all the same, as long as the calls work.", "微信支付没有告知（{code}）。只要接口可用，每小时的查询仍会发现投诉。"},
			cure:  [2]string{"Try again later; with a merchant of API v2 enter the keys of API v3 too, since complaints have no other.", "请稍后再试；使用 API v2 的商户请同时填写 APIv3 密钥，投诉只有 v3 接口。"},
		},
		{
			code: "complaints_none", check: "complaints", state: Warning,
			title: [2]string{"WeChat Pay notifies nobody of complaints", "微信支付的投诉没有通知地址"},
			why:   [2]string{"The first answer is due within 24 hours. The hourly sweep finds complaints, and sets the address too.", "首次回复须在 24 小时内。每小时的查询会发现投诉，并会设置通知地址。"},
			cure:  [2]string{"Leave the server running for an hour, or press 立即向微信查询 on the page of complaints.", "让服务器运行一小时，或在“投诉”页点击“立即向微信查询”。"},
		},
		{
			code: "complaints_elsewhere", check: "complaints", state: Problem,
			title: [2]string{"WeChat Pay notifies somebody else of complaints", "微信支付把投诉通知到别处"},
			why:   [2]string{"The address is {host}, and a merchant has one. We take it from nobody by ourselves; the hourly sweep finds complaints, at most an hour late.", "通知地址是 {host}，一个商户只有一个。我们不会自行接管；每小时的查询会发现投诉，最多晚一小时。"},
			cure:  [2]string{"If that program is gone, take the address: POST /api/wx/admin/complaints/address, with {mchid} as merchant.", "如果那个程序已停用，请接管地址：POST /api/wx/admin/complaints/address，merchant 为 {mchid}。"},
		},
	}
}

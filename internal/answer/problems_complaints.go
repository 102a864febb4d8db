package answer

import "net/http"

// Complaints, in the dashboard.
var (
	ComplaintNotFound = Problem{
		Code: "complaint_not_found", Status: http.StatusNotFound,
		EN:    "There is no such complaint, or it has no such picture.",
		ZH:    "没有这个投诉，或投诉中没有这张图片",
		FixEN: "Load the list again.",
		FixZH: "请刷新列表。",
	}
	ComplaintRefused = Problem{
		Code: "complaint_refused", Status: http.StatusConflict,
		EN:    "WeChat does not take this as the complaint stands.",
		ZH:    "按投诉的当前状态，微信不接受此操作",
		FixEN: "The complaint has been read anew: somebody may have answered it, or it is over. A picture has to be uploaded for this complaint first.",
		FixZH: "已重新读取投诉：可能已有人处理，或投诉已结束。图片须先为该投诉上传。",
	}
	ComplaintNothingDue = Problem{
		Code: "complaint_nothing_due", Status: http.StatusConflict,
		EN:    "This complaint does not wait for the shop.",
		ZH:    "该投诉目前不需要商家处理",
		FixEN: "`data.status` is what the platform has; the shop answers at 201 and proves at 206.",
		FixZH: "平台状态见 `data.status`；201 时回应，206 时提交凭证。",
	}
	ComplaintNoWish = Problem{
		Code: "complaint_no_wish", Status: http.StatusConflict,
		EN:    "This complaint asks for no refund at WeChat Pay, so there is nothing to decide.",
		ZH:    "该投诉没有在微信支付申请退款，无需审批",
		FixEN: "Reply instead; money goes back by a refund of the order.",
		FixZH: "请回复用户；退款请在订单上操作。",
	}
	ComplaintElsewhere = Problem{
		Code: "complaint_elsewhere", Status: http.StatusConflict,
		EN:    "This cannot be done here for a complaint of this source.",
		ZH:    "该来源的投诉不能在此进行此操作",
		FixEN: "`data.source` says where it was made. The platform ends its complaints by itself.",
		FixZH: "来源见 `data.source`。平台投诉由平台自行结束。",
	}
	ComplaintPhone = Problem{
		Code: "complaint_phone", Status: http.StatusConflict,
		EN:    "The phone number cannot be decrypted: WeChat Pay has sealed it for another certificate of the merchant.",
		ZH:    "无法解密手机号：微信支付使用的是商户的另一张证书",
		FixEN: "Enter the private key of the merchant's current certificate; a number sealed for the old one is to be seen at pay.weixin.qq.com.",
		FixZH: "请填写商户当前证书的私钥；用旧证书加密的手机号请到 pay.weixin.qq.com 查看。",
	}
)

// complaintProblems are those above.
func complaintProblems() []Problem {
	return []Problem{ComplaintNotFound, ComplaintRefused, ComplaintNothingDue, ComplaintNoWish, ComplaintElsewhere, ComplaintPhone}
}

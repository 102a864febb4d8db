package answer

import "net/http"

// Virtual goods and their payment (虚拟支付).
var (
	CartMixed = Problem{
		Code: "cart_mixed", Status: http.StatusBadRequest,
		EN:    "Virtual goods and others cannot be in one order.",
		ZH:    "虚拟商品不能与其他商品一起下单",
		FixEN: "Make two orders: WeChat wants two payments.",
		FixZH: "请分成两个订单，微信要求分开支付。",
	}
	CartVirtual = Problem{
		Code: "cart_virtual", Status: http.StatusBadRequest,
		EN:    "An order holds one virtual product.",
		ZH:    "一个订单只能有一种虚拟商品",
		FixEN: "Make an order for each: WeChat sells one item at a time. The quantity is free.",
		FixZH: "每种虚拟商品单独下单，数量不限：微信一次只卖一种道具。",
	}
	OrderVirtual = Problem{
		Code: "order_virtual", Status: http.StatusConflict,
		EN:    "This order is of virtual goods and is paid by virtual payment.",
		ZH:    "该订单为虚拟商品，须使用虚拟支付",
		FixEN: "Call `POST /api/wx/orders/{id}/virtual` and `wx.requestVirtualPayment`; `pay` of the SDK does it.",
		FixZH: "调用 `POST /api/wx/orders/{id}/virtual` 与 `wx.requestVirtualPayment`，SDK 的 `pay` 会自动处理。",
	}
	OrderNotVirtual = Problem{
		Code: "order_not_virtual", Status: http.StatusConflict,
		EN:    "This order is not of virtual goods.",
		ZH:    "该订单不是虚拟商品",
		FixEN: "Call `POST /api/wx/orders/{id}/pay`.",
		FixZH: "请调用 `POST /api/wx/orders/{id}/pay`。",
	}
	VirtualConfig = Problem{
		Code: "virtual_not_configured", Status: http.StatusServiceUnavailable,
		EN:    "Virtual payment is not set up.",
		ZH:    "虚拟支付尚未配置",
		FixEN: "The owner enters OfferID and AppKey of the console of virtual payment: `xpayOfferId`, and `xpayKey` or `xpaySandboxKey` by `xpayEnv`.",
		FixZH: "请商家填写虚拟支付控制台的 OfferID 与 AppKey：`xpayOfferId`，以及 `xpayEnv` 对应的 `xpayKey` 或 `xpaySandboxKey`。",
	}
	ItemPending = Problem{
		Code: "virtual_item_pending", Status: http.StatusConflict,
		EN:    "This product is not on sale at WeChat yet.",
		ZH:    "该商品的道具尚未在微信发布",
		FixEN: "Try again in some minutes: it is being uploaded and published. `data.state` is how far it is; FAILED needs the owner.",
		FixZH: "正在上传并发布道具，请几分钟后再试。`data.state` 为进度，FAILED 需商家处理。",
	}
	ItemPrice = Problem{
		Code: "virtual_item_price", Status: http.StatusConflict,
		EN:    "The total is not the item's price times the quantity.",
		ZH:    "总额与道具价格乘以数量不符",
		FixEN: "Virtual payment knows no total of its own: order the product at its price, at least 1 yuan on an iPhone.",
		FixZH: "虚拟支付不支持自定总额，请按商品价格下单（iPhone 至少 1 元）。",
	}
	ItemMissing = Problem{
		Code: "virtual_item_not_found", Status: http.StatusNotFound,
		EN:    "There is no such item.",
		ZH:    "道具不存在",
		FixEN: "Load the items again.",
		FixZH: "请重新加载道具列表。",
	}
	RefundApple = Problem{
		Code: "refund_apple", Status: http.StatusConflict,
		EN:    "This was paid through Apple, which alone gives the money back.",
		ZH:    "该订单由苹果支付，只能由苹果退款",
		FixEN: "The buyer asks Apple for it (reportaproblem.apple.com).",
		FixZH: "请买家向苹果申请退款（reportaproblem.apple.com）。",
	}
)

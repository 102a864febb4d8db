package answer

import "net/http"

// Orders, payments, refunds, shipping, and the notifications of WeChat Pay.
var (
	ItemsInvalid = Problem{
		Code: "order_items_invalid", Status: http.StatusBadRequest,
		EN:    "The items are not valid.",
		ZH:    "商品明细不对",
		FixEN: "1 to 100 lines, quantities 1 to 999, a total of 0.01 to 1000000 yuan.",
		FixZH: "1 到 100 行，数量 1 到 999，总额 0.01 到 1000000 元。",
	}
	ProductMissing = Problem{
		Code: "product_not_found", Status: http.StatusNotFound,
		EN:    "A product does not exist or is not on sale.",
		ZH:    "商品不存在或已下架",
		FixEN: "Load the products again; `data.product` is the one.",
		FixZH: "重新加载商品，见 `data.product`。",
	}
	StockShort = Problem{
		Code: "product_out_of_stock", Status: http.StatusConflict,
		EN:    "Not enough in stock.",
		ZH:    "库存不足",
		FixEN: "Order less; `data.product` is the one.",
		FixZH: "减少数量，见 `data.product`。",
	}
	VariantWanted = Problem{
		Code: "product_variant_wanted", Status: http.StatusBadRequest,
		EN:    "This product comes in several specifications: choose one.",
		ZH:    "该商品有多个规格，请选择一个",
		FixEN: "Send `variant` with the line: an id of `product_variants` whose `product` is `data.product`.",
		FixZH: "在该行带上 `variant`：`product_variants` 中 `product` 为 `data.product` 的记录 id。",
	}
	VariantMissing = Problem{
		Code: "product_variant_not_found", Status: http.StatusNotFound,
		EN:    "This specification does not exist, is not on sale or is of another product.",
		ZH:    "规格不存在、已下架或不属于该商品",
		FixEN: "Load `product_variants` again; `data.product` and `data.variant` say which.",
		FixZH: "重新加载 `product_variants`，见 `data.product` 与 `data.variant`。",
	}
	KeyReused = Problem{
		Code: "order_key_reused", Status: http.StatusConflict,
		EN:    "This key was used for another order.",
		ZH:    "这个 key 已用于另一个订单",
		FixEN: "Make a new key for a new order; keep it for repeats of the same one.",
		FixZH: "新订单用新的 key，重试同一订单才用原来的。",
	}
	OrderMissing = Problem{
		Code: "order_not_found", Status: http.StatusNotFound,
		EN:    "There is no such order.",
		ZH:    "订单不存在",
		FixEN: "It is not there, or belongs to another user.",
		FixZH: "订单不存在，或属于其他用户。",
	}
	OrderNotPayable = Problem{
		Code: "order_not_payable", Status: http.StatusConflict,
		EN:    "This order cannot be paid.",
		ZH:    "订单不能支付",
		FixEN: "It is cancelled or being cancelled; make a new one.",
		FixZH: "订单已取消或正在取消，请重新下单。",
	}
	OrderPaid = Problem{
		Code: "order_already_paid", Status: http.StatusConflict,
		EN:    "This order is paid already.",
		ZH:    "订单已支付",
		FixEN: "Nothing to do; load the order.",
		FixZH: "无需处理，重新加载订单即可。",
	}
	OrderExpired = Problem{
		Code: "order_expired", Status: http.StatusConflict,
		EN:    "This order has expired.",
		ZH:    "订单已过期",
		FixEN: "Make a new one.",
		FixZH: "请重新下单。",
	}
	OrderNotPaid = Problem{
		Code: "order_not_paid", Status: http.StatusConflict,
		EN:    "This order has not been paid.",
		ZH:    "订单尚未支付",
		FixEN: "Only what was paid can be refunded or shipped.",
		FixZH: "只有已支付的订单才能退款或发货。",
	}
	OrderDisputed = Problem{
		Code: "order_disputed", Status: http.StatusConflict,
		EN:    "A payment of this order is disputed: a person has to decide about it first.",
		ZH:    "订单有一笔支付存在争议，需要人工处理",
		FixEN: "The shop decides with `POST /api/wx/admin/orders/{id}/resolve`; tell the buyer that the shop is looking into it.",
		FixZH: "商家用 `POST /api/wx/admin/orders/{id}/resolve` 处理；请告诉买家商家正在核实。",
	}
	DisputeMissing = Problem{
		Code: "dispute_not_found", Status: http.StatusNotFound,
		EN:    "The order has no such payment that is disputed.",
		ZH:    "该订单没有这笔有争议的支付",
		FixEN: "Read the alert or the order's payments again; `data.state` is the payment's state.",
		FixZH: "重新查看告警或该订单的支付；`data.state` 是支付状态。",
	}
	DisputeMismatch = Problem{
		Code: "dispute_mismatch", Status: http.StatusConflict,
		EN:    "What WeChat says is not what was asked for, so it cannot be accepted.",
		ZH:    "微信侧的信息与本店要求不一致，不能认作本单的付款",
		FixEN: "`data.reason` says what differs and `data.tradeState` what WeChat says. Give the money back, or close the dispute if there is none.",
		FixZH: "见 `data.reason` 与 `data.tradeState`。可以原路退回；若微信侧没有钱，则关闭争议。",
	}
	DisputeHeld = Problem{
		Code: "dispute_money_held", Status: http.StatusConflict,
		EN:    "WeChat holds money under this number: accept it or give it back.",
		ZH:    "微信侧在这个单号下有钱",
		FixEN: "Decide `accept` or `giveBack`.",
		FixZH: "请改用 `accept` 或 `giveBack`。",
	}
	DisputeNothing = Problem{
		Code: "dispute_nothing_held", Status: http.StatusConflict,
		EN:    "WeChat holds no money under this number that could be given back.",
		ZH:    "微信侧在这个单号下没有可退的钱",
		FixEN: "`data.tradeState` is what WeChat says; decide `close`.",
		FixZH: "见 `data.tradeState`，请改用 `close`。",
	}
	DisputeRefundsUnknown = Problem{
		Code: "dispute_refunds_unknown", Status: http.StatusConflict,
		EN:    "Part of this money has gone back without us, and how much is not known.",
		ZH:    "这笔钱有一部分已在别处退回，且无法得知退了多少",
		FixEN: "Fill in the merchant's APIv2 key, with which WeChat lists the refunds; or give the rest back at pay.weixin.qq.com and decide `close`.",
		FixZH: "请填写商户的 APIv2 密钥，微信凭它列出退款；或到商户平台退回余款，再选择 `close`。",
	}
	DisputeGoingBack = Problem{
		Code: "dispute_going_back", Status: http.StatusConflict,
		EN:    "This money is on its way back already.",
		ZH:    "这笔钱已在退回途中",
		FixEN: "`data.refund` is the refund; the dispute ends when it has arrived.",
		FixZH: "见退款 `data.refund`；到账后争议自动结束。",
	}
	DisputeSettled = Problem{
		Code: "dispute_payment_settled", Status: http.StatusConflict,
		EN:    "This payment is settled: close the dispute, then refund the order.",
		ZH:    "这笔支付已有定论",
		FixEN: "Decide `close`, then use the ordinary refund; money of a second transaction is refunded on the merchant platform.",
		FixZH: "请先用 `close` 结束争议，再走普通退款；另一笔交易的钱请在商户平台退款。",
	}
	DisputeOurs = Problem{
		Code: "dispute_is_ours", Status: http.StatusConflict,
		EN:    "The payment was made in a mini program of ours, so it cannot be marked as not ours.",
		ZH:    "这笔钱是在本店的小程序里付的，不能标为“不是我们的”",
		FixEN: "`data.appid` is the mini program. Decide `accept` or `giveBack`.",
		FixZH: "`data.appid` 是付款所在的小程序。请改用 `accept` 或 `giveBack`。",
	}
	RefundAmount = Problem{
		Code: "refund_amount_invalid", Status: http.StatusBadRequest,
		EN:    "The refund names no amount between 1 fen and what is left and not all of it either, or its reason is longer than 80 bytes.",
		ZH:    "须写明退款金额（1 分到剩余可退金额）或 \"all\": true，退款原因最多 80 字节",
		FixEN: "`data.field` is what is wrong, `data.left` what can still be refunded, in fen.",
		FixZH: "`data.field` 是出错的字段，`data.left` 是剩余可退金额（分）。",
	}
	RefundTooLate = Problem{
		Code: "refund_too_late", Status: http.StatusConflict,
		EN:    "WeChat refunds nothing that was paid more than a year ago.",
		ZH:    "支付已超过一年，微信不再退款",
		FixEN: "Give the money back outside of WeChat.",
		FixZH: "请在微信之外退款。",
	}
	RefundTooMany = Problem{
		Code: "refund_too_many", Status: http.StatusConflict,
		EN:    "WeChat allows 50 refunds of one payment.",
		ZH:    "同一笔支付最多退款 50 次",
		FixEN: "Give the rest back outside of WeChat.",
		FixZH: "其余部分请在微信之外退款。",
	}
	RefundRepeated = Problem{
		Code: "refund_repeated", Status: http.StatusConflict,
		EN:    "The same amount of this order was asked for a moment ago, or is on its way.",
		ZH:    "该订单刚刚退过同样的金额，或同样金额的退款正在进行",
		FixEN: "`data.refund` is the earlier one: load it. If it shall be paid twice all the same, send a key of its own.",
		FixZH: "先查看 `data.refund` 这笔退款；确实要再退一次时，请带上新的 key。",
	}
	RefundKeyReused = Problem{
		Code: "refund_key_reused", Status: http.StatusConflict,
		EN:    "This key was used for another refund of the order.",
		ZH:    "这个 key 已用于该订单的另一笔退款",
		FixEN: "Make a new key for a new refund (`data.refund` has this one); keep it for repeats of the same one.",
		FixZH: "新退款用新的 key（已用于 `data.refund`），重试同一笔才用原来的。",
	}
	OrderRefunded = Problem{
		Code: "order_refunded", Status: http.StatusConflict,
		EN:    "All of this order's money has gone back.",
		ZH:    "订单已全额退款",
		FixEN: "There is nothing to ship.",
		FixZH: "无需发货。",
	}
	ShipmentArgs = Problem{
		Code: "shipment_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "The shipping information is not valid.",
		ZH:    "发货信息不对",
		FixEN: "`data.reason` says what.",
		FixZH: "见 `data.reason`。",
	}
	ShipmentPending = Problem{
		Code: "shipment_pending", Status: http.StatusConflict,
		EN:    "Other shipping information of this order has not reached WeChat yet.",
		ZH:    "该订单的另一条发货信息尚未送达微信",
		FixEN: "Send the same one again to try at once, or wait; the row in wx_outbox says why. To drop it, set its doneAt.",
		FixZH: "重发同一条可立即重试，或等待；原因见 wx_outbox。要放弃它，填写该行的 doneAt。",
	}
	ShipmentUsed = Problem{
		Code: "shipment_corrected", Status: http.StatusConflict,
		EN:    "WeChat allows one correction of shipping information, and it is used.",
		ZH:    "微信只允许修改一次发货信息，机会已用完",
		FixEN: "Mend it by hand at mp.weixin.qq.com, or tell the buyer.",
		FixZH: "请到公众平台人工处理，或联系买家。",
	}
	PayRefused = Problem{
		Code: "pay_refused", Status: http.StatusBadGateway,
		EN:    "WeChat Pay refused the order.",
		ZH:    "微信支付拒绝了这个订单",
		FixEN: "The log has WeChat Pay's reason.",
		FixZH: "原因见日志。",
	}
	PayConfig = Problem{
		Code: "pay_config_invalid", Status: http.StatusBadGateway,
		EN:    "WeChat Pay refused the merchant's configuration.",
		ZH:    "微信支付拒绝了商户的配置",
		FixEN: "The owner looks at keys, certificate serial and permissions of the merchant.",
		FixZH: "管理员检查商户密钥、证书序列号和权限。",
	}
	PayBusy = Problem{
		Code: "pay_busy", Status: http.StatusServiceUnavailable,
		EN:    "WeChat Pay is busy. Try again; nothing is charged twice.",
		ZH:    "微信支付繁忙",
		FixEN: "Try again; the same order is never charged twice.",
		FixZH: "重试即可，同一订单不会重复扣款。",
	}
	NoPublicURL = Problem{
		Code: "pay_public_url_missing", Status: http.StatusServiceUnavailable,
		EN:    "The server does not know its public address, so WeChat could not notify it.",
		ZH:    "服务器不知道自己的公网地址",
		FixEN: "The owner sets `WXBASE_PUBLIC_URL`.",
		FixZH: "管理员设置 `WXBASE_PUBLIC_URL`。",
	}
	PayWayOff = Problem{
		Code: "pay_way_off", Status: http.StatusConflict,
		EN:    "This shop does not take payments in this way.",
		ZH:    "本店未开通这种支付方式",
		FixEN: "The owner opens the product (Native payment, H5 payment) at pay.weixin.qq.com and names it in `WXBASE_PAY_WAYS`.",
		FixZH: "管理员在 pay.weixin.qq.com 开通产品（Native支付、H5支付），再写进 `WXBASE_PAY_WAYS`。",
	}
	PayerAddress = Problem{
		Code: "payer_address_local", Status: http.StatusConflict,
		EN:    "The payer's address on the internet is not known.",
		ZH:    "无法得知付款人的公网地址",
		FixEN: "`data.address` is of this machine or of a local network. Behind a proxy, name its header in the settings of PocketBase: Trusted proxy headers.",
		FixZH: "`data.address` 是本机或内网地址。若有反向代理，请在 PocketBase 设置的 Trusted proxy headers 中填写它的请求头。",
	}
	NotifySignature = Problem{
		Code: "pay_notify_signature", Status: http.StatusUnauthorized,
		EN:    "The signature does not verify.",
		ZH:    "通知的签名不对",
		FixEN: "Only WeChat meets these seven. A genuine notification that fails: look at the merchant's keys.",
		FixZH: "以下七项只会返回给微信。真实通知验签失败时，请检查商户密钥。",
	}
	NotifyStale = Problem{
		Code: "pay_notify_stale", Status: http.StatusUnauthorized,
		EN:    "The time stamp is more than five minutes off.",
		ZH:    "通知的时间相差超过五分钟",
		FixEN: "Set the server's clock.",
		FixZH: "校准服务器时钟。",
	}
	NotifyMalformed = Problem{
		Code: "pay_notify_malformed", Status: http.StatusBadRequest,
		EN:    "The notification is not understood.",
		ZH:    "通知无法识别",
		FixEN: "Not from WeChat, most likely.",
		FixZH: "多半不是微信发来的。",
	}
	NotifyMerchant = Problem{
		Code: "pay_notify_merchant", Status: http.StatusNotFound,
		EN:    "There is no such merchant.",
		ZH:    "没有这个商户",
		FixEN: "The merchant of the address is not configured here.",
		FixZH: "通知地址中的商户在此没有配置。",
	}
	NotifyUnmatched = Problem{
		Code: "pay_notify_unmatched", Status: http.StatusServiceUnavailable,
		EN:    "The order is not known here yet.",
		ZH:    "通知中的订单在此不存在",
		FixEN: "WeChat sends it again; a row in wx_inbox stays.",
		FixZH: "微信会重发，记录在 wx_inbox。",
	}
	NotifyProcessing = Problem{
		Code: "pay_notify_failed", Status: http.StatusInternalServerError,
		EN:    "The notification could not be processed now.",
		ZH:    "通知暂时无法处理",
		FixEN: "WeChat sends it again; the log has the cause.",
		FixZH: "微信会重发，原因见日志。",
	}
	NotifyKeys = Problem{
		Code: "pay_notify_keys_missing", Status: http.StatusServiceUnavailable,
		EN:    "The merchant's keys for this kind of notification are not here.",
		ZH:    "没有这种通知所用 API 版本的密钥",
		FixEN: "The merchant has changed between API v2 and v3 with orders on their way. Keep the keys of the old API until they are settled; without them the server asks WeChat instead, which takes longer.",
		FixZH: "商户在 API v2 与 v3 之间切换时仍有在途订单。请保留旧版密钥直到订单结清；否则改由服务器主动查询，较慢。",
	}
)

package answer

import "slices"

// Problem is one error that a client of the API can meet. Programs read Code, which never changes; people read the
// rest. docs/errors.md is generated from the catalogue.
type Problem struct {
	Code   string // words joined by "_"; data.code of the answer
	Status int    // of HTTP

	EN, ZH       string // the message of the answer
	FixEN, FixZH string // what the caller or the owner can do, for docs/errors.md
}

// All lists the catalogue in the order of docs/errors.md.
func All() []Problem {
	return append([]Problem{
		BadRequest, NotReady, Busy, NotConfigured, NotJSON, FieldUnknown, FieldRepeated, FieldInvalid,
		SchemaConflict, SchemaLocked, EngineWrites, FieldLocked, SQLOff,
		CodeInvalid, CodeUsed, Risk, WxRate, WxBusy, WxConfig, WxArgs, WxQuota, WxAnswer, WxState,
		Signature, SessionStale, Watermark, DataMalformed, IdentityMissing, UserBlocked,
		ProfileName, ProfileAvatar, ProfileRefused,
		ItemsInvalid, ProductMissing, StockShort, VariantWanted, VariantMissing, KeyReused, CartMixed, CartVirtual,
		OrderMissing, OrderNotPayable, OrderPaid, OrderExpired, OrderNotPaid,
		OrderDisputed, DisputeMissing, DisputeMismatch, DisputeHeld, DisputeNothing, DisputeRefundsUnknown, DisputeGoingBack, DisputeSettled, DisputeOurs,
		RefundAmount, RefundTooLate, RefundTooMany, RefundRepeated, RefundKeyReused,
		OrderRefunded, ShipmentArgs, ShipmentPending, ShipmentUsed,
		PayRefused, PayConfig, PayBusy, NoPublicURL, PayWayOff, PayerAddress,
		OrderVirtual, OrderNotVirtual, VirtualConfig, ItemPending, ItemPrice, ItemMissing, RefundApple,
		CodeArgs, CodePage, SceneMissing, SceneReserved,
		CodeQuota, CodeUserQuota, CodeJSON, CodeHTML, CodeTruncated, CodeEmpty, CodeSilence,
		LinkArgs, LinkDenied, LinkUserQuota, LinkQuota,
		MessageArgs, NotSubscribed, MessageUnsure, ConsentArgs,
		CheckArgs, CheckImage, CheckNoURL, ContentRefused,
		ImageRefused, QueryComplex, QuerySlow, OrderLimit, CallLimit, PhoneLimit, PhoneQuota, CheckLimit, ConsentLimit,
		UploadLimit, LoginLimit, MailClosed,
		PushSignature, PushStale, PushMalformed, PushTooLarge, PushApp, PushConfig, PushFailed,
		RoomUnknown, RoomForbidden, RoomPublish, RoomLimit, Presence,
		EventName, Payload, MessageBig, MessageRefused, Rate, TokenInvalid,
		TopicUnknown, TopicLimit, Connections, ServerFull, TicketInvalid, TicketElsewhere, PrimaryAway, Closing,
		NotifySignature, NotifyStale, NotifyMalformed, NotifyMerchant, NotifyUnmatched, NotifyProcessing, NotifyKeys,
		PayoutMissing, PayoutInvalid, PayoutsOff, PayoutCeiling, PayoutRepeated, PayoutKeyReused, PayoutSamePerson, PayoutState, PayoutNotWaiting, PayoutNeedsV3,
		PayoutSuperuser, PayoutKnown, PayoutNotSettled, PayoutSettledOtherwise,
		AlertMissing, ExportLimit, ForgetMoney, ForgetNotWaiting,
	}, slices.Concat(complaintProblems(), chatProblems(), deskProblems())...)
}

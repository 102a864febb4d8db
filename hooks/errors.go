package hooks

import (
	"errors"
	"net/http"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// Problem is one error that a client of the API can meet: a stable code, an HTTP status and a sentence.
type Problem struct {
	Code    string
	Status  int
	Message string
}

// The catalogue. docs/errors.md is made from it.
var (
	errBadRequest     = Problem{"request_invalid", http.StatusBadRequest, "The request is not understood."}
	errNotReady       = Problem{"not_ready", http.StatusServiceUnavailable, "The server is not ready."}
	errBusyHere       = Problem{"busy", http.StatusServiceUnavailable, "The server is busy. Try again."}
	errNotConfigured  = Problem{"wx_not_configured", http.StatusServiceUnavailable, "This mini program or merchant is not configured on the server."}
	errNotJSON        = Problem{"body_not_json", http.StatusBadRequest, "The body is not one JSON object."}
	errFieldUnknown   = Problem{"field_unknown", http.StatusBadRequest, "The body has a field that this route does not know."}
	errFieldRepeated  = Problem{"field_repeated", http.StatusBadRequest, "The body has a field twice."}
	errFieldInvalid   = Problem{"field_invalid", http.StatusBadRequest, "A field of the body is not what it should be."}
	errSchemaConflict = Problem{"schema_conflict", http.StatusServiceUnavailable, "A field or an index that was added to this server's database stops it from writing. The owner has to mend it."}
	errSchemaLocked   = Problem{"schema_locked", http.StatusBadRequest, "This part of the database belongs to wxbase and cannot be changed."}
	errEngineWrites   = Problem{"engine_field", http.StatusBadRequest, "The server itself keeps this; it is not written by hand."}
	errFieldLocked    = Problem{"field_not_allowed", http.StatusForbidden, "You may not change this field."}
	errSQLOff         = Problem{"sql_console_off", http.StatusForbidden, "The SQL console is switched off, because it goes past every check."}

	errCodeInvalid      = Problem{"wx_code_invalid", http.StatusBadRequest, "The code is invalid or has expired. Get a new one on the phone."}
	errCodeUsed         = Problem{"wx_code_used", http.StatusBadRequest, "The code has been used already. Get a new one on the phone."}
	errRisk             = Problem{"wx_login_refused", http.StatusForbidden, "WeChat refused this login."}
	errWxRate           = Problem{"wx_rate_limited", http.StatusTooManyRequests, "Too many requests to WeChat. Try again in a minute."}
	errWxBusy           = Problem{"wx_busy", http.StatusServiceUnavailable, "WeChat is busy. Try again."}
	errWxConfig         = Problem{"wx_config_invalid", http.StatusBadGateway, "WeChat refused the server's configuration."}
	errWxArgs           = Problem{"wx_arguments_invalid", http.StatusBadRequest, "WeChat refused the arguments."}
	errWxQuota          = Problem{"wx_quota_exhausted", http.StatusTooManyRequests, "The quota at WeChat is used up."}
	errWxAnswer         = Problem{"wx_answer_invalid", http.StatusBadGateway, "WeChat gave an answer that is not understood."}
	errWxState          = Problem{"wx_state_refused", http.StatusConflict, "WeChat does not allow this in the present state."}
	errSignature        = Problem{"wx_signature_invalid", http.StatusBadRequest, "The signature does not match the data."}
	errSessionStale     = Problem{"wx_session_stale", http.StatusConflict, "The session with WeChat is stale. Log in again, then ask again."}
	errWatermark        = Problem{"wx_watermark_invalid", http.StatusBadRequest, "The data belongs to another mini program or was not made just now."}
	errIdentityMissing  = Problem{"wx_identity_missing", http.StatusConflict, "This user has not logged in from this mini program."}
	errDataMalformed    = Problem{"wx_data_malformed", http.StatusBadRequest, "The encrypted data is not what a phone sends."}
	errProfileName      = Problem{"profile_name_invalid", http.StatusBadRequest, "The name is empty or longer than 32 characters."}
	errProfileAvatar    = Problem{"profile_avatar_invalid", http.StatusBadRequest, "The avatar is not a JPEG, PNG, WebP or GIF of at most 2 MB."}
	errProfileRefused   = Problem{"profile_refused", http.StatusUnprocessableEntity, "The name or the avatar was refused."}
	errUserBlocked      = Problem{"user_blocked", http.StatusForbidden, "This account is blocked."}
	errItemsInvalid     = Problem{"order_items_invalid", http.StatusBadRequest, "The items are not valid."}
	errProductMissing   = Problem{"product_not_found", http.StatusNotFound, "A product does not exist or is not on sale."}
	errStockShort       = Problem{"product_out_of_stock", http.StatusConflict, "Not enough in stock."}
	errKeyReused        = Problem{"order_key_reused", http.StatusConflict, "This key was used for another order."}
	errOrderMissing     = Problem{"order_not_found", http.StatusNotFound, "There is no such order."}
	errOrderNotPayable  = Problem{"order_not_payable", http.StatusConflict, "This order cannot be paid."}
	errOrderPaid        = Problem{"order_already_paid", http.StatusConflict, "This order is paid already."}
	errOrderNotPaid     = Problem{"order_not_paid", http.StatusConflict, "This order has not been paid."}
	errRefundAmount     = Problem{"refund_amount_invalid", http.StatusBadRequest, "The refund names no amount between 1 fen and what is left and not all of it either, or its reason is longer than 80 bytes."}
	errRefundRepeated   = Problem{"refund_repeated", http.StatusConflict, "The same amount of this order was asked for a moment ago, or is on its way."}
	errRefundKeyReused  = Problem{"refund_key_reused", http.StatusConflict, "This key was used for another refund of the order."}
	errOrderRefunded    = Problem{"order_refunded", http.StatusConflict, "All of this order's money has gone back."}
	errShipmentArgs     = Problem{"shipment_arguments_invalid", http.StatusBadRequest, "The shipping information is not valid."}
	errShipmentPending  = Problem{"shipment_pending", http.StatusConflict, "Other shipping information of this order has not reached WeChat yet."}
	errShipmentUsed     = Problem{"shipment_corrected", http.StatusConflict, "WeChat allows one correction of shipping information, and it is used."}
	errRefundTooLate    = Problem{"refund_too_late", http.StatusConflict, "WeChat refunds nothing that was paid more than a year ago."}
	errRefundTooMany    = Problem{"refund_too_many", http.StatusConflict, "WeChat allows 50 refunds of one payment."}
	errOrderExpired     = Problem{"order_expired", http.StatusConflict, "This order has expired."}
	errPayRefused       = Problem{"pay_refused", http.StatusBadGateway, "WeChat Pay refused the order."}
	errPayConfig        = Problem{"pay_config_invalid", http.StatusBadGateway, "WeChat Pay refused the merchant's configuration."}
	errPayBusy          = Problem{"pay_busy", http.StatusServiceUnavailable, "WeChat Pay is busy. Try again; nothing is charged twice."}
	errNoPublicURL      = Problem{"pay_public_url_missing", http.StatusServiceUnavailable, "The server does not know its public address, so WeChat could not notify it."}
	errCodeArgs         = Problem{"code_arguments_invalid", http.StatusBadRequest, "The parameters of the code are not valid."}
	errCodePage         = Problem{"code_page_unpublished", http.StatusBadRequest, "The page is not in the published version."}
	errSceneMissing     = Problem{"scene_not_found", http.StatusNotFound, "There is no such scene."}
	errSceneReserved    = Problem{"scene_reserved", http.StatusForbidden, "Only superusers may choose a scene here, and there is no such code yet."}
	errCodeQuota        = Problem{"code_quota_exhausted", http.StatusTooManyRequests, "WeChat makes 100 000 codes of this kind in a mini program's life, and they are used up."}
	errCodeUserQuota    = Problem{"code_limit_reached", http.StatusTooManyRequests, "This user has had too many new codes made today."}
	errCodeJSON         = Problem{"code_answer_json", http.StatusBadGateway, "WeChat sent JSON in place of a picture."}
	errCodeHTML         = Problem{"code_answer_html", http.StatusBadGateway, "WeChat sent a web page in place of a picture."}
	errCodeTruncated    = Problem{"code_image_truncated", http.StatusBadGateway, "WeChat sent a part of a picture only."}
	errCodeEmpty        = Problem{"code_answer_empty", http.StatusBadGateway, "WeChat sent nothing in place of a picture."}
	errCodeSilence      = Problem{"code_timeout", http.StatusGatewayTimeout, "WeChat did not answer in time."}
	errLinkArgs         = Problem{"link_arguments_invalid", http.StatusBadRequest, "The parameters of the link are not valid."}
	errLinkDenied       = Problem{"link_not_allowed", http.StatusForbidden, "This user may not make links."}
	errLinkUserQuota    = Problem{"link_limit_reached", http.StatusTooManyRequests, "This user has had too many new links made today."}
	errLinkQuota        = Problem{"link_quota_exhausted", http.StatusTooManyRequests, "The permanent links of this mini program are used up."}
	errMessageArgs      = Problem{"message_arguments_invalid", http.StatusBadRequest, "The message is not valid."}
	errNotSubscribed    = Problem{"message_not_subscribed", http.StatusConflict, "The user has not agreed to this message, or has had the one that was agreed to."}
	errMessageUnsure    = Problem{"message_uncertain", http.StatusBadGateway, "WeChat's answer was lost. The message may have been sent."}
	errConsentArgs      = Problem{"consent_arguments_invalid", http.StatusBadRequest, "The answers are not those of wx.requestSubscribeMessage."}
	errCheckArgs        = Problem{"check_arguments_invalid", http.StatusBadRequest, "There is nothing that could be checked."}
	errCheckImage       = Problem{"check_image_invalid", http.StatusBadRequest, "The file is not a JPEG, PNG, GIF or BMP of at most 10 MB."}
	errCheckNoURL       = Problem{"check_public_url_missing", http.StatusServiceUnavailable, "The server does not know its public address, so WeChat could not fetch the image."}
	errImageRefused     = Problem{"image_refused", http.StatusUnprocessableEntity, "The picture has too many pixels or frames, or is much too narrow."}
	errQueryComplex     = Problem{"query_too_complex", http.StatusBadRequest, "The filter, sort, expand or fields ask for more than is allowed here."}
	errQuerySlow        = Problem{"query_too_slow", http.StatusBadRequest, "The query took too long and was stopped."}
	errOrderLimit       = Problem{"order_limit_reached", http.StatusTooManyRequests, "This user has as many open orders, or orders today, as are allowed."}
	errCallLimit        = Problem{"call_limit_reached", http.StatusTooManyRequests, "Too many requests. Wait a minute."}
	errPhoneLimit       = Problem{"phone_limit_reached", http.StatusTooManyRequests, "This user has asked for the phone number too often today."}
	errCheckLimit       = Problem{"check_limit_reached", http.StatusTooManyRequests, "This user has had too much checked today."}
	errConsentLimit     = Problem{"consent_limit_reached", http.StatusTooManyRequests, "This user has reported as many templates as are allowed."}
	errUploadLimit      = Problem{"upload_limit_reached", http.StatusTooManyRequests, "Too many uploads. Wait a minute."}
	errLoginLimit       = Problem{"login_limit_reached", http.StatusTooManyRequests, "Too many logins from this address. Wait a minute."}
	errMailClosed       = Problem{"mail_closed", http.StatusForbidden, "Mail of this kind is not sent here."}
	errContentRefused   = Problem{"content_refused", http.StatusUnprocessableEntity, "The content was refused."}
	errPushSignature    = Problem{"push_signature", http.StatusUnauthorized, "The signature does not verify."}
	errPushStale        = Problem{"push_stale", http.StatusUnauthorized, "The time stamp is more than five minutes off."}
	errPushMalformed    = Problem{"push_malformed", http.StatusBadRequest, "The message is not understood."}
	errPushTooLarge     = Problem{"push_too_large", http.StatusRequestEntityTooLarge, "The message is longer than 64 KiB."}
	errPushApp          = Problem{"push_app_unknown", http.StatusNotFound, "There is no such mini program, or it takes no pushes."}
	errPushConfig       = Problem{"push_config_invalid", http.StatusUnauthorized, "The push settings here are not those at WeChat."}
	errPushFailed       = Problem{"push_failed", http.StatusInternalServerError, "The message could not be kept now."}
	errRoomUnknown      = Problem{"room_unknown", http.StatusNotFound, "There is no such room."}
	errRoomForbidden    = Problem{"room_forbidden", http.StatusForbidden, "You may not join this room."}
	errRoomPublish      = Problem{"room_publish_forbidden", http.StatusForbidden, "You may not publish in this room."}
	errRoomLimit        = Problem{"room_limit", http.StatusBadRequest, "These are too many rooms for one connection."}
	errPresence         = Problem{"presence_forbidden", http.StatusForbidden, "This room does not tell who is in it."}
	errEventName        = Problem{"event_name_invalid", http.StatusBadRequest, "This event name is reserved or malformed."}
	errPayload          = Problem{"payload_invalid", http.StatusBadRequest, "The payload is not JSON."}
	errMessageBig       = Problem{"message_too_big", http.StatusRequestEntityTooLarge, "The message is too big."}
	errMessageRefused   = Problem{"message_refused", http.StatusUnprocessableEntity, "The message was refused."}
	errRate             = Problem{"rate_limit", http.StatusTooManyRequests, "Too many messages. Wait a little."}
	errTokenInvalid     = Problem{"token_invalid", http.StatusUnauthorized, "The token is wrong or has expired."}
	errTopicUnknown     = Problem{"topic_unknown", http.StatusBadRequest, "There is no such topic."}
	errTopicLimit       = Problem{"topic_limit", http.StatusBadRequest, "These are too many topics for one connection."}
	errConnections      = Problem{"connection_limit", http.StatusTooManyRequests, "You have too many connections."}
	errServerFull       = Problem{"server_full", http.StatusServiceUnavailable, "The server has as many connections as it can hold. Try again later."}
	errTicketInvalid    = Problem{"ticket_invalid", http.StatusUnauthorized, "The ticket is wrong or has expired. Get a new one from the main server."}
	errTicketElsewhere  = Problem{"ticket_elsewhere", http.StatusBadRequest, "This is the main server, and tickets are for edges. Connect here with the token, or to one of the edges that came with the ticket."}
	errPrimaryAway      = Problem{"primary_away", http.StatusServiceUnavailable, "The main server cannot be reached, so that nothing was published."}
	errClosing          = Problem{"server_closing", http.StatusServiceUnavailable, "The server is closing. Connect again."}
	errNotifySignature  = Problem{"pay_notify_signature", http.StatusUnauthorized, "The signature does not verify."}
	errNotifyStale      = Problem{"pay_notify_stale", http.StatusUnauthorized, "The time stamp is more than five minutes off."}
	errNotifyMalformed  = Problem{"pay_notify_malformed", http.StatusBadRequest, "The notification is not understood."}
	errNotifyMerchant   = Problem{"pay_notify_merchant", http.StatusNotFound, "There is no such merchant."}
	errNotifyUnmatched  = Problem{"pay_notify_unmatched", http.StatusServiceUnavailable, "The order is not known here yet."}
	errOrderDisputed    = Problem{"order_disputed", http.StatusConflict, "A payment of this order is disputed: a person has to decide about it first."}
	errDisputeMissing   = Problem{"dispute_not_found", http.StatusNotFound, "The order has no such payment that is disputed."}
	errDisputeMismatch  = Problem{"dispute_mismatch", http.StatusConflict, "What WeChat says is not what was asked for, so it cannot be accepted."}
	errDisputeHeld      = Problem{"dispute_money_held", http.StatusConflict, "WeChat holds money under this number: accept it or give it back."}
	errDisputeNothing   = Problem{"dispute_nothing_held", http.StatusConflict, "WeChat holds no money under this number that could be given back."}
	errDisputeGoingBack = Problem{"dispute_going_back", http.StatusConflict, "This money is on its way back already."}
	errDisputeSettled   = Problem{"dispute_payment_settled", http.StatusConflict, "This payment is settled: close the dispute, then refund the order."}
	errAlertMissing     = Problem{"alert_not_found", http.StatusNotFound, "There is no such alert."}
	errNotifyKeys       = Problem{"pay_notify_keys_missing", http.StatusServiceUnavailable, "The merchant's keys for this kind of notification are not here."}
	errNotifyProcessing = Problem{"pay_notify_failed", http.StatusInternalServerError, "The notification could not be processed now."}
)

// Problems lists the catalogue in the order of the documentation.
func Problems() []Problem {
	return append([]Problem{
		errBadRequest, errNotReady, errBusyHere, errNotConfigured, errNotJSON, errFieldUnknown, errFieldRepeated, errFieldInvalid,
		errSchemaConflict, errSchemaLocked, errEngineWrites, errFieldLocked, errSQLOff,
		errCodeInvalid, errCodeUsed, errRisk, errWxRate, errWxBusy, errWxConfig, errWxArgs, errWxQuota, errWxAnswer, errWxState,
		errSignature, errSessionStale, errWatermark, errDataMalformed, errIdentityMissing, errUserBlocked,
		errProfileName, errProfileAvatar, errProfileRefused,
		errItemsInvalid, errProductMissing, errStockShort, errKeyReused,
		errOrderMissing, errOrderNotPayable, errOrderPaid, errOrderExpired, errOrderNotPaid,
		errOrderDisputed, errDisputeMissing, errDisputeMismatch, errDisputeHeld, errDisputeNothing, errDisputeGoingBack, errDisputeSettled,
		errRefundAmount, errRefundTooLate, errRefundTooMany, errRefundRepeated, errRefundKeyReused,
		errOrderRefunded, errShipmentArgs, errShipmentPending, errShipmentUsed,
		errPayRefused, errPayConfig, errPayBusy, errNoPublicURL,
		errCodeArgs, errCodePage, errSceneMissing, errSceneReserved,
		errCodeQuota, errCodeUserQuota, errCodeJSON, errCodeHTML, errCodeTruncated, errCodeEmpty, errCodeSilence,
		errLinkArgs, errLinkDenied, errLinkUserQuota, errLinkQuota,
		errMessageArgs, errNotSubscribed, errMessageUnsure, errConsentArgs,
		errCheckArgs, errCheckImage, errCheckNoURL, errContentRefused,
		errImageRefused, errQueryComplex, errQuerySlow, errOrderLimit, errCallLimit, errPhoneLimit, errCheckLimit, errConsentLimit,
		errUploadLimit, errLoginLimit, errMailClosed,
		errPushSignature, errPushStale, errPushMalformed, errPushTooLarge, errPushApp, errPushConfig, errPushFailed,
		errRoomUnknown, errRoomForbidden, errRoomPublish, errRoomLimit, errPresence,
		errEventName, errPayload, errMessageBig, errMessageRefused, errRate, errTokenInvalid,
		errTopicUnknown, errTopicLimit, errConnections, errServerFull, errTicketInvalid, errTicketElsewhere, errPrimaryAway, errClosing,
		errNotifySignature, errNotifyStale, errNotifyMalformed, errNotifyMerchant, errNotifyUnmatched, errNotifyProcessing, errNotifyKeys,
		errAlertMissing,
	}, deskProblems()...)
}

// fail makes the answer for a problem. The cause goes to the log only; WeChat's errcode and request id go along, where there are any.
//
// note: where the cause is something that an operator has added to the database, the answer says so in place of what p says: trying again does
// not help, and the owner can mend it.
func fail(p Problem, cause error) *router.ApiError {
	conflict, isConflict := conflictIn(cause)
	if isConflict && p.Status >= http.StatusInternalServerError {
		p = errSchemaConflict
	}
	err := apis.NewApiError(p.Status, p.Message, cause)
	err.Data = map[string]any{"code": p.Code}
	if p == errSchemaConflict {
		err.Data["table"], err.Data["field"] = conflict.table, conflict.field
	}
	if we, ok := errors.AsType[*wechat.Error](cause); ok {
		if we.Errcode != 0 { // none when WeChat did not get to answer
			err.Data["errcode"] = we.Errcode
		}
		if we.RID != "" {
			err.Data["rid"] = we.RID
		}
	}
	if pe, ok := errors.AsType[*wxpay.Error](cause); ok && pe.RequestID != "" {
		err.Data["rid"] = pe.RequestID
	}
	return err
}

// failWith is fail with one more fact for the client, such as which product is missing.
func failWith(p Problem, key string, value any) *router.ApiError {
	err := fail(p, nil)
	err.Data[key] = value
	return err
}

// failField is fail for a field of the body, which it names.
func failField(p Problem, field, reason string) *router.ApiError {
	err := failWith(p, "field", field)
	if reason != "" {
		err.Data["reason"] = reason
	}
	return err
}

// failWechat turns an error of a server API call into an answer.
func failWechat(cause error) *router.ApiError {
	var we *wechat.Error
	switch {
	case errors.Is(cause, settings.ErrNotConfigured):
		return fail(errNotConfigured, cause)
	case errors.Is(cause, wechat.ErrMalformed): // note: it matches ErrDecrypt too, and no new login mends it
		return fail(errDataMalformed, cause)
	case errors.Is(cause, wechat.ErrDecrypt):
		return fail(errSessionStale, cause)
	case errors.Is(cause, wechat.ErrWatermark):
		return fail(errWatermark, cause)
	case errors.As(cause, &we):
		return fail(problemOf(we.Kind), cause)
	default:
		return fail(errBusyHere, cause)
	}
}

// failCode is failWechat where a one-time code is redeemed: what cannot even be a code is an invalid one.
func failCode(cause error) *router.ApiError {
	if _, ok := errors.AsType[*wechat.FieldError](cause); ok {
		return fail(errCodeInvalid, cause)
	}
	return failWechat(cause)
}

func problemOf(kind wechat.Kind) Problem {
	switch kind {
	case wechat.KindCodeInvalid:
		return errCodeInvalid
	case wechat.KindCodeUsed:
		return errCodeUsed
	case wechat.KindRisk:
		return errRisk
	case wechat.KindRate:
		return errWxRate
	case wechat.KindConfig, wechat.KindUnsupported, wechat.KindToken:
		return errWxConfig
	case wechat.KindSession:
		return errSessionStale
	case wechat.KindArgs:
		return errWxArgs
	case wechat.KindQuota:
		return errWxQuota
	case wechat.KindBadAnswer, wechat.KindUnknown:
		return errWxAnswer
	case wechat.KindState:
		return errWxState
	case wechat.KindBusy, wechat.KindNetwork:
		return errWxBusy
	default:
		return errWxBusy
	}
}

// failPay turns an error of a payment call into an answer.
func failPay(cause error) *router.ApiError {
	var pe *wxpay.Error
	switch {
	case errors.Is(cause, settings.ErrNotConfigured):
		return fail(errNotConfigured, cause)
	case !errors.As(cause, &pe):
		return fail(errPayBusy, cause)
	case pe.OutcomeUnknown():
		return fail(errPayBusy, cause)
	case pe.Kind == wxpay.KindSign, pe.Kind == wxpay.KindConfig, pe.Kind == wxpay.KindDenied:
		return fail(errPayConfig, cause)
	default:
		return fail(errPayRefused, cause)
	}
}

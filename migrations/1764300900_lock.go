package migrations

import (
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(
		func(app core.App) error { return lock(app, true, lockedFields) },
		func(app core.App) error { return lock(app, false, lockedFields) },
	)
}

// lock makes fields of ours system fields, which nobody can remove or rename, in the dashboard or by an import; or gives them back. list has
// a line for each collection: its name, then its fields. Fields that an operator has added are not named and stay as they are.
//
// note: a list is frozen once its migration has landed; what a later migration adds, it makes a system field itself or locks in a list of its
// own.
func lock(app core.App, locked bool, list string) error {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		c, err := app.FindCollectionByNameOrId(words[0])
		if err != nil {
			return fmt.Errorf("find collection %s: %w", words[0], err)
		}
		for _, name := range words[1:] {
			f := c.Fields.GetByName(name)
			if f == nil {
				return fmt.Errorf("lock %s.%s: there is no such field; add it again in the dashboard, with its old type, before the upgrade", words[0], name)
			}
			f.SetSystem(locked)
		}
		if err := app.SaveNoValidate(c); err != nil { // note: an operator's rule that no longer parses is no reason to refuse an upgrade
			return fmt.Errorf("save collection %s: %w", words[0], err)
		}
	}
	return nil
}

const lockedFields = `
orders user appid number items total description attach payState shipState expiresAt cancelAt paidAt closedAt refunded note key created updated frozenAt
payments order merchant appid api outTradeNo state amount openid params paramsHash prepayId prepayAt transactionId payerTotal successAt expiresAt nextQueryAt queries raw created updated disputedAt dispute heldTransaction heldTotal
products name description image price stock active created updated
refunds order payment merchant outRefundNo amount reason state refundId sentAt successAt requestedBy nextQueryAt queries raw created updated key refusedCode refusedMessage all calledAt
room_messages room seq event payload sender created updated
room_sequences name reserved created updated
rooms name joinRule publishRule history presence created updated
users name avatar created updated phone countryCode blocked
wx_alerts kind subject details since seen last closedAt closedBy created updated
wx_apps appid name secret apiBase pushToken pushAesKey merchant envVersion enabled created updated pushMode linkRule
wx_bill_diffs bill kind outTradeNo ours theirs resolved created updated
wx_bills date merchant totals state created updated attempts nextAt error
wx_check_fields collection field action scene author created updated
wx_checks user appid openid kind collection record field file digest image state label tries traceId detail error created updated
wx_codes user appid kind page scene payload options key image scans lastScanAt created updated maker
wx_consents user templateId remaining created updated answer answeredAt recent
wx_identities user appid openid unionid sessionKey previousSessionKey sessionAt created updated
wx_inbox kind source dedupeKey headers body verified state error ref seen created updated
wx_invites user inviter code at created updated
wx_ledger order payment refund from to source evidence created updated
wx_links user appid kind path query options key url madeAt expiresAt created updated
wx_merchants mchid name api certSerial privateKey apiV3Key apiV2Key publicKeyId publicKey signType certificate verifyMode payBase enabled created updated foreign
wx_messages user appid openid templateId page msgid state error created updated
wx_outbox effect key payload attempts nextAt doneAt error created updated
wx_quotas key used most expiresAt created updated
wx_scans code day user inviter count firstAt lastAt created updated
wx_templates event appid templateId page data state lang enabled created updated
`

package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upDesk, func(app core.App) error {
		return drop(app, "wx_refund_requests", "wx_audit", "wx_staff_sessions", "wx_staff")
	})
}

// upDesk makes who of the shop may sign in to the dashboard without being a superuser, their sessions, what they did, and refunds that wait
// for a second person.
//
// note: nothing of PocketBase's API is open to staff: the collection has no rules and no way to log in, and their tokens are not PocketBase's.
func upDesk(app core.App) error {
	if err := app.Save(staffCollection()); err != nil {
		return fmt.Errorf("create collection wx_staff: %w", err)
	}
	staff, err := collectionID(app, "wx_staff")
	if err != nil {
		return err
	}
	if err := create(app, sessionSchema(staff), auditSchema(), refundRequestSchema()); err != nil {
		return err
	}
	return lock(app, true, deskFields)
}

func staffCollection() *core.Collection {
	c := core.NewAuthCollection("wx_staff")
	c.PasswordAuth.Enabled, c.OTP.Enabled, c.OAuth2.Enabled, c.MFA.Enabled, c.AuthAlert.Enabled = false, false, false, false, false
	c.Fields.Add(
		text("name", 100),
		state("role", "owner", "manager", "clerk", "finance", "viewer"),
		flag("disabled"),
		&core.TextField{Name: "totpSecret", Max: 500, Hidden: true, Help: "Ciphertext; empty without a second factor."},
		&core.TextField{Name: "totpWaiting", Max: 500, Hidden: true, Help: "Ciphertext of one that is not confirmed yet."},
		&core.NumberField{Name: "totpStep", OnlyInt: true, Hidden: true, Help: "The last time step whose code was used."},
		date("seenAt"),
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	return c
}

// sessionSchema: a row for each login; only the hash of its secret is kept.
func sessionSchema(staff string) schema {
	return schema{
		name: "wx_staff_sessions",
		fields: []core.Field{
			&core.RelationField{Name: "staff", CollectionId: staff, MaxSelect: 1, Required: true, CascadeDelete: true},
			&core.TextField{Name: "secretHash", Max: 64, Required: true, Hidden: true},
			text("agent", 300), text("ip", 64), date("seenAt"), date("endsAt"), date("endedAt"), text("endedBy", 200),
		},
		indexes: []index{{"staff", false, "`staff`, `endedAt`", ""}},
	}
}

// auditSchema names people and things by plain text on purpose: a relation would be emptied when its target is deleted.
func auditSchema() schema {
	return schema{
		name: "wx_audit",
		fields: []core.Field{
			date("at"), text("actor", 200), text("actorId", 15), text("role", 20), need("action", 60),
			text("subject", 100), text("label", 200), document("details", 16_000), whole("status"), text("ip", 64), text("agent", 300),
		},
		indexes: []index{
			{"at", false, "`at`", ""}, {"actor", false, "`actor`, `at`", ""}, {"action", false, "`action`, `at`", ""}, {"subject", false, "`subject`, `at`", ""},
		},
	}
}

// refundRequestSchema: what somebody asked for and somebody else has to approve. No money moves for a row that waits.
func refundRequestSchema() schema {
	return schema{
		name: "wx_refund_requests",
		fields: []core.Field{
			need("order", 15), fen("amount"), flag("all"), text("reason", 80), text("key", 64),
			state("state", "WAITING", "APPROVED", "REFUSED"),
			text("requestedBy", 200), text("requesterId", 15), text("decidedBy", 200), date("decidedAt"), text("refund", 15),
		},
		indexes: []index{
			{"order", false, "`order`", ""},
			{"key", true, "`order`, `key`", "`key` != ''"},
			{"state", false, "`state`, `created`", ""},
		},
	}
}

const deskFields = `
wx_staff name role disabled totpSecret totpWaiting totpStep seenAt created updated
wx_staff_sessions staff secretHash agent ip seenAt endsAt endedAt endedBy created updated
wx_audit at actor actorId role action subject label details status ip agent created updated
wx_refund_requests order amount all reason key state requestedBy requesterId decidedBy decidedAt refund created updated
`

package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upComplaints, func(app core.App) error { return drop(app, "wx_complaints") })
}

// upComplaints makes the complaints of buyers, wherever they are made: at WeChat Pay, to the platform of mini programs, or in virtual payment.
//
// note: there is no phone number in it. WeChat is asked for one when somebody wants to see it.
func upComplaints(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	if err := create(app, complaintSchema(users)); err != nil {
		return err
	}
	return lock(app, true, complaintFields)
}

const complaintFields = `wx_complaints source number merchant appid order outTradeNo transaction user openid state status problem description detail amount applyRefund fullRefunded userWaits urgent times pictures steps at dueAt closedAt readAt created updated`

// complaintSchema names the order by plain text: a complaint may be about a payment that is not in our books.
func complaintSchema(users string) schema {
	return schema{
		name: "wx_complaints",
		fields: []core.Field{
			state("source", "wechatpay", "platform", "xpay"), need("number", 64), text("merchant", 32), text("appid", 32),
			text("order", 15), text("outTradeNo", 64), text("transaction", 64), &core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1}, text("openid", 128),
			state("state", "PENDING", "PROCESSING", "PROCESSED"), whole("status"), text("problem", 32), text("description", 500), text("detail", 2_000),
			fen("amount"), fen("applyRefund"), flag("fullRefunded"), flag("userWaits"), flag("urgent"), whole("times"),
			document("pictures", 16_000), document("steps", 400_000), date("at"), date("dueAt"), date("closedAt"), date("readAt"),
		},
		indexes: []index{
			{"number", true, "`source`, `number`", ""},
			{"due", false, "`dueAt`", "`dueAt` != ''"},
			{"state", false, "`state`, `at`", ""},
			{"order", false, "`order`", ""},
			{"user", false, "`user`", ""},
		},
	}
}

package migrations

import (
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

func init() {
	core.AppMigrations.Register(upShop, func(app core.App) error {
		return drop(app, "refunds", "payments", "orders", "products")
	})
}

// upShop makes what is sold, what was ordered and what was paid. Orders, payments and refunds are written by the routes only.
func upShop(app core.App) error {
	if err := create(app, productSchema()); err != nil {
		return err
	}
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	if err := create(app, orderSchema(users)); err != nil {
		return err
	}
	orders, err := collectionID(app, "orders")
	if err != nil {
		return err
	}
	if err := create(app, paymentSchema(orders)); err != nil {
		return err
	}
	payments, err := collectionID(app, "payments")
	if err != nil {
		return err
	}
	return create(app, refundSchema(orders, payments))
}

// productSchema: stock is digits, or empty for unlimited.
// note: a number column cannot be empty in PocketBase (0 is its null), and 0 means sold out here; hence text.
func productSchema() schema {
	return schema{
		name: "products", read: rule("active = true"),
		fields: []core.Field{
			&core.TextField{Name: "name", Required: true, Max: 100, Presentable: true},
			text("description", 1_000),
			&core.FileField{
				Name: "image", MaxSelect: 1, MaxSize: 5 << 20, MimeTypes: []string{"image/jpeg", "image/png", "image/webp"},
				Thumbs: []string{"200x200", "600x600f"},
			},
			&core.NumberField{Name: "price", OnlyInt: true, Min: types.Pointer(0.0), Max: types.Pointer(100_000_000.0), Help: "In fen (1/100 yuan)."},
			&core.TextField{Name: "stock", Pattern: `^\d{0,9}$`, Help: "Digits; empty means unlimited."},
			flag("active"),
		},
		indexes: []index{{"active", false, "`active`", ""}},
	}
}

func orderSchema(users string) schema {
	return schema{
		name: "orders", read: rule(ownerRule),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Required: true},
			text("appid", 32),
			&core.TextField{Name: "number", Required: true, Max: 32, Presentable: true},
			document("items", 64_000),
			fen("total"), text("description", 127), text("attach", 128),
			state("payState", "UNPAID", "PAID", "PART_REFUNDED", "REFUNDED", "CANCELLED"),
			state("shipState", "NONE", "SHIPPED", "RECEIVED"),
			date("expiresAt"), date("cancelAt"), date("paidAt"), date("closedAt"),
			fen("refunded"), text("note", 500),
			&core.TextField{Name: "key", Max: 64, Hidden: true, Help: "Idempotency key of the client."},
		},
		indexes: []index{
			{"number", true, "`number`", ""},
			{"key", true, "`user`, `key`", "`key` != ''"},
			{"user", false, "`user`, `created`", ""},
			{"open", false, "`expiresAt`", "`payState` = 'UNPAID'"},
		},
	}
}

// paymentSchema: one row per out_trade_no, immutable in what WeChat compares on re-entry (params, paramsHash).
func paymentSchema(orders string) schema {
	return schema{
		name: "payments",
		fields: []core.Field{
			&core.RelationField{Name: "order", CollectionId: orders, MaxSelect: 1, Required: true},
			need("merchant", 32), need("appid", 32), state("api", "v3", "v2"),
			&core.TextField{Name: "outTradeNo", Required: true, Pattern: `^[0-9A-Za-z_\-|*]{6,32}$`, Presentable: true},
			state("state", "NEW", "PREPAYING", "PREPAID", "UNKNOWN", "PAID", "CLOSING", "CLOSED", "REJECTED", "PAID_LATE", "DISPUTED"),
			fen("amount"), need("openid", 128),
			document("params", 16_000), need("paramsHash", 64),
			text("prepayId", 64), date("prepayAt"),
			text("transactionId", 32), fen("payerTotal"), date("successAt"),
			date("expiresAt"), date("nextQueryAt"), whole("queries"),
			document("raw", 100_000),
		},
		indexes: []index{
			{"out_trade_no", true, "`merchant`, `outTradeNo`", ""},
			{"transaction", true, "`merchant`, `transactionId`", "`transactionId` != ''"},
			{"order", false, "`order`", ""},
			{"due", false, "`nextQueryAt`", "`nextQueryAt` != ''"},
		},
	}
}

func refundSchema(orders, payments string) schema {
	return schema{
		name: "refunds", read: rule(`@request.auth.id != "" && order.user = @request.auth.id`),
		fields: []core.Field{
			&core.RelationField{Name: "order", CollectionId: orders, MaxSelect: 1, Required: true},
			&core.RelationField{Name: "payment", CollectionId: payments, MaxSelect: 1, Required: true},
			need("merchant", 32),
			&core.TextField{Name: "outRefundNo", Required: true, Pattern: `^[0-9A-Za-z_\-|*@]{1,64}$`, Presentable: true},
			fen("amount"), text("reason", 80),
			state("state", "NEW", "SUBMITTED", "PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL", "REJECTED"),
			text("refundId", 32), date("sentAt"), date("successAt"), text("requestedBy", 100),
			date("nextQueryAt"), whole("queries"),
			&core.JSONField{Name: "raw", MaxSize: 100_000, Hidden: true},
		},
		indexes: []index{
			{"out_refund_no", true, "`merchant`, `outRefundNo`", ""},
			{"due", false, "`nextQueryAt`", "`nextQueryAt` != ''"},
			{"payment", false, "`payment`", ""},
			{"order", false, "`order`", ""},
		},
	}
}

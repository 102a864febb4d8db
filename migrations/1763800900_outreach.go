package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upOutreach, downOutreach)
}

// upOutreach makes what grows around codes: who scanned them and who came through whom, links, the counted quotas, and the checks of what
// people write.
func upOutreach(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	codes, err := collectionID(app, "wx_codes")
	if err != nil {
		return err
	}
	err = create(app, scanSchema(users, codes), inviteSchema(users, codes), linkSchema(users), quotaSchema(), checkSchema(users), checkFieldSchema())
	if err != nil {
		return err
	}
	if err := setThumbs(app, "100x100", "200x200", "430x430"); err != nil {
		return err
	}
	err = changeFields(app, "wx_apps", func(fields *core.FieldsList) {
		fields.Add(&core.SelectField{
			Name: "pushMode", Values: []string{"plain", "compatible", "safe"}, MaxSelect: 1,
			Help: "As at WeChat. With a pushAesKey only encrypted messages are taken, unless this is plain.",
		}, &core.TextField{
			Name: "linkRule", Max: 1_000, Help: "Filter text over the signed-in user and @request.auth: who may make links; empty: superusers only.",
		})
	})
	if err != nil {
		return err
	}
	return countLimitedCodes(app)
}

func downOutreach(app core.App) error {
	if err := changeFields(app, "wx_apps", func(fields *core.FieldsList) {
		fields.RemoveByName("linkRule")
		fields.RemoveByName("pushMode")
	}); err != nil {
		return err
	}
	if err := setThumbs(app, "200x200"); err != nil {
		return err
	}
	return drop(app, "wx_check_fields", "wx_checks", "wx_quotas", "wx_links", "wx_invites", "wx_scans")
}

// scanSchema: one row per code, day in Beijing and person, so that a code that hangs in a shop costs one row a day and visitor.
// Who scanned is hidden from the code's owner; how many did is not.
func scanSchema(users, codes string) schema {
	return schema{
		name: "wx_scans", read: rule(`@request.auth.id != "" && inviter = @request.auth.id`),
		fields: []core.Field{
			&core.RelationField{Name: "code", CollectionId: codes, MaxSelect: 1, Required: true, CascadeDelete: true},
			&core.TextField{Name: "day", Required: true, Pattern: `^\d{4}-\d{2}-\d{2}$`, Help: "In Beijing."},
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Hidden: true, Help: "Empty: guests."},
			&core.RelationField{Name: "inviter", CollectionId: users, MaxSelect: 1, Help: "Whose code it is."},
			whole("count"), date("firstAt"), date("lastAt"),
		},
		indexes: []index{
			{"code", true, "`code`, `day`, `user`", ""},
			{"day", false, "`day`", ""},
			{"inviter", false, "`inviter`, `day`", "`inviter` != ''"},
		},
	}
}

// inviteSchema: who came through whom; a person has one inviter for good.
func inviteSchema(users, codes string) schema {
	return schema{
		name: "wx_invites", read: rule(`@request.auth.id != "" && (user = @request.auth.id || inviter = @request.auth.id)`),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Required: true, CascadeDelete: true},
			&core.RelationField{Name: "inviter", CollectionId: users, MaxSelect: 1, Required: true, CascadeDelete: true},
			&core.RelationField{Name: "code", CollectionId: codes, MaxSelect: 1},
			date("at"),
		},
		indexes: []index{{"user", true, "`user`", ""}, {"inviter", false, "`inviter`, `at`", ""}},
	}
}

func linkSchema(users string) schema {
	return schema{
		name: "wx_links", read: rule(ownerRule),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1},
			need("appid", 32), state("kind", "scheme", "link", "short"),
			text("path", 1_024), text("query", 1_024), document("options", 2_000),
			&core.TextField{Name: "key", Required: true, Max: 64, Hidden: true},
			&core.TextField{Name: "url", Required: true, Max: 2_000, Presentable: true},
			date("madeAt"), date("expiresAt"),
		},
		indexes: []index{{"key", false, "`key`, `expiresAt`", ""}, {"expires", false, "`expiresAt`", "`expiresAt` != ''"}, {"user", false, "`user`", ""}},
	}
}

// quotaSchema: what WeChat or we allow so many times; most is the limit that was in force at the last count.
func quotaSchema() schema {
	return schema{
		name: "wx_quotas",
		fields: []core.Field{
			&core.TextField{Name: "key", Required: true, Max: 200, Presentable: true}, whole("used"), whole("most"), date("expiresAt"),
		},
		indexes: []index{{"key", true, "`key`", ""}, {"expires", false, "`expiresAt`", "`expiresAt` != ''"}},
	}
}

// checkSchema: one row per thing that WeChat is asked to look at. The record is named by plain text: it may be of any collection.
func checkSchema(users string) schema {
	return schema{
		name: "wx_checks", read: rule(ownerRule),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, CascadeDelete: true},
			need("appid", 32),
			&core.TextField{Name: "openid", Max: 128, Hidden: true},
			state("kind", "text", "image"), text("collection", 100), text("record", 100), text("field", 100), text("file", 500),
			&core.TextField{Name: "digest", Max: 64, Hidden: true, Help: "Of the text that was looked at."},
			&core.FileField{Name: "image", MaxSelect: 1, MaxSize: 10 << 20, MimeTypes: []string{"image/jpeg", "image/png", "image/gif", "image/bmp"}},
			state("state", "PENDING", "PASS", "REVIEW", "RISKY", "FAILED"), whole("label"), whole("tries"),
			&core.TextField{Name: "traceId", Max: 128, Hidden: true},
			&core.JSONField{Name: "detail", MaxSize: 16_000, Hidden: true},
			text("error", 1_000),
		},
		indexes: []index{
			{"record", false, "`collection`, `record`", "`record` != ''"},
			{"trace", false, "`traceId`", "`traceId` != ''"},
			{"user", false, "`user`", ""},
		},
	}
}

// checkFieldSchema: the switch "check this field".
func checkFieldSchema() schema {
	return schema{
		name: "wx_check_fields",
		fields: []core.Field{
			&core.TextField{Name: "collection", Required: true, Max: 100, Presentable: true},
			&core.TextField{Name: "field", Required: true, Max: 100, Presentable: true},
			&core.SelectField{
				Name: "action", Values: []string{"hold", "refuse"}, MaxSelect: 1, Required: true,
				Help: "hold: kept, and seen by its author alone until it has passed. refuse: a risky text is not kept at all.",
			},
			&core.SelectField{
				Name: "scene", Values: []string{"1", "2", "3", "4"}, MaxSelect: 1,
				Help: "1 profile, 2 comment (when empty), 3 forum, 4 social log.",
			},
			&core.TextField{Name: "author", Max: 100, Help: "Field of the author, who sees what is held back; user when empty."},
		},
		indexes: []index{{"field", true, "`collection`, `field`", ""}},
	}
}

func setThumbs(app core.App, sizes ...string) error {
	return changeFields(app, "wx_codes", func(fields *core.FieldsList) {
		fields.GetByName("image").(*core.FileField).Thumbs = sizes
	})
}

// countLimitedCodes begins the lifetime count of the two limited kinds with what was made before it was counted.
func countLimitedCodes(app core.App) error {
	_, err := app.DB().NewQuery(`INSERT INTO wx_quotas (id, [[key]], used, most, expiresAt, created, updated)
		SELECT substr(lower(hex(randomblob(8))), 1, 15), 'codes/limited/' || appid, count(*), 100000, '',
			strftime('%Y-%m-%d %H:%M:%fZ'), strftime('%Y-%m-%d %H:%M:%fZ')
		FROM wx_codes WHERE kind IN ('code', 'qrcode') GROUP BY appid`).Execute()
	if err != nil {
		return fmt.Errorf("count limited codes: %w", err)
	}
	return nil
}

package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upWechat, func(app core.App) error {
		return drop(app, "wx_consents", "wx_identities", "wx_apps", "wx_merchants")
	})
}

// upWechat makes the mini programs, the merchants and who is who.
func upWechat(app core.App) error {
	if err := create(app, merchantSchema()); err != nil {
		return err
	}
	merchants, err := collectionID(app, "wx_merchants")
	if err != nil {
		return err
	}
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	return create(app, appSchema(merchants), identitySchema(users), consentSchema(users))
}

func merchantSchema() schema {
	return schema{
		name: "wx_merchants",
		fields: []core.Field{
			&core.TextField{Name: "mchid", Required: true, Pattern: `^\d{8,12}$`, Presentable: true},
			text("name", 100),
			state("api", "v3", "v2"),
			&core.TextField{Name: "certSerial", Pattern: `^[0-9A-Fa-f]{0,64}$`},
			secret("privateKey"), secret("apiV3Key"), secret("apiV2Key"),
			&core.TextField{Name: "publicKeyId", Max: 100, Pattern: `^(PUB_KEY_ID_\w+)?$`},
			text("publicKey", 4_000),
			&core.SelectField{Name: "signType", Values: []string{"HMAC-SHA256", "MD5"}, MaxSelect: 1, Help: "API v2 only; HMAC-SHA256 when empty."},
			&core.TextField{Name: "certificate", Max: 8_000, Help: "apiclient_cert.pem; API v2 only, for refunds."},
			&core.SelectField{Name: "verifyMode", Values: []string{"publicKey", "certificate", "both"}, MaxSelect: 1},
			&core.URLField{Name: "payBase"},
			flag("enabled"),
		},
		indexes: []index{{"mchid", true, "`mchid`", ""}},
	}
}

func appSchema(merchants string) schema {
	return schema{
		name: "wx_apps",
		fields: []core.Field{
			&core.TextField{Name: "appid", Required: true, Pattern: `^wx[0-9a-f]{16}$`, Presentable: true},
			text("name", 100),
			secret("secret"),
			&core.URLField{Name: "apiBase"},
			secret("pushToken"), secret("pushAesKey"),
			&core.RelationField{Name: "merchant", CollectionId: merchants, MaxSelect: 1},
			&core.SelectField{Name: "envVersion", Values: []string{"release", "trial", "develop"}, MaxSelect: 1},
			flag("enabled"),
		},
		indexes: []index{{"appid", true, "`appid`", ""}},
	}
}

// identitySchema: one user has one identity per mini program; the session keys are ciphertext.
func identitySchema(users string) schema {
	return schema{
		name: "wx_identities",
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Required: true, CascadeDelete: true},
			need("appid", 32), need("openid", 128), text("unionid", 128),
			&core.TextField{Name: "sessionKey", Max: 500, Hidden: true},
			&core.TextField{Name: "previousSessionKey", Max: 500, Hidden: true},
			date("sessionAt"),
		},
		indexes: []index{
			{"openid", true, "`appid`, `openid`", ""},
			{"unionid", false, "`unionid`", "`unionid` != ''"},
			{"user", false, "`user`", ""},
		},
	}
}

func consentSchema(users string) schema {
	return schema{
		name: "wx_consents", read: rule(ownerRule),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Required: true, CascadeDelete: true},
			need("templateId", 128), whole("remaining"),
		},
		indexes: []index{{"template", true, "`user`, `templateId`", ""}},
	}
}

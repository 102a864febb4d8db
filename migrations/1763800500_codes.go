package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upCodes, func(app core.App) error { return drop(app, "wx_codes") })
}

// upCodes makes the mini-program codes. The image is served without a token, because a mini program's <image> sends none;
// its name is random.
func upCodes(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	return create(app, schema{
		name: "wx_codes", read: rule(ownerRule),
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1},
			need("appid", 32),
			state("kind", "unlimited", "code", "qrcode"),
			text("page", 1_024),
			text("scene", 32),
			document("payload", 4_096), document("options", 2_000),
			&core.TextField{Name: "key", Required: true, Max: 64, Hidden: true},
			&core.FileField{
				Name: "image", Required: true, MaxSelect: 1, MaxSize: 4 << 20,
				MimeTypes: []string{"image/jpeg", "image/png"}, Thumbs: []string{"200x200"},
			},
			whole("scans"), date("lastScanAt"),
		},
		indexes: []index{
			{"key", true, "`key`", ""},
			{"scene", true, "`scene`", "`scene` != ''"},
			{"user", false, "`user`", ""},
		},
	})
}

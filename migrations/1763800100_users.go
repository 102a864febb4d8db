package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

func init() {
	core.AppMigrations.Register(upUsers, downUsers)
}

// usersSelf lets people change their name and avatar and nothing else.
const usersSelf = `id = @request.auth.id` +
	` && @request.body.phone:changed = false` +
	` && @request.body.countryCode:changed = false` +
	` && @request.body.blocked:changed = false` +
	` && @request.body.email:changed = false` +
	` && @request.body.emailVisibility:changed = false` +
	` && @request.body.verified:changed = false`

// upUsers turns PocketBase's open sign-up into accounts that only a WeChat login makes: no password, no OTP, no OAuth2.
func upUsers(app core.App) error {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return fmt.Errorf("find users: %w", err)
	}
	users.ListRule, users.ViewRule = rule("id = @request.auth.id"), rule("id = @request.auth.id")
	users.CreateRule, users.DeleteRule = nil, nil
	users.UpdateRule = rule(usersSelf)
	users.AuthRule = rule("blocked = false")
	users.PasswordAuth.Enabled = false
	users.OTP.Enabled = false
	users.OAuth2.Enabled = false
	users.AuthAlert.Enabled = false
	users.AuthToken.Duration = 7 * 24 * 3600
	users.Fields.GetByName("email").(*core.EmailField).Required = false
	users.Fields.Add(
		&core.FileField{
			Id: users.Fields.GetByName("avatar").GetId(), Name: "avatar", MaxSelect: 1, MaxSize: 2 << 20,
			MimeTypes: []string{"image/jpeg", "image/png", "image/webp", "image/gif"}, Thumbs: []string{"100x100"},
		},
		&core.TextField{Name: "phone", Max: 32, Help: "Digits as WeChat verified them."},
		text("countryCode", 8),
		flag("blocked"),
	)
	return app.Save(users)
}

// downUsers gives back the collection as PocketBase makes it.
func downUsers(app core.App) error {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return fmt.Errorf("find users: %w", err)
	}
	owner := "id = @request.auth.id"
	users.CreateRule = types.Pointer("")
	users.UpdateRule, users.DeleteRule = rule(owner), rule(owner)
	users.AuthRule = types.Pointer("")
	users.PasswordAuth.Enabled = true
	users.AuthAlert.Enabled = true
	users.AuthToken.Duration = 5 * 24 * 3600
	users.Fields.GetByName("email").(*core.EmailField).Required = true
	users.Fields.Add(&core.FileField{
		Id: users.Fields.GetByName("avatar").GetId(), Name: "avatar", MaxSelect: 1,
		MimeTypes: []string{"image/jpeg", "image/png", "image/svg+xml", "image/gif", "image/webp"},
	})
	for _, name := range []string{"phone", "countryCode", "blocked"} {
		users.Fields.RemoveByName(name)
	}
	return app.Save(users)
}

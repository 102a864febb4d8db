package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

func init() {
	core.AppMigrations.Register(upRooms, func(app core.App) error { return drop(app, "room_messages", "rooms") })
}

// Everybody is a room rule that is true for guests too; an empty rule means superusers and the server only.
const Everybody = `id != ""`

// upRooms makes the rooms and the one that every shop starts with: notice, where anyone listens and the server speaks.
func upRooms(app core.App) error {
	err := create(app, schema{
		name: "rooms",
		fields: []core.Field{
			&core.TextField{Name: "name", Required: true, Pattern: `^[A-Za-z0-9_-]{1,64}$`, Presentable: true},
			&core.TextField{Name: "joinRule", Max: 1_000, Help: "Filter text over this record and @request.auth; empty: superusers only."},
			&core.TextField{Name: "publishRule", Max: 1_000, Help: "Filter text over this record and @request.auth; empty: the server and superusers only."},
			&core.NumberField{Name: "history", OnlyInt: true, Min: types.Pointer(0.0), Max: types.Pointer(10_000.0), Help: "Messages kept."},
			flag("presence"),
		},
		indexes: []index{{"name", true, "`name`", ""}},
	})
	if err != nil {
		return err
	}
	rooms, err := collectionID(app, "rooms")
	if err != nil {
		return err
	}
	err = create(app, schema{
		name: "room_messages",
		fields: []core.Field{
			&core.RelationField{Name: "room", CollectionId: rooms, MaxSelect: 1, Required: true, CascadeDelete: true},
			whole("seq"), need("event", 64), document("payload", 64_000), text("sender", 100),
		},
		indexes: []index{{"seq", true, "`room`, `seq`", ""}},
	})
	if err != nil {
		return err
	}
	return saveNotice(app)
}

func saveNotice(app core.App) error {
	c, err := app.FindCollectionByNameOrId("rooms")
	if err != nil {
		return fmt.Errorf("find rooms: %w", err)
	}
	r := core.NewRecord(c)
	r.Set("name", "notice")
	r.Set("joinRule", Everybody)
	r.Set("history", 50)
	return app.Save(r)
}

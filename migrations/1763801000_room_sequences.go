package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upRoomSequences, func(app core.App) error { return drop(app, "room_sequences") })
}

// upRoomSequences keeps the numbers of rooms apart from the rooms: whoever saves a room in the dashboard must not set them back, and a
// name that is used again goes on counting.
func upRoomSequences(app core.App) error {
	return create(app, schema{
		name:    "room_sequences",
		fields:  []core.Field{need("name", 64), whole("reserved")},
		indexes: []index{{"name", true, "`name`", ""}},
	})
}

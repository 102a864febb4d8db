package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upChats, func(app core.App) error { return drop(app, "wx_chat_messages", "wx_chats") })
}

// upChats makes the chats of customers: a chat is one person in one mini program, and its messages are in both directions.
func upChats(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	if err := create(app, chatSchema(users)); err != nil {
		return err
	}
	chats, err := collectionID(app, "wx_chats")
	if err != nil {
		return err
	}
	if err := create(app, chatMessageSchema(chats)); err != nil {
		return err
	}
	return lock(app, true, chatFields)
}

const chatFields = `wx_chats appid openid user last lastAt lastFromUs unread askedAt enteredAt refusedAt typingAt created updated
wx_chat_messages chat key fromUs kind text title page url appid mediaId picture pictureState state error by at created updated`

// chatSchema names who wrote by the openid: a person who writes may never have signed in.
func chatSchema(users string) schema {
	return schema{
		name: "wx_chats",
		fields: []core.Field{
			need("appid", 32), need("openid", 128), &core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1},
			text("last", 200), date("lastAt"), flag("lastFromUs"), whole("unread"), date("askedAt"), date("enteredAt"), date("refusedAt"), date("typingAt"),
		},
		indexes: []index{
			{"person", true, "`appid`, `openid`", ""},
			{"last", false, "`lastAt`", ""},
			{"unread", false, "`lastAt`", "`unread` > 0"},
			{"user", false, "`user`", ""},
		},
	}
}

// chatMessageSchema protects the pictures: their address alone opens nothing.
func chatMessageSchema(chats string) schema {
	return schema{
		name: "wx_chat_messages",
		fields: []core.Field{
			&core.RelationField{Name: "chat", CollectionId: chats, MaxSelect: 1, Required: true, CascadeDelete: true}, need("key", 128), flag("fromUs"),
			state("kind", "text", "image", "card", "link", "enter", "other"), text("text", 4_000), text("title", 200), text("page", 1_024), text("url", 1_024),
			text("appid", 32), text("mediaId", 256),
			&core.FileField{
				Name: "picture", MaxSelect: 1, MaxSize: 10 << 20, Protected: true, MimeTypes: []string{"image/jpeg", "image/png", "image/gif", "image/bmp"},
			},
			&core.SelectField{Name: "pictureState", Values: []string{"WAITING", "KEPT", "GONE"}, MaxSelect: 1},
			state("state", "RECEIVED", "SENDING", "SENT", "FAILED", "UNSURE"), text("error", 200), text("by", 200), date("at"),
		},
		indexes: []index{
			{"key", true, "`chat`, `key`", ""},
			{"at", false, "`chat`, `at`", ""},
			{"old", false, "`at`", ""},
			{"sending", false, "`at`", "`state` = 'SENDING'"},
		},
	}
}

package chats

import (
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// Schedule looks every ten minutes after answers whose process ended, and forgets once a night what is old.
func (c *Chats) Schedule(app core.App) {
	app.Cron().MustAdd("wxChats", "*/10 * * * *", func() { c.Books.LogError("answers to customers", c.settleOld()) })
	app.Cron().MustAdd("wxChatsTidy", "40 19 * * *", func() { c.Books.LogError("forgetting of old chats", c.Tidy()) }) // 03:40 in Beijing
}

// tidyBatch is how many messages are deleted in a row before others get to write.
const tidyBatch = 100

// Tidy deletes messages that are older than Keep, with their pictures, and chats in which nothing is left. note: rows with files are deleted one by
// one through PocketBase, which deletes the files.
func (c *Chats) Tidy() error {
	if c.Keep < 0 {
		return nil
	}
	then := stored(c.Now().Add(-c.Keep))
	for _, part := range []struct{ table, where string }{
		{messages, "`at` < ? ORDER BY `at` LIMIT ?"},
		{table, "`updated` < ? AND NOT EXISTS (SELECT 1 FROM `wx_chat_messages` m WHERE m.`chat` = `wx_chats`.`id`) LIMIT ?"},
	} {
		for {
			found, err := books.Select(c.App, part.table, part.where, then, tidyBatch)
			if err != nil {
				return fmt.Errorf("find old rows of %s: %w", part.table, err)
			}
			var failed error
			for _, row := range found {
				failed = errors.Join(failed, c.App.Delete(row))
			}
			if failed != nil {
				return fmt.Errorf("delete old rows of %s: %w", part.table, failed)
			}
			if len(found) < tidyBatch {
				break
			}
		}
	}
	return nil
}

package chats

import (
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
)

// Schedule looks every ten minutes after answers whose process ended, and forgets once a night what is old.
func (c *Chats) Schedule(app core.App) {
	app.Cron().MustAdd("wxChats", "*/10 * * * *", func() { c.Books.LogError("answers to customers", c.settleOld()) })
	app.Cron().MustAdd("wxChatsTidy", "40 19 * * *", func() { c.Books.LogError("forgetting of old chats", c.Tidy()) }) // 03:40 in Beijing
}

// tidyBatch is how many messages are deleted in a row before others get to write.
const tidyBatch = 100

// Tidy deletes messages that are older than Keep, with their pictures, and chats in which nothing is left.
func (c *Chats) Tidy() error {
	if c.Keep < 0 {
		return nil
	}
	then := days.Store(c.Now().Add(-c.Keep))
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
				failed = errors.Join(failed, c.remove(row))
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

// remove deletes a row, and its picture first: a row without its file goes the next time, a file without its row is never found again.
func (c *Chats) remove(row *core.Record) error {
	if row.GetString("picture") == "" {
		return c.App.Delete(row)
	}
	files, err := c.App.NewFilesystem()
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }()
	if failed := files.DeletePrefix(row.BaseFilesPath() + "/"); len(failed) > 0 {
		return errors.Join(failed...)
	}
	return c.App.Delete(row)
}

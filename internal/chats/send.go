package chats

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/wechat"
)

// Message is an answer to a customer: exactly one of Text, Picture, Link and Card.
type Message struct {
	Chat   string // id in wx_chats; or User; or OpenID and AppID
	User   string // id in users
	OpenID string
	AppID  string // empty: where the person wrote last

	Text    string
	Picture []byte // JPEG or PNG of at most 2 MiB
	Link    *Link
	Card    *Card

	Key string // at most 64 characters; what was sent under a key, or may have been, is not sent again: the same row comes back
	By  string // who answers, for the books; "program" when empty
}

// Link opens a web page.
type Link struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	URL         string `json:"url"`
	ThumbURL    string `json:"thumbUrl"` // of its picture
}

// Card opens a page of the mini program. Its picture is a product's, or bytes.
type Card struct {
	Title   string `json:"title"` // of the product when empty
	Page    string `json:"page"`
	Product string `json:"product"`
	Picture []byte `json:"-"`
}

// maxKey is the longest key of a repeat.
const maxKey = 64

// Send answers a customer and returns the row. The error is the one that the route would answer: chat_closed and chat_used_up are the ones to
// expect, and WeChat is not called for them.
//
// NB! after message_uncertain the answer may have been sent: do not send it again by itself.
func (c *Chats) Send(ctx context.Context, m Message) (*core.Record, error) {
	chat, err := c.find(m)
	if err != nil {
		return nil, err
	}
	m.Text = strings.TrimSpace(m.Text)
	wire, image, err := c.wireOf(chat, m)
	if err != nil {
		return nil, err
	}
	unlock, err := c.Locks.LockContext(ctx, "chat/"+chat.Id) // note: one after the other, so that a person reads them in this order
	if err != nil {
		return nil, answer.Fail(answer.WxBusy, err)
	}
	defer unlock()
	chat, row, err := c.reserve(chat.Id, m, wire, image)
	if err != nil || chat == nil {
		return row, err
	}
	failed := c.deliver(ctx, chat, wire, image)
	if err := c.conclude(row, answered(chat, m), failed); err != nil {
		c.Books.LogError("booking of an answer to a customer", err)
	}
	if failed != nil {
		return nil, refusalOf(failed)
	}
	return row, nil
}

// byScript is who answers when a script does.
const byScript = "script"

// answered is how much of what is unread an answer answers: all of it, and nothing when a program greets somebody who has come back. What they wrote
// before still waits for a person.
func answered(chat *core.Record, m Message) int {
	isProgram := m.By == "" || m.By == byScript
	if isProgram && chat.GetDateTime("enteredAt").After(chat.GetDateTime("lastAt")) {
		return 0
	}
	return chat.GetInt("unread")
}

// find tells which chat is meant.
func (c *Chats) find(m Message) (chat *core.Record, err error) {
	switch {
	case m.Chat != "":
		chat, err = books.ByID(c.App, table, m.Chat)
	case m.User != "":
		chat, err = books.First(c.App, table, "`user` = ? AND (`appid` = ? OR ? = '') ORDER BY `lastAt` DESC", m.User, m.AppID, m.AppID)
	default:
		chat, err = books.First(c.App, table, "`openid` = ? AND (`appid` = ? OR ? = '')", m.OpenID, m.AppID, m.AppID)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.ChatNotFound, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	return chat, nil
}

// laterMedia stands for the number that WeChat gives a picture when it is uploaded.
const laterMedia = "later"

// wireOf makes what WeChat gets, within its limits; image is what is uploaded before.
func (c *Chats) wireOf(chat *core.Record, m Message) (wire wechat.CustomMessage, image []byte, err error) {
	wire = wechat.CustomMessage{ToUser: chat.GetString("openid"), Text: m.Text}
	if image = m.Picture; image != nil {
		wire.MediaID = laterMedia
	}
	if m.Link != nil {
		wire.Link = &wechat.ChatLink{Title: m.Link.Title, Description: m.Link.Description, URL: m.Link.URL, ThumbURL: m.Link.ThumbURL}
	}
	if m.Card != nil {
		card := *m.Card
		if card.Product != "" {
			if err := c.fromProduct(&card); err != nil {
				return wire, nil, err
			}
		}
		wire.Card = &wechat.ChatCard{Title: card.Title, PagePath: card.Page}
		if image = card.Picture; image != nil {
			wire.Card.ThumbMediaID = laterMedia
		}
	}
	if field, ok := errors.AsType[*wechat.FieldError](wechat.CheckCustom(wire)); ok {
		return wire, nil, answer.Field(answer.FieldInvalid, field.Field, field.Reason)
	}
	if len(m.Key) > maxKey {
		return wire, nil, answer.Field(answer.FieldInvalid, "key", "at most 64 characters")
	}
	if image != nil && !isSendable(image) {
		return wire, nil, answer.Field(answer.FieldInvalid, "picture", "a JPEG or PNG of at most 2 MiB")
	}
	return wire, image, nil
}

// fromProduct takes title and picture of a product that is on sale.
func (c *Chats) fromProduct(card *Card) error {
	product, err := c.App.FindRecordById("products", card.Product)
	if err != nil || !product.GetBool("active") {
		return answer.Field(answer.FieldInvalid, "card.product", "a product that is on sale")
	}
	card.Title = cmp.Or(card.Title, product.GetString("name"))
	if card.Picture != nil || product.GetString("image") == "" {
		return nil
	}
	files, err := c.App.NewFilesystem()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	defer func() { _ = files.Close() }()
	reader, err := files.GetReader(product.BaseFilesPath() + "/" + product.GetString("image"))
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	defer func() { _ = reader.Close() }()
	if card.Picture, err = io.ReadAll(io.LimitReader(reader, MaxPicture+1)); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return nil
}

// reserve takes one answer off what is left and writes it down, in one commit before any call. chat is as it was then, and nil for a key under which
// something was sent, or may have been.
func (c *Chats) reserve(chatID string, m Message, wire wechat.CustomMessage, image []byte) (chat, row *core.Record, err error) {
	fields, err := c.fieldsOf(chatID, m, wire, image)
	if err != nil {
		return nil, nil, err
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		before, err := books.Find(tx, messages, dbx.HashExp{"chat": chatID, "key": fields["key"]})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if before != nil {
			if err := sameAs(before, fields); err != nil || before.GetString("state") != Failed {
				row = before
				return err
			}
		}
		if chat, err = books.ByID(tx, table, chatID); err != nil {
			return err
		}
		if err := c.allow(tx, chat); err != nil {
			return err
		}
		if before != nil { // it was surely not sent: the same row tries again
			before.Load(map[string]any{"state": Sending, "error": "", "at": fields["at"]})
			row = before
			return books.Write(tx, row)
		}
		row, err = insertWithFile(tx, fields)
		return err
	})
	if err != nil {
		return nil, nil, answer.Or(err, answer.Busy)
	}
	return chat, row, nil
}

// allow refuses when nothing more may be said.
func (c *Chats) allow(tx core.App, chat *core.Record) error {
	a, err := c.allowanceOf(tx, chat)
	switch {
	case err != nil:
		return err
	case !a.Open:
		return answer.Fail(answer.ChatClosed, nil)
	case a.Left < 1:
		return answer.Fail(answer.ChatUsedUp, nil)
	}
	return nil
}

// fieldsOf are the columns of an answer.
func (c *Chats) fieldsOf(chatID string, m Message, wire wechat.CustomMessage, image []byte) (map[string]any, error) {
	fields := map[string]any{
		"chat": chatID, "key": "out/" + cmp.Or(m.Key, books.NewID()), "fromUs": true, "state": Sending, "by": books.Clip(cmp.Or(m.By, "program"), 200), "at": c.Now(),
		"kind": KindText, "text": wire.Text,
	}
	switch {
	case wire.Link != nil:
		fields["kind"], fields["title"], fields["text"] = KindLink, books.Clip(wire.Link.Title, 200), books.Clip(wire.Link.Description, 4_000)
		fields["url"] = books.Clip(wire.Link.URL, 1_024)
	case wire.Card != nil:
		fields["kind"], fields["title"], fields["page"] = KindCard, books.Clip(wire.Card.Title, 200), books.Clip(wire.Card.PagePath, 1_024)
	case image != nil:
		fields["kind"] = KindImage
	}
	if image != nil {
		file, err := fileOf(image)
		if err != nil {
			return nil, answer.Field(answer.FieldInvalid, "picture", "a JPEG or PNG of at most 2 MiB")
		}
		fields["picture"], fields["pictureState"] = file, pictureKept
	}
	return fields, nil
}

// sameAs refuses a key that was used for other words or another picture.
func sameAs(before *core.Record, fields map[string]any) error {
	for _, name := range []string{"kind", "text", "title", "page", "url"} {
		want, _ := fields[name].(string)
		if before.GetString(name) != want {
			return answer.Fail(answer.KeyReused, nil)
		}
	}
	picture := ""
	if file, ok := fields["picture"].(*filesystem.File); ok {
		picture = file.Name
	}
	if contentOf(before.GetString("picture")) != contentOf(picture) {
		return answer.Fail(answer.KeyReused, nil)
	}
	return nil
}

// contentOf is the part of a stored picture's name that fileOf has made of its content; PocketBase puts something random behind it.
func contentOf(name string) string {
	if end := strings.LastIndexByte(name, '_'); end > 0 {
		return name[:end]
	}
	return name
}

func insertWithFile(tx core.App, fields map[string]any) (*core.Record, error) {
	collection, err := tx.FindCachedCollectionByNameOrId(messages)
	if err != nil {
		return nil, err
	}
	row := core.NewRecord(collection)
	row.Load(fields)
	return row, books.Save(tx, row)
}

// deliver makes the calls.
func (c *Chats) deliver(ctx context.Context, chat *core.Record, wire wechat.CustomMessage, image []byte) error {
	client, err := c.client(chat.GetString("appid"))
	if err != nil {
		return err
	}
	if image != nil {
		id, err := client.UploadImage(ctx, nameOf(image), image)
		if err != nil {
			return fmt.Errorf("upload picture: %w", unsentError{err})
		}
		if wire.Card != nil {
			wire.Card.ThumbMediaID = id
		} else {
			wire.MediaID = id
		}
	}
	return client.SendCustom(ctx, wire)
}

// unsentError is the error of a call before the one that sends.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// conclude writes down what became of an answer to what was unread then. One that WeChat surely does not have is not counted.
func (c *Chats) conclude(row *core.Record, unread int, failed error) error {
	now := c.Now()
	return c.App.RunInTransaction(func(tx core.App) error {
		fresh, err := books.ByID(tx, messages, row.Id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // the person was forgotten meanwhile
		}
		if err != nil {
			return err
		}
		chat, err := books.ByID(tx, table, fresh.GetString("chat"))
		if err != nil {
			return err
		}
		fresh.Load(map[string]any{"state": outcomeOf(failed), "error": errorText(failed)})
		if err := books.Write(tx, fresh); err != nil {
			return err
		}
		row.Load(map[string]any{"state": fresh.GetString("state"), "error": fresh.GetString("error")})
		if isRefusal(failed) {
			chat.Set("refusedAt", now)
			return books.Write(tx, chat)
		}
		if fresh.GetString("state") == Failed {
			return nil
		}
		return c.noteAnswer(tx, chat, fresh, unread)
	})
}

// noteAnswer moves the chat on after an answer: what was unread has been read, and nobody waits, unless the person wrote more while it was sent.
func (c *Chats) noteAnswer(tx core.App, chat, row *core.Record, unread int) error {
	more := max(0, chat.GetInt("unread")-unread)
	chat.Load(map[string]any{"unread": more, "typingAt": ""})
	if more == 0 {
		chat.Load(map[string]any{"last": lineOf(row), "lastAt": row.GetDateTime("at"), "lastFromUs": true})
	}
	if err := books.Write(tx, chat); err != nil || more > 0 {
		return err
	}
	return c.Books.Settle(tx, books.AlertChat, chat.Id, cmp.Or(row.GetString("by"), "an answer"))
}

func lineOf(row *core.Record) string {
	switch row.GetString("kind") {
	case KindImage:
		return "[image]"
	case KindCard, KindLink:
		return books.Clip("["+row.GetString("kind")+"] "+row.GetString("title"), 200)
	}
	return books.Clip(row.GetString("text"), 200)
}

func outcomeOf(failed error) string {
	_, before := errors.AsType[unsentError](failed)
	switch {
	case failed == nil:
		return Sent
	case before || wechat.SurelyNotDone(failed):
		return Failed
	}
	return Unsure
}

func errorText(failed error) string {
	if failed == nil {
		return ""
	}
	return books.Clip(strings.ToValidUTF8(failed.Error(), "?"), 200)
}

// isRefusal tells whether WeChat has counted otherwise than we have: nothing more is sent until the person writes again.
func isRefusal(failed error) bool {
	we, ok := errors.AsType[*wechat.Error](failed)
	return ok && (we.Errcode == wechat.ErrcodeChatClosed || we.Errcode == wechat.ErrcodeChatUsedUp)
}

// refusalOf turns an error of sending into an answer.
func refusalOf(failed error) error {
	we, ok := errors.AsType[*wechat.Error](failed)
	_, before := errors.AsType[unsentError](failed)
	switch {
	case ok && we.Errcode == wechat.ErrcodeChatClosed:
		return answer.Fail(answer.ChatClosed, failed)
	case ok && we.Errcode == wechat.ErrcodeChatUsedUp:
		return answer.Fail(answer.ChatUsedUp, failed)
	case ok && we.MaybeDone && !before:
		return answer.Fail(answer.MessageUnsure, failed)
	}
	return answer.FromWechat(failed)
}

// sendingFor is how long an answer may be on its way; after that the process that sent it is gone.
const sendingFor = 5 * time.Minute

// settleOld says of answers whose process ended that they may have been sent.
func (c *Chats) settleOld() error {
	rows, err := books.Select(c.App, messages, "`state` = ? AND `at` < ? LIMIT 200", Sending, days.Store(c.Now().Add(-sendingFor)))
	if err != nil {
		return fmt.Errorf("find answers on their way: %w", err)
	}
	for _, row := range rows {
		row.Set("state", Unsure)
		if err := books.Write(c.App, row); err != nil {
			return fmt.Errorf("settle answer: %w", err)
		}
	}
	return nil
}

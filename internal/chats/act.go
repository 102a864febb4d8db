package chats

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/wechat"
)

// MaxPicture is the largest picture that WeChat takes from a shop, in bytes; MaxUpload what the body around it may have.
const (
	MaxPicture = 2 << 20
	MaxUpload  = MaxPicture + 64<<10
)

// rowOf reads the chat that a route names, and says in the audit what it is about.
func rowOf(e *core.RequestEvent) (*core.Record, error) {
	row, err := e.App.FindRecordById(table, e.Request.PathValue("id"))
	if err != nil {
		return nil, answer.Fail(answer.ChatNotFound, nil)
	}
	desk.About(e, row.Id, row.GetString("user"))
	return row, nil
}

// send answers a customer for a route, and then with the chat as it is now.
func (c *Chats) send(e *core.RequestEvent, m Message) error {
	m.By = desk.Who(e).Email
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	if _, err := c.Send(ctx, m); err != nil {
		return err
	}
	chat, err := books.ByID(e.App, table, m.Chat)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return c.show(e, chat)
}

// Reply handles POST /api/wx/admin/chats/{id}/reply with exactly one of {text}, {link: {title, description?, url, thumbUrl?}} and
// {card: {title?, page, product}}, and {key?}.
func (c *Chats) Reply(e *core.RequestEvent) error {
	var form struct {
		Text string `json:"text"`
		Link *Link  `json:"link"`
		Card *Card  `json:"card"`
		Key  string `json:"key"`
	}
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	return c.send(e, Message{Chat: row.Id, Text: form.Text, Link: form.Link, Card: form.Card, Key: form.Key})
}

// ReplyPicture handles POST /api/wx/admin/chats/{id}/pictures, multipart with one file named picture: it is sent.
func (c *Chats) ReplyPicture(e *core.RequestEvent) error {
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	picture, err := answer.Upload(e, "picture", MaxPicture)
	if err != nil {
		return err
	}
	if !isSendable(picture) {
		return answer.Field(answer.FieldInvalid, "picture", "a JPEG or PNG of at most 2 MiB")
	}
	return c.send(e, Message{Chat: row.Id, Picture: picture})
}

// isSendable tells whether WeChat takes a picture.
func isSendable(picture []byte) bool { return len(picture) <= MaxPicture && nameOf(picture) != "" }

// nameOf makes a name of the content, and none for what is neither a JPEG nor a PNG.
func nameOf(picture []byte) string {
	extension := map[string]string{"image/jpeg": ".jpg", "image/png": ".png"}[http.DetectContentType(picture)]
	if extension == "" {
		return ""
	}
	sum := sha256.Sum256(picture)
	return hex.EncodeToString(sum[:8]) + extension
}

// typingFor is how long WeChat shows that somebody types; it refuses to show it again before.
const typingFor = 15 * time.Second

// Typing handles POST /api/wx/admin/chats/{id}/typing {}: the person sees that somebody types. Nothing is called when it is shown already, or when
// nothing may be said. It answers {shown}.
func (c *Chats) Typing(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	a, err := c.allowanceOf(e.App, row)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if a.Left < 1 {
		return e.JSON(http.StatusOK, map[string]any{"shown": false})
	}
	if c.Now().Sub(row.GetDateTime("typingAt").Time()) < typingFor {
		return e.JSON(http.StatusOK, map[string]any{"shown": true})
	}
	client, err := c.client(row.GetString("appid"))
	if err != nil {
		return answer.FromWechat(err)
	}
	if err := books.Exec(e.App, "UPDATE `wx_chats` SET `typingAt` = ? WHERE `id` = ?", days.Store(c.Now()), row.Id); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), accounts.CallTimeout)
	defer cancel()
	err = client.SetTyping(ctx, row.GetString("openid"), true)
	if we, ok := errors.AsType[*wechat.Error](err); ok && we.Kind == wechat.KindState {
		return e.JSON(http.StatusOK, map[string]any{"shown": we.Errcode == 45081})
	}
	if err != nil {
		return answer.FromWechat(err)
	}
	return e.JSON(http.StatusOK, map[string]any{"shown": true})
}

// Read handles POST /api/wx/admin/chats/{id}/read {}: somebody has seen what was unread.
func (c *Chats) Read(e *core.RequestEvent) error {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return err
	}
	row, err := rowOf(e)
	if err != nil {
		return err
	}
	err = e.App.RunInTransaction(func(tx core.App) error {
		if row, err = books.ByID(tx, table, row.Id); err != nil {
			return err
		}
		row.Set("unread", 0)
		return errors.Join(books.Write(tx, row), c.Books.Settle(tx, books.AlertChat, row.Id, desk.Who(e).Email))
	})
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return c.show(e, row)
}

// Picture handles GET /api/wx/admin/chats/{id}/pictures/{picture}, which is the id of a message: its stored picture.
func (c *Chats) Picture(e *core.RequestEvent) error {
	message, err := books.First(e.App, messages, "`id` = ? AND `chat` = ?", e.Request.PathValue("picture"), e.Request.PathValue("id"))
	if err != nil || message.GetString("picture") == "" {
		return answer.Fail(answer.ChatNotFound, nil)
	}
	files, err := e.App.NewFilesystem()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	defer func() { _ = files.Close() }()
	reader, err := files.GetReader(message.BaseFilesPath() + "/" + message.GetString("picture"))
	if err != nil {
		return answer.Fail(answer.ChatNotFound, err)
	}
	defer func() { _ = reader.Close() }()
	picture, err := io.ReadAll(io.LimitReader(reader, wechat.MaxTempMedia))
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	h := e.Response.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, max-age=600")
	return e.Stream(http.StatusOK, http.DetectContentType(picture), bytes.NewReader(picture))
}

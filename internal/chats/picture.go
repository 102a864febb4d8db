package chats

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/picture"
	"wxbase/internal/wechat"
)

// EffectPicture fetches a picture that a person sent, and stores it.
const EffectPicture = "chat.picture"

// Handle registers what the outbox does for chats.
func (c *Chats) Handle() { c.Books.Handle(EffectPicture, books.Effect{Do: c.fetch}) }

// fetch gets the picture of a message. One that WeChat no longer has is gone, which is no failure of ours that a person could mend.
func (c *Chats) fetch(ctx context.Context, row *core.Record) error {
	var job struct {
		Message string `json:"message"`
	}
	if err := row.UnmarshalJSONField("payload", &job); err != nil {
		return books.Final(fmt.Errorf("read payload: %w", err))
	}
	message, err := books.ByID(c.App, messages, job.Message)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // forgotten meanwhile
	}
	if err != nil || message.GetString("pictureState") != pictureWaits {
		return err
	}
	chat, err := books.ByID(c.App, table, message.GetString("chat"))
	if err != nil {
		return err
	}
	client, err := c.client(chat.GetString("appid"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	found, err := client.TempMedia(ctx, message.GetString("mediaId"))
	if err == nil {
		err = c.keep(message, found)
	}
	if isGone(err) {
		message.Set("pictureState", pictureGone)
		return books.Write(c.App, message)
	}
	if err != nil {
		return fmt.Errorf("fetch picture of customer message: %w", err)
	}
	return nil
}

// isGone tells whether no later try can give the picture.
func isGone(err error) bool {
	we, ok := errors.AsType[*wechat.Error](err)
	return ok && (we.Kind == wechat.KindArgs || errors.Is(err, wechat.ErrImageFormat) || errors.Is(err, wechat.ErrTooLarge)) || errors.Is(err, picture.ErrUnknown) || answer.IsPictureRefused(err)
}

// keep stores a picture with its message.
func (c *Chats) keep(message *core.Record, bytes []byte) error {
	file, err := fileOf(bytes)
	if err != nil {
		return err
	}
	message.Load(map[string]any{"picture": file, "pictureState": pictureKept})
	return books.Save(c.App, message)
}

// fileOf makes a file of a picture, whose name says nothing. Errors: picture.ErrUnknown for what is none.
func fileOf(b []byte) (*filesystem.File, error) {
	extension, ok := map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/bmp": ".bmp"}[http.DetectContentType(b)]
	if !ok {
		return nil, picture.ErrUnknown
	}
	if _, err := picture.Inspect(bytes.NewReader(b), picture.Limits{}); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return filesystem.NewFileFromBytes(b, hex.EncodeToString(sum[:8])+extension)
}

// client gives the calls of a mini program.
func (c *Chats) client(appID string) (*wechat.Client, error) {
	app, err := c.Accounts.Settings.App(appID)
	if err != nil {
		return nil, err
	}
	return c.Accounts.Wechat(app), nil
}

package privacy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/books"
	"wxbase/internal/events"
)

// What WeChat tells of a person's authorization (小程序用户信息授权变更).
const (
	pushRevoked   = "user_authorization_revoke"       // 用户撤回
	pushCancelled = "user_authorization_cancellation" // 用户完成注销
)

// What RevokeInfo names, of the kinds that we keep anything of.
const (
	revokedNickAvatar = "6"
	revokedCamera     = "7"
	revokedPhone      = "8"
	revokedMedia      = "14"
	revokedFile       = "15"
	revokedEmail      = "16"
	revokedNickname   = "19"
	revokedAvatar     = "20"
)

// ApplyPush deletes what a person has revoked, and erases one who has cancelled, after the time of grace: a person who
// returns within it is treated like one who cancelled the erasure here. user_info_modified needs no action: the person
// typed here what we hold, and WeChat sends no new values. The operator's OnPush follows.
func (p *Privacy) ApplyPush(e *events.PushEvent) error {
	if e.MsgType == "event" {
		if err := p.apply(e); err != nil {
			return fmt.Errorf("apply %s: %w", e.Name, err)
		}
	}
	return e.Next()
}

func (p *Privacy) apply(e *events.PushEvent) error {
	if e.Name != pushRevoked && e.Name != pushCancelled {
		return nil
	}
	user, err := userOf(p.App, e.AppID, personOf(e))
	if err != nil || user == nil {
		return err
	}
	if e.Name == pushCancelled {
		_, err := p.keep(wish{user: user.Id, by: byWeChat, grace: p.Grace})
		return err
	}
	return p.revoke(user, revokedIn(e))
}

// personOf is whose authorization it is: the field OpenID, whose case differs by source, or else who sent the event.
func personOf(e *events.PushEvent) string {
	if openID := fieldOf(e, "openid"); openID != "" {
		return openID
	}
	return e.OpenID
}

// fieldOf reads a field by its name in small letters.
func fieldOf(e *events.PushEvent, name string) string {
	for key, value := range e.Fields {
		if strings.EqualFold(key, name) && value != nil {
			return strings.TrimSpace(fmt.Sprint(value))
		}
	}
	return ""
}

// revokedIn reads RevokeInfo: a number as text, or several.
func revokedIn(e *events.PushEvent) []string {
	return strings.FieldsFunc(fieldOf(e, "revokeinfo"), func(r rune) bool { return r < '0' || r > '9' })
}

// revoke empties the fields that were collected under a consent which is gone, and deletes pictures that were only checked.
func (p *Privacy) revoke(user *core.Record, kinds []string) error {
	var emptied []string
	for _, kind := range kinds {
		switch kind {
		case revokedPhone:
			emptied = append(emptied, "phone", "countryCode")
		case revokedEmail:
			emptied = append(emptied, "email", "emailVisibility", "verified")
		case revokedNickname:
			emptied = append(emptied, "name")
		case revokedAvatar:
			emptied = append(emptied, "avatar")
		case revokedNickAvatar:
			emptied = append(emptied, "name", "avatar")
		}
	}
	if err := emptyOf(p.App, user, emptied); err != nil {
		return err
	}
	if !slices.ContainsFunc(kinds, func(kind string) bool { return kind == revokedCamera || kind == revokedMedia || kind == revokedFile }) {
		return nil
	}
	return p.removePictures(user.Id)
}

func emptyOf(app core.App, user *core.Record, fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	if slices.Contains(fields, "avatar") {
		if err := removeAvatar(app, user); err != nil {
			return err
		}
	}
	for _, name := range fields {
		if err := emptyField(user, user.Collection().Fields.GetByName(name)); err != nil {
			return err
		}
	}
	return books.Save(app, user)
}

// removeAvatar deletes the file and its thumbs before the row forgets their name, as removeAll does.
func removeAvatar(app core.App, user *core.Record) error {
	name := user.GetString("avatar")
	if name == "" {
		return nil
	}
	files, err := app.NewFilesystem()
	if err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	defer func() { _ = files.Close() }()
	for _, err := range files.DeletePrefix(user.BaseFilesPath() + "/thumbs_" + name + "/") {
		return fmt.Errorf("delete thumbs: %w", err)
	}
	if err := files.Delete(user.BaseFilesPath() + "/" + name); err != nil && !errors.Is(err, filesystem.ErrNotFound) {
		return fmt.Errorf("delete avatar: %w", err)
	}
	return nil
}

func (p *Privacy) removePictures(user string) error {
	c, err := p.App.FindCachedCollectionByNameOrId("wx_checks")
	if err != nil {
		return err
	}
	var ids []string
	err = p.App.ConcurrentDB().Select("id").From(c.Name).Where(dbx.And(dbx.HashExp{"user": user}, dbx.NewExp("[[image]] != ''"))).Column(&ids)
	if err != nil {
		return err
	}
	return removeAll(p.App, c, ids)
}

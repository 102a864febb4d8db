package people

import (
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/events"
)

// maxName is how many characters a nickname may have; WeChat's own have at most 16.
const maxName = 32

// Profile handles POST /api/wx/profile: the signed-in user sets name and avatar, as JSON or as the form that
// wx.uploadFile sends. It exists besides PocketBase's own update because wx.request lacks PATCH.
//
// A name is text that a person typed: control characters and line breaks are removed, and WeChat's name for people
// without one is refused as a name.
func (w *People) Profile(e *core.RequestEvent) error {
	var form struct {
		Name *string `json:"name" form:"name"`
	}
	if err := answer.ReadUpload(e, &form); err != nil {
		return err
	}
	files, err := e.FindUploadedFiles("avatar")
	if err != nil && !errors.Is(err, http.ErrMissingFile) && !errors.Is(err, http.ErrNotMultipart) {
		return answer.Fail(answer.BadRequest, err)
	}
	user, err := books.ByID(e.App, "users", e.Auth.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if form.Name != nil {
		name := cleanName(*form.Name)
		if name == "" || len([]rune(name)) > maxName {
			return answer.Fail(answer.ProfileName, nil)
		}
		user.Set("name", name)
	}
	event := &events.ProfileEvent{App: e.App, User: user}
	if len(files) > 0 {
		event.Avatar = files[0]
		user.Set("avatar", files[0])
	}
	err = w.OnProfile.Trigger(event, func(pe *events.ProfileEvent) error {
		if err := books.Save(pe.App, pe.User); answer.IsPictureRefused(err) {
			return answer.Fail(answer.ImageRefused, err)
		} else if err != nil {
			return answer.Fail(answer.ProfileAvatar, err)
		}
		return nil
	})
	if err != nil {
		return answer.Or(err, answer.ProfileRefused)
	}
	if err := apis.EnrichRecord(e, user); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, user)
}

func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	if name = strings.TrimSpace(name); name == anonymousName {
		return ""
	}
	return name
}

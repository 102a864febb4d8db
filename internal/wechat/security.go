package wechat

import (
	"context"
	"net/http"
)

const (
	opCheckText  = "msgSecCheck"
	opCheckMedia = "mediaCheckAsync"
)

// checkVersion is the version of both calls that has scenes and suggestions.
const checkVersion = 2

// errcodeRisky is the refusal of the text check's first version.
const errcodeRisky = 87014

// CheckScene is where a user's content will be shown.
type CheckScene int

// The scenes.
const (
	SceneProfile CheckScene = 1 // 资料
	SceneComment CheckScene = 2 // 评论
	SceneForum   CheckScene = 3 // 论坛
	SceneSocial  CheckScene = 4 // 社交日志
)

// TextCheck asks whether a text may be shown.
type TextCheck struct {
	// Content is 1 to 2500 characters.
	Content string
	Scene   CheckScene
	// OpenID is the author's, who must have used the app within the last 2 hours.
	OpenID string
	// Title and Nickname are checked too; Signature is for SceneProfile only.
	Title     string
	Nickname  string
	Signature string
}

// MediaKind is the type of a checked file.
type MediaKind int

// The kinds.
const (
	MediaAudio MediaKind = 1
	MediaImage MediaKind = 2
)

// MediaCheck asks whether a file may be shown.
type MediaCheck struct {
	// URL is where WeChat fetches it, within 30 minutes: http or https, publicly reachable, at most 10 MB of jpg, jpeg,
	// png, bmp, gif (the first picture), mp3, aac, ac3, wma, flac, vorbis, opus or wav.
	URL   string
	Kind  MediaKind
	Scene CheckScene
	// OpenID is the author's, who must have used the app within the last 2 hours.
	OpenID string
}

type textCheckWire struct {
	Content   string     `json:"content"`
	Version   int        `json:"version"`
	Scene     CheckScene `json:"scene"`
	OpenID    string     `json:"openid"`
	Title     string     `json:"title,omitempty"`
	Nickname  string     `json:"nickname,omitempty"`
	Signature string     `json:"signature,omitempty"`
}

type mediaCheckWire struct {
	MediaURL  string     `json:"media_url"`
	MediaType MediaKind  `json:"media_type"`
	Version   int        `json:"version"`
	Scene     CheckScene `json:"scene"`
	OpenID    string     `json:"openid"`
}

// CheckText asks whether a text may be shown: POST /wxa/msg_sec_check
// (server/API/sec-center/sec-check/api_msgseccheck.html, 文本内容安全识别), 4000 a minute and 2 000 000 a day.
//
// A risky text is a result, not an error, also in the shape of version 1 (errcode 87014). NB! An answer without a
// result is an error, never a pass.
//
// Errors: KindArgs before any call (see [ValidateTextCheck]) or by WeChat (40003, 43104: not a user of this app);
// KindState for 61010, a user who did not use the app for 2 hours; KindRate for 44991, KindQuota for 45009.
func (c *Client) CheckText(ctx context.Context, t TextCheck) (CheckResult, error) {
	if err := ValidateTextCheck(t); err != nil {
		return CheckResult{}, err
	}
	var result CheckResult
	_, err := c.do(ctx, call{
		op: opCheckText, method: http.MethodPost, path: "/wxa/msg_sec_check", needsToken: true, repeatable: true,
		body: textCheckWire{
			Content: t.Content, Version: checkVersion, Scene: t.Scene, OpenID: t.OpenID,
			Title: t.Title, Nickname: t.Nickname, Signature: t.Signature,
		},
		read: func(body []byte) (err error) {
			var wire checkWire
			if err := decode(body, &wire); err != nil {
				return err
			}
			result, err = wire.result()
			return err
		},
	})
	if rid, risky := riskyOld(err); risky {
		return CheckResult{Suggest: SuggestRisky, Label: LabelOther, TraceID: rid}, nil
	}
	return result, err
}

// CheckMedia submits a file for a check and returns the trace id of its result: POST /wxa/media_check_async
// (server/API/sec-center/sec-check/api_mediacheckasync.html, 多媒体内容安全识别), 2000 a minute and 200 000 a day. The result is
// pushed within 30 minutes, see [PushMessage.MediaResult].
//
// It is repeated after a lost answer, whose trace id is lost; 87020, KindRate, means that WeChat refuses to check
// again. Errors as in [Client.CheckText], and KindArgs for 40004, an unsupported file.
func (c *Client) CheckMedia(ctx context.Context, m MediaCheck) (traceID string, err error) {
	if err := ValidateMediaCheck(m); err != nil {
		return "", err
	}
	return c.link(ctx, call{
		op: opCheckMedia, path: "/wxa/media_check_async", repeatable: true,
		body: mediaCheckWire{MediaURL: m.URL, MediaType: m.Kind, Version: checkVersion, Scene: m.Scene, OpenID: m.OpenID},
	}, "trace_id")
}

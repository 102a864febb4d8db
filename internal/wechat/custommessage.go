package wechat

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	opSendCustom = "sendCustomMessage"
	opTyping     = "setTyping"
	opTempMedia  = "getTempMedia"
)

// Errcodes of customer messages that callers tell apart.
const (
	// ErrcodeChatClosed means: the user wrote too long ago.
	ErrcodeChatClosed = 45015
	// ErrcodeChatUsedUp means: all answers to the user's last message are sent.
	ErrcodeChatUsedUp = 45047
	// ErrcodeMediaGone means: the media_id is wrong, another app's, or older than three days.
	ErrcodeMediaGone = 40007
)

// Limits of a customer message. note: the documents name none for the text; this one stays below the 2,048 bytes at which others were refused.
const (
	MaxChatRunes  = 600
	MaxTitleRunes = 64
	// MaxTempMedia is the largest picture of a chat, in bytes.
	MaxTempMedia = 10 << 20
)

// CustomMessage is one answer in a customer chat (客服消息): exactly one of Text, MediaID, Link and Card.
type CustomMessage struct {
	ToUser  string // openid
	Text    string
	MediaID string // of [Client.UploadImage], a picture
	Link    *ChatLink
	Card    *ChatCard
}

// ChatLink is a picture with words that opens a web page.
type ChatLink struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	URL         string `json:"url"`
	ThumbURL    string `json:"thumb_url"`
}

// ChatCard is a card that opens a page of the mini program.
type ChatCard struct {
	Title        string `json:"title"`
	PagePath     string `json:"pagepath"`
	ThumbMediaID string `json:"thumb_media_id"`
}

// Kind is WeChat's msgtype of a message, empty for one that has no or several contents.
func (m CustomMessage) Kind() string {
	var kinds []string
	for kind, there := range map[string]bool{"text": m.Text != "", "image": m.MediaID != "", "link": m.Link != nil, "miniprogrampage": m.Card != nil} {
		if there {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// CheckCustom tells what is wrong with a message before WeChat is called, as a [*FieldError].
func CheckCustom(m CustomMessage) error {
	wrong := func(field, reason string) error { return &FieldError{Field: field, Reason: reason} }
	switch {
	case m.ToUser == "":
		return wrong("touser", "is empty")
	case m.Kind() == "":
		return wrong("msgtype", "exactly one of text, picture, link and card is needed")
	case utf8.RuneCountInString(m.Text) > MaxChatRunes:
		return wrong("text", fmt.Sprintf("has more than %d characters", MaxChatRunes))
	case m.Link != nil && (m.Link.Title == "" || utf8.RuneCountInString(m.Link.Title) > MaxTitleRunes):
		return wrong("link.title", fmt.Sprintf("must have 1 to %d characters", MaxTitleRunes))
	case m.Link != nil && !isHTTP(m.Link.URL):
		return wrong("link.url", "must be an address of http or https")
	case m.Link != nil && m.Link.ThumbURL != "" && !isHTTP(m.Link.ThumbURL):
		return wrong("link.thumbUrl", "must be an address of http or https")
	case m.Card != nil && (m.Card.Title == "" || utf8.RuneCountInString(m.Card.Title) > MaxTitleRunes):
		return wrong("card.title", fmt.Sprintf("must have 1 to %d characters", MaxTitleRunes))
	case m.Card != nil && (m.Card.PagePath == "" || strings.HasPrefix(m.Card.PagePath, "/")):
		return wrong("card.page", "must be a page without a leading /")
	case m.Card != nil && m.Card.ThumbMediaID == "":
		return wrong("card.picture", "a card needs a picture")
	}
	return nil
}

func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// SendCustom answers in a customer chat: POST /cgi-bin/message/custom/send
// (server/API/kf-mgnt/kf-message/api_sendcustommessage.html, 发送客服消息). WeChat takes five answers within 48 hours of a message of the user's,
// and two within a minute of opening the chat. A lost answer is not repeated, because the user would get the message twice.
//
// Errors: KindArgs before any call (see [CheckCustom]) or by WeChat: 40003 (openid), 40007 (media), 45002 (too long). KindState for 45015, KindQuota
// for 45047, KindUnsupported for 48001.
func (c *Client) SendCustom(ctx context.Context, m CustomMessage) error {
	if err := CheckCustom(m); err != nil {
		return &Error{Op: opSendCustom, Kind: KindArgs, Err: err}
	}
	kind := m.Kind()
	body := map[string]any{"touser": m.ToUser, "msgtype": kind}
	switch kind {
	case "text":
		body[kind] = map[string]string{"content": m.Text}
	case "image":
		body[kind] = map[string]string{"media_id": m.MediaID}
	case "link":
		body[kind] = m.Link
	default:
		body[kind] = m.Card
	}
	_, err := c.do(ctx, call{op: opSendCustom, method: http.MethodPost, path: "/cgi-bin/message/custom/send", body: body, needsToken: true})
	return err
}

// SetTyping shows the user that somebody types, for 15 seconds or until the next message, or takes it back: POST /cgi-bin/message/custom/typing
// (server/API/kf-mgnt/kf-message/api_typing.html, 下发客服当前输入状态).
// Errors: KindState for 45080 (nothing was said in the last 30 seconds) and 45081 (shown already), KindArgs for 45072.
func (c *Client) SetTyping(ctx context.Context, openID string, typing bool) error {
	command := "CancelTyping"
	if typing {
		command = "Typing"
	}
	_, err := c.do(ctx, call{
		op: opTyping, method: http.MethodPost, path: "/cgi-bin/message/custom/typing", body: map[string]string{"touser": openID, "command": command}, needsToken: true,
		repeatable: true,
	})
	return err
}

// TempMedia fetches a picture of a chat, which WeChat keeps for three days: GET /cgi-bin/media/get
// (server/API/kf-mgnt/kf-message/api_gettempmedia.html, 获取客服消息内的临时素材). The bytes are a JPEG, PNG, GIF or BMP by their beginning.
// Errors: KindArgs for 40007, KindBadAnswer for anything that is no picture.
func (c *Client) TempMedia(ctx context.Context, mediaID string) ([]byte, error) {
	return c.do(ctx, call{
		op: opTempMedia, method: http.MethodGet, path: "/cgi-bin/media/get", query: url.Values{"media_id": {mediaID}}, needsToken: true, repeatable: true,
		limit: MaxTempMedia, accept: isPicture,
	})
}

// isPicture refuses what does not begin as a picture, and a JPEG or PNG that does not end as one. note: phones write more behind the end.
func isPicture(body []byte) error {
	end := map[string][]byte{"image/jpeg": jpegEnd, "image/png": pngEnd, "image/gif": nil, "image/bmp": nil}
	switch mark, known := end[http.DetectContentType(body)]; {
	case !known:
		return notImage(body)
	case !bytes.Contains(body, mark):
		return ErrImageTruncated
	}
	return nil
}

// TransferAnswer hands the message m over to the staff in WeChat's own tools (转发客服消息), as the answer to it: seal it by [PushCodec.Seal].
// It is for what users write; never for events.
// https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/trans.html
func (m PushMessage) TransferAnswer(seconds int64) []byte {
	if m.Format == PushXML {
		return fmt.Appendf(nil, "<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType><![CDATA[transfer_customer_service]]></MsgType></xml>",
			inCDATA(m.FromUserName), inCDATA(m.ToUserName), seconds)
	}
	body, _ := encode(struct {
		To      string `json:"ToUserName"`
		From    string `json:"FromUserName"`
		Created int64  `json:"CreateTime"`
		Kind    string `json:"MsgType"`
	}{m.FromUserName, m.ToUserName, seconds, "transfer_customer_service"})
	return body
}

// inCDATA keeps text from ending its CDATA.
func inCDATA(text string) string { return strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") }

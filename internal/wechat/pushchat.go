package wechat

// ChatMessage is what a user wrote, showed or opened in a customer chat. Fields of other kinds are empty.
type ChatMessage struct {
	// Kind is text, image, miniprogrampage, or EventChatEntered.
	Kind string
	// Content is the text.
	Content string
	// PicURL and MediaID are the image.
	PicURL  string
	MediaID string
	// Title, AppID, PagePath, ThumbURL and ThumbMediaID are the card.
	Title        string
	AppID        string
	PagePath     string
	ThumbURL     string
	ThumbMediaID string
	// SessionFrom is the value of the button that opened the chat.
	SessionFrom string
}

// ChatMessage reads a message of a customer chat (客服消息), or EventChatEntered. The user is FromUserName, the message's
// number MsgID. Errors: ErrPushEvent; ErrNotJSON when a field is not text.
func (m PushMessage) ChatMessage() (ChatMessage, error) {
	var wire struct {
		Content      word `json:"Content"`
		PicURL       word `json:"PicUrl"`
		MediaID      word `json:"MediaId"`
		Title        word `json:"Title"`
		AppID        word `json:"AppId"`
		PagePath     word `json:"PagePath"`
		ThumbURL     word `json:"ThumbUrl"`
		ThumbMediaID word `json:"ThumbMediaId"`
		SessionFrom  word `json:"SessionFrom"`
	}
	kind := m.MsgType
	switch kind {
	case "text", "image", "miniprogrampage":
	default:
		if err := m.wantEvent(EventChatEntered); err != nil {
			return ChatMessage{}, err
		}
		kind = EventChatEntered
	}
	if err := m.into(&wire); err != nil {
		return ChatMessage{}, err
	}
	return ChatMessage{
		Kind: kind, Content: string(wire.Content), PicURL: string(wire.PicURL), MediaID: string(wire.MediaID),
		Title: string(wire.Title), AppID: string(wire.AppID), PagePath: string(wire.PagePath),
		ThumbURL: string(wire.ThumbURL), ThumbMediaID: string(wire.ThumbMediaID), SessionFrom: string(wire.SessionFrom),
	}, nil
}

package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// chatLine is one message of a customer service chat, in either direction.
type chatLine struct {
	ID      string         `json:"id"`
	AppID   string         `json:"appid"`
	Person  string         `json:"person"`
	FromUs  bool           `json:"fromUs"`           // sent by the mini program's backend
	Passed  bool           `json:"passed,omitempty"` // handed over to the staff in WeChat's own tools
	MsgType string         `json:"msgType"`
	Content map[string]any `json:"content"`
	At      time.Time      `json:"at"`
}

func (l chatLine) Entity() (kind, id string) { return "chat", l.ID }

// customSend is POST /cgi-bin/message/custom/send: an answer to a person who wrote to the mini program.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_sendcustommessage.html (发送客服消息)
func (s *Sim) customSend(c *call) reply {
	var in map[string]any
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	kind := text(in["msgtype"])
	content := object(in[kind])
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.whoIs(c.appid, text(in["touser"]))
	switch {
	case id == nil:
		return c.refuse(40003, "no openid of this mini program")
	case !oneOf("text", "image", "link", "miniprogrampage")(kind):
		return c.refuse(40008, "msgtype must be text, image, link or miniprogrampage")
	case content == nil, kind == "text" && text(content["content"]) == "", kind == "image" && text(content["media_id"]) == "":
		return c.refuse(47001, "the object "+kind+" is missing or empty")
	case len(text(content["content"])) > longestChat:
		return c.refuse(45002, "the text is longer than 2048 bytes")
	case kind == "image" && s.chatPicture(c.appid, text(content["media_id"]), c.now) == nil:
		return c.refuse(40007, "no picture of this mini program has this media_id, or it is older than three days")
	case kind == "miniprogrampage" && s.chatPicture(c.appid, text(content["thumb_media_id"]), c.now) == nil:
		return c.refuse(40007, "thumb_media_id must be a picture of this mini program of the last three days")
	}
	if code, reason := s.mayAnswer(id, c.now); code != 0 {
		return c.refuse(code, reason)
	}
	delete(s.state.typing, id.AppID+"/"+id.Person)
	l := &chatLine{ID: newMsgID().String(), AppID: c.appid, Person: id.Person, FromUs: true, MsgType: kind, Content: content, At: c.now}
	if err := s.save(l); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.chats = append(s.state.chats, l)
	return c.ok(plainOK{ErrMsg: "ok"})
}

// listChats is GET /_sim/chats: the latest first.
func (s *Sim) listChats(c *echo.Context) error {
	return s.inBook(c, func() any {
		list := append([]*chatLine{}, s.state.chats...)
		slices.Reverse(list)
		return list
	})
}

// sealedFor is how long checkencryptedmsg remembers what a phone encrypted.
const sealedFor = 3 * 24 * time.Hour

// sealedData is the hash of data that a phone encrypted.
type sealedData struct {
	Hash   string    `json:"hash"`
	AppID  string    `json:"appid"`
	MadeAt time.Time `json:"madeAt"`
}

func (d sealedData) Entity() (kind, id string) { return "sealed", d.Hash }

// chatTable holds the customer service chats, and the hashes of what phones encrypted.
type chatTable struct {
	sealed map[string]*sealedData
	chats  []*chatLine          // the oldest first
	typing map[string]time.Time // by mini program and person: when it was last shown that somebody types; not in the journal
}

func (t *chatTable) register(r *registry) {
	t.typing = map[string]time.Time{}
	remember(r, "sealed", &t.sealed, (*sealedData).worthKeeping)
	r.kinds["chat"] = func(c book.Change) error {
		l := new(chatLine)
		if err := json.Unmarshal(c.Value, l); err != nil {
			return err
		}
		if at := slices.IndexFunc(t.chats, func(other *chatLine) bool { return other.ID == l.ID }); at >= 0 {
			t.chats[at] = l // it was handed over since
			return nil
		}
		t.chats = append(t.chats, l)
		return nil
	}
	r.listing = append(r.listing, func(time.Time) []book.Row {
		list := make([]book.Row, len(t.chats))
		for i, l := range t.chats {
			list[i] = l
		}
		return list
	})
	r.surplus = append(r.surplus, func(most int) func() {
		n := len(t.chats) - most
		if n <= 0 {
			return nil
		}
		return func() { t.chats = slices.Clone(t.chats[n:]) }
	})
}

// keepSealed remembers encryptedData by both possible hashes: the document does not say whether it means the text or
// its bytes. The caller holds s.mu.
func (s *Sim) keepSealed(appid, encryptedData string, now time.Time) error {
	raw, err := base64.StdEncoding.DecodeString(encryptedData)
	if err != nil {
		return err
	}
	for _, data := range [][]byte{[]byte(encryptedData), raw} {
		sum := sha256.Sum256(data)
		d := &sealedData{Hash: hex.EncodeToString(sum[:]), AppID: appid, MadeAt: now}
		if err := s.save(d); err != nil {
			return err
		}
		s.state.sealed[d.Hash] = d
	}
	return nil
}

// checkEncrypted is POST /wxa/business/checkencryptedmsg: whether one of our phones encrypted this within three days.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/basic-info/api_checkencrypteddata.html (检查加密信息)
func (s *Sim) checkEncrypted(c *call) reply {
	var in struct {
		Hash string `json:"encrypted_msg_hash"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if len(in.Hash) != 2*sha256.Size {
		return c.refuse(40097, "encrypted_msg_hash must be the hex SHA-256 of encryptedData")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.state.sealed[strings.ToLower(in.Hash)]
	if d == nil || d.AppID != c.appid || c.now.Sub(d.MadeAt) >= sealedFor {
		return c.refuse(1, "no phone encrypted this for this mini program within three days")
	}
	return c.ok(struct {
		plainOK
		Valid      bool  `json:"vaild"` // note: WeChat's spelling
		CreateTime int64 `json:"create_time"`
	}{plainOK{ErrMsg: "ok"}, true, d.MadeAt.Unix()})
}

// guestCode is what wx.login gives in DevTools while a project is open with the guest appid.
const guestCode = "the code is a mock one"

// guestLogin is the phone's answer in a guest project.
func guestLogin(c *echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"code": guestCode, "errMsg": "login:ok"})
}

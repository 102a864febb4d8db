package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"wxbase/internal/sim/wire"
)

// oversizedPush is the size of a message with a fault, in bytes: beyond any reasonable limit of a receiver.
const oversizedPush = 2 << 20

// outgoing is one POST, ready to be sent.
type outgoing struct {
	url    string
	header http.Header
	body   []byte
}

// pushCopy is a sent request, to be repeated byte for byte.
type pushCopy struct {
	URL         string `json:"url"`
	ContentType string `json:"contentType"`
	Body        string `json:"body"`
}

var errPushOff = errors.New("the message push of the mini program is turned off")

// sealMessage builds one attempt's message to a backend, with the console's present settings.
func (s *Sim) sealMessage(n *notification, f *fault) (out outgoing, set pushRow, err error) {
	s.mu.Lock()
	app, _ := s.findApp(n.AppID)
	set = s.pushOf(app)
	s.mu.Unlock()
	header := http.Header{"User-Agent": {"Mozilla/4.0"}, "Accept": {"*/*"}, "Pragma": {"no-cache"}}
	if n.Replay != nil {
		header.Set("Content-Type", n.Replay.ContentType)
		return outgoing{n.Replay.URL, header, []byte(n.Replay.Body)}, set, nil
	}
	if set.PushURL == "" {
		return out, set, errPushOff
	}
	header.Set("Content-Type", "application/json")
	if set.PushFormat == PushXML || f.hasKind("xxe") {
		header.Set("Content-Type", "text/xml")
	}
	query, body, err := s.sealPushed(*n.Push, set, f)
	return outgoing{withQuery(set.PushURL, query), header, body}, set, err
}

// sealPushed writes, encrypts and signs a message in the configured mode.
func (s *Sim) sealPushed(m pushMessage, set pushRow, f *fault) (query url.Values, body []byte, err error) {
	f.falsifyPush(&m, &set)
	plain := m.encode(set.PushFormat)
	if f.hasKind("xxe") {
		plain = []byte(hostileXML)
	}
	timestamp, nonce := strconv.FormatInt(f.shiftTime(s.pushTime(set)).Unix(), 10), wire.Pick(wire.Digits, 9)
	query = url.Values{
		"timestamp": {timestamp}, "nonce": {nonce}, "openid": {m.From}, "signature": {f.spoilHex(wire.SignPush(set.PushToken, timestamp, nonce))},
	}
	if f.hasKind("no_signature") {
		query.Del("signature")
	}
	if set.PushMode == PushPlain {
		return query, plain, nil
	}
	sealed, err := f.sealPush(set, plain)
	if err != nil {
		return nil, nil, err
	}
	query.Set("encrypt_type", "aes")
	if !f.hasKind("no_signature") {
		query.Set("msg_signature", f.spoilHex(wire.SignPush(set.PushToken, timestamp, nonce, sealed)))
	}
	if set.PushMode == PushCompatible {
		return query, withEncrypt(plain, sealed), nil
	}
	list := []pushField{{"ToUserName", m.To}, {"Encrypt", sealed}}
	if set.PushFormat == PushXML || f.hasKind("xxe") {
		return query, xmlObject(list), nil
	}
	return query, jsonObject(list), nil
}

// xmlObject writes fields in their order.
func xmlObject(list []pushField) []byte {
	out := bytes.NewBufferString("<xml>")
	for _, f := range list {
		writeElement(out, f.name, f.value)
	}
	out.WriteString("</xml>")
	return out.Bytes()
}

// withEncrypt adds the encrypted text to the plain fields.
func withEncrypt(plain []byte, sealed string) []byte {
	if object, isJSON := bytes.CutSuffix(plain, []byte("}")); isJSON {
		return append(object, `,"Encrypt":"`+sealed+`"}`...)
	}
	return append(bytes.TrimSuffix(plain, []byte("</xml>")), "<Encrypt><![CDATA["+sealed+"]]></Encrypt></xml>"...)
}

// falsifyPush changes the message or its delivery, in ways that a receiver must notice.
func (f *fault) falsifyPush(m *pushMessage, set *pushRow) {
	switch {
	case f.hasKind("other_appid"):
		set.AppID = wire.NewAppID()
		m.To = originalID(set.AppID)
	case f.hasKind("downgrade"):
		set.PushMode = PushPlain
	case f.hasKind("extra_fields"):
		m.Fields = withField(m.Fields, "SimExtra", map[string]any{"Since": json.Number("2026")})
	case f.hasKind("oversized"):
		m.Fields = withField(m.Fields, "SimFiller", strings.Repeat("x", oversizedPush))
	}
}

// withField returns a copy with one more field.
func withField(fields pushFields, name string, value any) pushFields {
	out := pushFields{name: value}
	maps.Copy(out, fields)
	return out
}

// sealPush encrypts, with a wrong key or padding if the fault says so. The signature over it is valid in any case.
func (f *fault) sealPush(set pushRow, plain []byte) (string, error) {
	key, pad := set.PushAESKey, wire.PadPush
	switch {
	case f.hasKind("other_key"):
		key = wire.Pick(wire.Alnum, 42) + "A"
	case f.hasKind("bad_padding"):
		pad = wire.PadPushWrongly
	}
	return wire.SealPush(key, set.AppID, []byte(wire.Pick(wire.Alnum, 16)), plain, pad)
}

// spoilHex makes a signature wrong by its first digit.
func (f *fault) spoilHex(signature string) string {
	switch {
	case f.hasKind("wrong_signature") && signature[0] == '0':
		return "1" + signature[1:]
	case f.hasKind("wrong_signature"):
		return "0" + signature[1:]
	}
	return signature
}

var errPushAnswer = errors.New("the answer is neither empty nor success nor a reply")

// checkPushAnswer returns what is wrong with the answer to a message. Empty and success are usual; a reply must be a
// message in plain mode, and encrypted and signed in safe mode.
func (p pushRow) checkPushAnswer(answer []byte) error {
	text := string(bytes.TrimSpace(answer))
	switch {
	case text == "" || text == "success":
		return nil
	case p.PushMode == PushPlain || p.PushMode == PushCompatible && !strings.Contains(text, "Encrypt"):
		if strings.HasPrefix(text, "<xml>") || json.Valid(answer) && text[0] == '{' {
			return nil
		}
		return errPushAnswer
	}
	return p.checkSealedAnswer([]byte(text))
}

// sealedAnswer is an encrypted reply; the time stamp is a number or text.
type sealedAnswer struct {
	Encrypt      string
	MsgSignature string
	TimeStamp    json.Number
	Nonce        string
}

// checkSealedAnswer opens an encrypted reply.
func (p pushRow) checkSealedAnswer(answer []byte) error {
	var reply sealedAnswer
	if bytes.HasPrefix(answer, []byte("<xml>")) {
		fields, err := wire.ParseXML(answer)
		if err != nil {
			return errPushAnswer
		}
		reply = sealedAnswer{fields["Encrypt"], fields["MsgSignature"], json.Number(fields["TimeStamp"]), fields["Nonce"]}
	} else if err := decode(answer, &reply); err != nil {
		return errPushAnswer
	}
	if reply.MsgSignature != wire.SignPush(p.PushToken, reply.TimeStamp.String(), reply.Nonce, reply.Encrypt) {
		return errors.New("the MsgSignature of the reply is wrong")
	}
	_, err := wire.OpenPush(p.PushAESKey, p.AppID, reply.Encrypt)
	return err
}

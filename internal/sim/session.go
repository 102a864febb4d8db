package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// sessionRotation is the least time between two rotations of a session_key by wx.login.
const sessionRotation = 5 * time.Second

// identity is a person in one mini program.
type identity struct {
	AppID  string `json:"appid"`
	Person string `json:"person"`
	OpenID string `json:"openid"`

	SeenAt time.Time `json:"seenAt"` // when the person last used the mini program, to the second
}

func (i identity) Entity() (kind, id string) { return "identity", i.AppID + "/" + i.Person }

// session is the key of this identity's only live session_key.
func (i *identity) session() string { return i.AppID + "/" + i.OpenID }

// session is the only live session_key of a person in a mini program.
type session struct {
	AppID     string    `json:"appid"`
	OpenID    string    `json:"openid"`
	Key       string    `json:"key"` // base64 text of 16 bytes
	RotatedAt time.Time `json:"rotatedAt"`
}

func (x session) Entity() (kind, id string) { return "session", x.AppID + "/" + x.OpenID }

// sessionTable holds the people of each mini program, and their live session_keys.
type sessionTable struct {
	identities map[string]*identity
	byOpenID   map[string]*identity // by appid/openid
	sessions   map[string]*session
}

func (t *sessionTable) register(r *registry) {
	t.byOpenID = map[string]*identity{}
	remember(r, "identity", &t.identities, nil)
	r.kinds["identity"] = func(c book.Change) error {
		if err := restore(t.identities, c); err != nil {
			return err
		}
		t.addIdentity(t.identities[c.ID])
		return nil
	}
	remember(r, "session", &t.sessions, nil)
}

// addIdentity adds an identity to the indexes by person and by openid.
func (t *sessionTable) addIdentity(id *identity) {
	t.identities[id.AppID+"/"+id.Person], t.byOpenID[id.session()] = id, id
}

// identify finds or makes the openid of person at appid. The caller holds s.mu.
func (s *Sim) identify(appid, person string) (*identity, error) {
	if known := s.state.identities[appid+"/"+person]; known != nil {
		return known, nil
	}
	fresh := &identity{AppID: appid, Person: person, OpenID: wire.NewOpenID()}
	s.state.addIdentity(fresh)
	return fresh, s.save(fresh)
}

// use notes that person uses the mini program at now. The caller holds s.mu.
func (s *Sim) use(appid, person string, now time.Time) (*identity, error) {
	id, err := s.identify(appid, person)
	if err != nil || now.Sub(id.SeenAt) < time.Second {
		return id, err
	}
	seen := *id
	seen.SeenAt = now
	if err := s.save(seen); err != nil {
		return nil, err
	}
	*id = seen
	return id, nil
}

// whoIs finds the identity of an openid of appid, nil without one. The caller holds s.mu.
func (s *Sim) whoIs(appid, openid string) *identity {
	return s.state.byOpenID[appid+"/"+openid]
}

// rotate makes a new session_key, unless the last one is too young and force is false. The caller holds s.mu.
func (s *Sim) rotate(id *identity, force bool, now time.Time) (*session, error) {
	live := s.state.sessions[id.session()]
	if live != nil && !force && now.Sub(live.RotatedAt) < sessionRotation {
		return live, nil
	}
	live = &session{AppID: id.AppID, OpenID: id.OpenID, Key: wire.NewSessionKey(), RotatedAt: now}
	s.state.sessions[id.session()] = live
	return live, s.save(live)
}

// sessionSignature is hex(HMAC_SHA256(session_key, "")); the key is the base64 text, not its bytes.
func sessionSignature(sessionKey string) string {
	return hex.EncodeToString(hmac.New(sha256.New, []byte(sessionKey)).Sum(nil))
}

// checkSession is GET /wxa/checksession: whether this is still the live session_key.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_checksessionkey.html (检验登录态)
func (s *Sim) checkSession(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, code, reason := s.signedSession(c)
	if code == 87007 {
		code = 87009 // note: this call has only "invalid signature", also for a key that has ended
	}
	if code != 0 {
		return c.refuse(code, reason)
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// plainOK is the success of the calls under /wxa/, which do say errcode 0.
type plainOK struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

// resetSession is GET /wxa/resetusersessionkey: a new session_key at once, whatever the age of the last.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_resetusersessionkey.html (重置登录态)
func (s *Sim) resetSession(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, code, reason := s.signedSession(c)
	if code != 0 {
		return c.refuse(code, reason)
	}
	live, err := s.rotate(id, true, c.now)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(struct {
		plainOK
		OpenID     string `json:"openid"`
		SessionKey string `json:"session_key"`
	}{plainOK{ErrMsg: "ok"}, live.OpenID, live.Key})
}

// signedSession checks openid, sig_method and signature in the query; the newest document lists them under the body, so
// that is read too.
func (s *Sim) signedSession(c *call) (id *identity, errcode int, reason string) {
	var body struct {
		OpenID    string `json:"openid"`
		Signature string `json:"signature"`
		SigMethod string `json:"sig_method"`
	}
	_ = decode(c.body, &body) // note: a GET usually has no body; what is missing is refused below
	openid, signature, method := or(c.query.Get("openid"), body.OpenID), or(c.query.Get("signature"), body.Signature),
		or(c.query.Get("sig_method"), body.SigMethod)
	if openid == "" || signature == "" {
		return nil, 40097, "openid or signature is missing"
	}
	if method != "hmac_sha256" {
		return nil, 87008, "sig_method must be hmac_sha256"
	}
	if id = s.whoIs(c.appid, openid); id == nil {
		return nil, 40003, "no openid of this mini program"
	}
	live := s.state.sessions[id.session()]
	if live == nil {
		return nil, 87007, "the person has no session_key"
	}
	if !hmac.Equal([]byte(signature), []byte(sessionSignature(live.Key))) {
		return nil, 87009, "the signature is not hex(hmac_sha256(session_key, \"\")) of the live key"
	}
	return id, 0, ""
}

// or returns a, or b when a is empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

package sim

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// greyAvatar is every person's picture since wx.getUserInfo became anonymous.
const greyAvatar = "https://mmbiz.qpic.cn/mmbiz/icTdbqWNOwNRna42FI242Lcia07jQodd2FJGIYQfG0LAJGFxM4FbnQP6yfMxBgJ0F3YRqJCJ1aPAK2dQagdusBZg/0"

// listPeople lists all people, the oldest first.
func (s *Sim) listPeople(c *echo.Context) error {
	return s.inBook(c, func() any {
		list := book.Newest(s.state.people, func(p *person) time.Time { return p.MadeAt }, func(p *person) string { return p.ID })
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
		return list
	})
}

// makePerson adds a person.
func (s *Sim) makePerson(c *echo.Context) error {
	var in personRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.addPerson(in)
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(p))
}

// changePerson changes the given fields and keeps the rest.
func (s *Sim) changePerson(c *echo.Context) error {
	var in personRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.owner(c)
	if err != nil {
		return err
	}
	changed := *p
	if err := changed.change(in); err != nil {
		return err
	}
	if err := s.save(changed); err != nil {
		return err
	}
	*p = changed
	return c.JSONBlob(http.StatusOK, encode(p))
}

// owner is the person in the path. The caller holds s.mu.
func (s *Sim) owner(c *echo.Context) (*person, error) {
	if p := s.state.people[c.Param("id")]; p != nil {
		return p, nil
	}
	return nil, notThere("no person has this id")
}

// avatar serves an invented picture. NB! it is markup, so its policy forbids scripts.
func (s *Sim) avatar(c *echo.Context) error {
	s.mu.Lock()
	p := s.state.people[strings.TrimSuffix(c.Param("file"), ".svg")]
	s.mu.Unlock()
	if p == nil {
		return notThere("no person has this picture")
	}
	c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	return c.Blob(http.StatusOK, "image/svg+xml", []byte(p.avatarSVG()))
}

// onPhone is the common start of the phone's routes: it finds the person and the identity in the mini program. The
// caller holds s.mu.
func (s *Sim) onPhone(c *echo.Context, appid string) (*person, *identity, error) {
	appid, err := s.ownAppID(appid)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.owner(c)
	if err != nil {
		return nil, nil, err
	}
	id, err := s.use(appid, p.ID, s.Now())
	return p, id, err
}

// appRequest is the body of login, userinfo and phone.
type appRequest struct {
	AppID     string `json:"appid"`
	Anonymous *bool  `json:"anonymous"`
	Guest     bool   `json:"guest"` // of login: DevTools with a project that has the guest appid
}

// deviceLogin is wx.login: a code, and a new session_key unless the last is younger than five seconds.
func (s *Sim) deviceLogin(c *echo.Context) error {
	var in appRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	if in.Guest {
		return guestLogin(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return err
	}
	now := s.Now()
	if _, err := s.rotate(id, false, now); err != nil {
		return err
	}
	g, err := s.newGrant(grantLogin, wire.NewLoginCode(), id.AppID, p.ID, now)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"code": g.Code, "errMsg": "login:ok"})
}

// userInfo is the profile of wx.getUserInfo; the fields keep WeChat's order.
type userInfo struct {
	NickName  string `json:"nickName"`
	Gender    int    `json:"gender"`
	Language  string `json:"language"`
	City      string `json:"city"`
	Province  string `json:"province"`
	Country   string `json:"country"`
	AvatarURL string `json:"avatarUrl"`
}

// deviceUserInfo is wx.getUserInfo. By default it is anonymous, as on every phone today.
func (s *Sim) deviceUserInfo(c *echo.Context) error {
	var in appRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return err
	}
	live := s.state.sessions[id.session()]
	if live == nil {
		return conflict("the person has no session yet: call login first")
	}
	info := userInfo{NickName: "微信用户", AvatarURL: greyAvatar}
	if in.Anonymous != nil && !*in.Anonymous {
		info = userInfo{NickName: p.Nickname, Language: "zh_CN", AvatarURL: p.Avatar}
	}
	raw := string(encode(info))
	unionID, err := s.unionID(p.ID)
	if err != nil {
		return err
	}
	sealed, iv, err := wire.SealOpenData(encode(struct {
		OpenID string `json:"openId"`
		userInfo
		UnionID   string    `json:"unionId,omitempty"`
		Watermark watermark `json:"watermark"`
	}{id.OpenID, info, unionID, watermark{s.Now().Unix(), id.AppID}}), live.Key)
	if err != nil {
		return err
	}
	if err := s.keepSealed(id.AppID, sealed, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(map[string]any{
		"userInfo": info, "rawData": raw, "signature": wire.SignRawData(raw, live.Key), "encryptedData": sealed, "iv": iv,
		"errMsg": "getUserInfo:ok",
	}))
}

// devicePhone is the phone number button. The code needs no session; without a session encryptedData stays empty.
func (s *Sim) devicePhone(c *echo.Context) error {
	var in appRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id, err := s.onPhone(c, in.AppID)
	if err != nil {
		return err
	}
	if enough, err := s.spendPhone(id.AppID); err != nil || !enough {
		if err == nil {
			s.recordPhone("getPhoneNumber", "{}", `{"errno":1400001}`, "the package of phone numbers is used up", nil)
			err = refusedPhone(c)
		}
		return err
	}
	now := s.Now()
	g, err := s.newGrant(grantPhone, wire.NewPhoneCode(), id.AppID, p.ID, now)
	if err != nil {
		return err
	}
	var sealed, iv string
	if live := s.state.sessions[id.session()]; live != nil {
		if sealed, iv, err = wire.SealOpenData(encode(p.phoneInfo(id.AppID, now)), live.Key); err != nil {
			return err
		}
		if err := s.keepSealed(id.AppID, sealed, now); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, map[string]string{
		"code": g.Code, "encryptedData": sealed, "iv": iv, "errMsg": "getPhoneNumber:ok",
	})
}

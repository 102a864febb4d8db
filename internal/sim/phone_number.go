package sim

import "time"

// phoneRequest is the body of getuserphonenumber.
type phoneRequest struct {
	Code string `json:"code"`
}

// phoneInfo is WeChat's form of a phone number, in an answer or encrypted by the phone.
type phoneInfo struct {
	PhoneNumber     string    `json:"phoneNumber"`     // with the country's prefix for a foreign number
	PurePhoneNumber string    `json:"purePhoneNumber"` // never with it
	CountryCode     string    `json:"countryCode"`
	Watermark       watermark `json:"watermark"`
}

// watermark holds the data's appid and time; a receiver compares both.
type watermark struct {
	Timestamp int64  `json:"timestamp"` // Unix seconds
	AppID     string `json:"appid"`
}

// phoneInfo returns the number for a mini program at now.
func (p *person) phoneInfo(appid string, now time.Time) phoneInfo {
	full := p.Phone
	if p.CountryCode != "86" {
		full = "+" + p.CountryCode + p.Phone
	}
	return phoneInfo{full, p.Phone, p.CountryCode, watermark{now.Unix(), appid}}
}

// phoneNumber is POST /wxa/business/getuserphonenumber: it exchanges a code of the phone number button for the number,
// once.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/user-info/phone-number/api_getphonenumber.html (获取手机号)
func (s *Sim) phoneNumber(c *call) reply {
	var in phoneRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.state.grants[in.Code]
	switch {
	case in.Code == "":
		return c.refuse(40029, "code is missing")
	case g == nil || g.Kind != grantPhone:
		return c.refuse(40029, "no phone number button gave this code")
	case g.AppID != c.appid:
		return c.refuse(40013, "the code belongs to another mini program")
	case !s.limits.Allow("phone/"+g.Person, loginsPerMin, time.Minute, c.now):
		return c.refuse(45011, "more than 100 calls for one person in a minute")
	case !g.UsedAt.IsZero():
		return c.refuse(s.rule().phoneCodeUsed, "the code was redeemed before; a code works once")
	case g.expired(c.now):
		return c.refuse(40029, "the code is older than 5 minutes")
	}
	g.UsedAt = c.now
	if err := s.save(g); err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(struct {
		plainOK
		PhoneInfo phoneInfo `json:"phone_info"`
	}{plainOK{ErrMsg: "ok"}, s.state.people[g.Person].phoneInfo(g.AppID, g.MadeAt)})
}

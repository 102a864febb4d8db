package wechat

import (
	"context"
	"net/http"
	"time"
)

const opPhone = "getPhoneNumber"

// Phone is a number that WeChat verified.
type Phone struct {
	// PhoneNumber has the country prefix for foreign numbers.
	PhoneNumber string
	// PurePhoneNumber never has a prefix.
	PurePhoneNumber string
	// CountryCode is digits, such as 86.
	CountryCode string
	// Watermark names the app and the time; its AppID is already checked.
	Watermark Watermark
}

// Watermark is WeChat's stamp on data about a user.
type Watermark struct {
	AppID     string
	Timestamp time.Time
}

// PhoneNumber redeems the code of a getPhoneNumber or getRealtimePhoneNumber button: POST
// /wxa/business/getuserphonenumber (server/API/user-info/phone-number/api_getphonenumber.html, 获取手机号). A code lives 5
// minutes and works once, and differs from that of wx.login. It is not repeated after a lost answer.
//
// NB! The answer does not name the user: tie the number to the session that sent the code.
// Errors: KindCodeInvalid, KindCodeUsed, KindRate, KindConfig; ErrWatermark for a number of another app.
func (c *Client) PhoneNumber(ctx context.Context, code string) (Phone, error) {
	if err := checkCode(opPhone, "code", code); err != nil {
		return Phone{}, err
	}
	var phone Phone
	_, err := c.do(ctx, call{
		op: opPhone, method: http.MethodPost, path: "/wxa/business/getuserphonenumber",
		body: map[string]string{"code": code}, needsToken: true,
		read: func(body []byte) (err error) {
			var wire struct {
				PhoneInfo phoneWire `json:"phone_info"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			phone, err = wire.PhoneInfo.phone(c.app.AppID)
			return err
		},
	})
	return phone, err
}

// phoneWire is the number in the call's answer and in the old encrypted data.
type phoneWire struct {
	PhoneNumber     word          `json:"phoneNumber"`
	PurePhoneNumber word          `json:"purePhoneNumber"`
	CountryCode     word          `json:"countryCode"` // the table says string, the sample has a number
	Watermark       watermarkWire `json:"watermark"`
}

type watermarkWire struct {
	AppID     string `json:"appid"`
	Timestamp number `json:"timestamp"`
}

func (w watermarkWire) watermark() Watermark {
	return Watermark{AppID: w.AppID, Timestamp: time.Unix(int64(w.Timestamp), 0).UTC()}
}

// phone demands the watermark, of this app, and a number.
func (w phoneWire) phone(appID string) (Phone, error) {
	if appID == "" || w.Watermark.AppID != appID {
		return Phone{}, ErrWatermark
	}
	if w.PhoneNumber == "" || w.PurePhoneNumber == "" {
		return Phone{}, ErrMissingField
	}
	return Phone{
		PhoneNumber: string(w.PhoneNumber), PurePhoneNumber: string(w.PurePhoneNumber),
		CountryCode: string(w.CountryCode), Watermark: w.Watermark.watermark(),
	}, nil
}

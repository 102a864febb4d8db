package wechat_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"wxbase/internal/wechat"
)

func TestPhoneNumber(t *testing.T) {
	t.Parallel()
	info := func(country, mark string) string {
		return `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13800138000","purePhoneNumber":"13800138000",` +
			country + `"watermark":` + mark + `}}`
	}
	const mark = `{"timestamp":1637744274,"appid":"` + appID + `"}`
	scenarios := []struct {
		name, code, answer, country string
		kind                        wechat.Kind
		err                         error
	}{
		{"country as string", "c", info(`"countryCode":"86",`, mark), "86", "", nil},
		{"country as number", "c", info(`"countryCode":86,`, mark), "86", "", nil},
		{"country null", "c", info(`"countryCode":null,`, mark), "", "", nil},
		{"time as string", "c", info("", `{"timestamp":"1637744274","appid":"`+appID+`"}`), "", "", nil},
		{"another app's watermark", "c", info("", `{"timestamp":1,"appid":"wx0000000000000000"}`), "", wechat.KindBadAnswer, wechat.ErrWatermark},
		{"no watermark", "c", info("", `null`), "", wechat.KindBadAnswer, wechat.ErrWatermark},
		{"no number", "c", `{"phone_info":{"watermark":` + mark + `}}`, "", wechat.KindBadAnswer, wechat.ErrMissingField},
		{"no info", "c", `{}`, "", wechat.KindBadAnswer, wechat.ErrWatermark},
		{"country an object", "c", info(`"countryCode":{},`, mark), "", wechat.KindBadAnswer, wechat.ErrNotJSON},
		{"used code", "c", `{"errcode":40029,"errmsg":"invalid code"}`, "", wechat.KindCodeInvalid, nil},
		{"another app's code", "c", `{"errcode":40013}`, "", wechat.KindConfig, nil},
		{"no code", "", `{}`, "", wechat.KindArgs, nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.RawQuery != "access_token=70_token" || string(body) != `{"code":"c"}` {
					t.Errorf("got %s %s %s", r.Method, r.URL, body)
				}
				answer(s.answer)(w, r)
			})
			got, err := c.PhoneNumber(t.Context(), s.code)
			wantKind(t, err, s.kind)
			if s.err != nil && !errors.Is(err, s.err) {
				t.Errorf("got %v, want %v", err, s.err)
			}
			if err == nil && (got.PurePhoneNumber != "13800138000" || got.CountryCode != s.country ||
				got.Watermark.AppID != appID || got.Watermark.Timestamp.Unix() != 1637744274) {
				t.Errorf("got %+v, want the number with country %q", got, s.country)
			}
		})
	}
}

package sim

import (
	"maps"

	"github.com/labstack/echo/v5"
)

// Events about what a person has authorized (小程序用户信息授权变更).
const (
	eventInfoModified  = "user_info_modified"              // 用户资料变更
	eventInfoRevoked   = "user_authorization_revoke"       // 用户撤回授权
	eventInfoCancelled = "user_authorization_cancellation" // 用户完成注销
)

// privacyEvents are the short names of the events, in triggers and on the phone.
func privacyEvents() map[string]string {
	return map[string]string{"modified": eventInfoModified, "revoke": eventInfoRevoked, "cancellation": eventInfoCancelled}
}

// revokedPhone is the phone number in RevokeInfo: 1 licence plate, 2 address, 3 invoice, 4 bluetooth, 5 microphone, 6
// nickname and avatar, 7 camera, 8 phone, 12 steps, 13 location, 14 media, 15 file, 16 e-mail, 18 chosen place, 19
// nickname keyboard, 20 avatar component.
const revokedPhone = "8"

// privacyFields completes the fields of such an event: the person, the mini program, and what is revoked, as text.
// Those of plug-ins are empty. Other events stay unchanged.
func privacyFields(m pushMessage) pushFields {
	if m.Event != eventInfoModified && m.Event != eventInfoRevoked && m.Event != eventInfoCancelled {
		return m.Fields
	}
	fields := pushFields{"OpenID": m.From, "AppID": m.AppID, "RevokeInfo": "", "PluginID": "", "OpenPID": ""}
	if m.Event == eventInfoRevoked {
		fields["RevokeInfo"] = revokedPhone
	}
	maps.Copy(fields, m.Fields)
	if other, given := fields["OpenId"]; given { // note: sources differ in the field's case; a test sends the other one
		delete(fields, "OpenID")
		fields["OpenId"] = or(text(other), m.From)
	}
	return fields
}

// devicePrivacy is POST /_sim/people/{id}/privacy {event: revoke, cancellation or modified, fields?, appid?}: the
// person revokes a permission in WeChat's settings. fields.RevokeInfo says which; by default the phone number.
func (s *Sim) devicePrivacy(c *echo.Context) error {
	var in struct {
		Event  string     `json:"event"`
		AppID  string     `json:"appid"`
		Fields pushFields `json:"fields"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	event := or(privacyEvents()[in.Event], in.Event)
	if event != eventInfoModified && event != eventInfoRevoked && event != eventInfoCancelled {
		return badInput("event must be revoke, cancellation or modified")
	}
	return s.sendByHand(c, handPush{AppID: in.AppID, Person: c.Param("id"), Event: event, Fields: in.Fields})
}

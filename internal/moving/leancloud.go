package moving

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// LeanCloud is an export of 数据导出 (JSON, JSONL) or 备份导出 (BSON).
type LeanCloud struct{ Folder *Folder }

// Label is "leancloud".
func (LeanCloud) Label() string { return "leancloud" }

// Prefix is "lc_".
func (LeanCloud) Prefix() string { return "lc_" }

// People is LeanCloud's own class of users.
func (LeanCloud) People() string { return "_User" }

// Classes lists what the export holds.
func (l LeanCloud) Classes() ([]string, error) { return l.Folder.Classes(), nil }

// Rows reads a class.
func (l LeanCloud) Rows(class string, yield func(Row) error) error {
	return l.Folder.Objects(class, func(o object) error { return yield(leanRow(class, o)) })
}

// leanSecrets are columns of _User that must not become fields.
var leanSecrets = []string{"password", "salt", "sessionToken", "authData", "email", "emailVerified", "mobilePhoneNumber", "mobilePhoneVerified", "username"}

func leanRow(class string, o object) Row {
	row := Row{ID: textOf(o["objectId"]), Fields: map[string]any{}}
	if row.ID == "" {
		row.ID = textOf(o["_id"])
	}
	row.Created, _ = timeOf(o["createdAt"])
	row.Updated, _ = timeOf(o["updatedAt"])
	row.ACL = aclOf(o["ACL"])
	if class == "_User" {
		row.Person, row.Lost = leanPerson(o)
	}
	if class == fileClass {
		f := fileOf(o)
		f.ID = row.ID
		row.Fields["file"] = f
		return row
	}
	for key, v := range o {
		if row.Person != nil && key == "name" && row.Person.Name != "" && v == any(row.Person.Name) {
			continue
		}
		if v == nil || slices.Contains([]string{"objectId", "_id", "createdAt", "updatedAt", "ACL", "__type", "className", "_r", "_w"}, key) {
			continue
		}
		if row.Person != nil && slices.Contains(leanSecrets, key) {
			continue
		}
		row.Fields[key] = typed(v)
	}
	return row
}

// leanPerson reads a row of _User. A phone number counts only when it was verified, because ours is one that WeChat has verified.
func leanPerson(o object) (*Person, []string) {
	p := &Person{Username: textOf(o["username"]), Email: textOf(o["email"]), EmailVerified: o["emailVerified"] == true, Password: NoPassword}
	for _, key := range []string{"name", "nickName", "nickname"} { // customs: LeanCloud itself knows no name
		p.Name = cmp.Or(p.Name, textOf(o[key]))
	}
	var lost []string
	if hash := textOf(o["password"]); hash != "" {
		if p.Password = oldPassword(textOf(o["salt"]), hash); p.Password == NoPassword {
			lost = append(lost, "password of an unknown form")
		}
	}
	if phone := textOf(o["mobilePhoneNumber"]); phone != "" && o["mobilePhoneVerified"] == true {
		p.CountryCode, p.Phone = splitPhone(phone)
	} else if phone != "" {
		lost = append(lost, "mobilePhoneNumber that was never verified")
	}
	if textOf(o["sessionToken"]) != "" {
		lost = append(lost, "sessionToken (users log in again)")
	}
	auth, _ := o["authData"].(map[string]any)
	for _, platform := range slices.Sorted(maps.Keys(auth)) {
		data, _ := auth[platform].(map[string]any)
		if platform == "lc_weapp" {
			p.OpenID = textOf(data["openid"])
		} else if auth[platform] != nil {
			lost = append(lost, "authData."+platform)
		}
		if p.UnionID == "" && (platform == "lc_weapp" || strings.HasPrefix(platform, "weixin")) {
			p.UnionID = textOf(data["unionid"])
		}
	}
	return p, lost
}

// splitPhone tells the country from the number where the number names it; 86 is left out in China.
func splitPhone(phone string) (country, number string) {
	if rest, ok := strings.CutPrefix(phone, "+86"); ok {
		return "86", rest
	}
	if rest, ok := strings.CutPrefix(phone, "+"); ok {
		return "", rest
	}
	return "86", phone
}

func aclOf(v any) ACL {
	all, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	acl := ACL{}
	for who, g := range all {
		grant, _ := g.(map[string]any)
		acl[who] = Grant{Read: grant["read"] == true, Write: grant["write"] == true}
	}
	return acl
}

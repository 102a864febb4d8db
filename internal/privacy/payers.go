package privacy

import (
	"encoding/json"
	"slices"

	"github.com/pocketbase/pocketbase/core"
)

// payerFields are where rows about a person's order tell who paid it: the person, or whoever scanned a code or opened a page.
var payerFields = map[string][]string{"payments": {"openid", "raw"}, "wx_ledger": {"evidence"}}

// hidePayer shows such a field without the openid of another person.
func (x *exporter) hidePayer(row *core.Record, name string) any {
	if f, isJSON := row.Collection().Fields.GetByName(name).(*core.JSONField); !isJSON || f == nil {
		return x.ownOpenID(row.Get(name))
	}
	var value any
	if json.Unmarshal([]byte(row.GetString(name)), &value) != nil {
		return row.Get(name)
	}
	return x.hideOpenIDs(value)
}

// hideOpenIDs goes through all of a JSON value.
func (x *exporter) hideOpenIDs(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			if key == "openid" {
				v[key] = x.ownOpenID(one)
			} else {
				v[key] = x.hideOpenIDs(one)
			}
		}
	case []any:
		for i := range v {
			v[i] = x.hideOpenIDs(v[i])
		}
	}
	return value
}

// ownOpenID is an openid of the person, or what stands for another's.
func (x *exporter) ownOpenID(value any) any {
	if id, _ := value.(string); id != "" && !slices.Contains(x.who.OpenIDs, id) {
		return anotherPerson
	}
	return value
}

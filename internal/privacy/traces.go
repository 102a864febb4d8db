package privacy

import (
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// traces is by what a person is found. Ids are a person's alone wherever they stand; a phone number or an address may be in the row of somebody
// else, and a row is found by them only where they are all that a column holds.
type traces struct {
	User     string   `json:"user"`
	OpenIDs  []string `json:"openids"`
	UnionIDs []string `json:"unionids"`
	Phone    string   `json:"phone"`
	Email    string   `json:"email"`
}

// tracesOf collects what the database knows a user by.
func tracesOf(app core.App, user *core.Record) (traces, error) {
	t := traces{User: user.Id, Phone: user.GetString("phone"), Email: user.Email()}
	identities, err := app.FindAllRecords("wx_identities", dbx.HashExp{"user": user.Id})
	if err != nil {
		return t, fmt.Errorf("read identities: %w", err)
	}
	for _, one := range identities {
		t.OpenIDs = append(t.OpenIDs, one.GetString("openid"))
		if union := one.GetString("unionid"); union != "" && !slices.Contains(t.UnionIDs, union) {
			t.UnionIDs = append(t.UnionIDs, union)
		}
	}
	return t, nil
}

// keptTraces reads those that were kept when the work began.
func keptTraces(row *core.Record) (t traces, err error) {
	if err := row.UnmarshalJSONField("traces", &t); err != nil {
		return t, fmt.Errorf("read traces: %w", err)
	}
	return t, nil
}

// ids are those that are one person's wherever they stand.
func (t traces) ids() []string {
	return slices.DeleteFunc(slices.Concat([]string{t.User}, t.OpenIDs, t.UnionIDs), func(id string) bool { return len(id) < 8 })
}

// words are those that count as the whole of a column.
func (t traces) words() []string {
	return slices.DeleteFunc([]string{t.Phone, t.Email}, func(word string) bool { return len(word) < 6 })
}

// userOf finds whose openid it is in a mini program; nil when nobody's.
func userOf(app core.App, appID, openID string) (*core.Record, error) {
	identity, err := books.Find(app, "wx_identities", dbx.HashExp{"appid": appID, "openid": openID})
	if isMissing(err) {
		return nil, nil //nolint:nilnil // WeChat tells of people who have never been here
	}
	if err != nil {
		return nil, fmt.Errorf("find identity: %w", err)
	}
	return books.ByID(app, usersTable, identity.GetString("user"))
}

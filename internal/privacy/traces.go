package privacy

import (
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// traces are what identifies a person. An id belongs to one person wherever it is; a phone number or an address may be
// in another person's row, so it identifies a row only if it is the whole value of a column.
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

// userOf returns the user of an openid in a mini program; nil without one.
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

package moving

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/ozzo-validation/v4/is"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
)

// What the report calls the things that people lose.
const (
	lostEmail    = "email that is no address, or another account's"
	lostUsername = "username that is another account's"
	lostPerson   = "fields of users who have an account here already (their rows are given to that account)"
)

// meet finds who is here already: people who have logged in by WeChat before the import keep the account that they have.
func (m *Mover) meet() error {
	m.people, m.byOpen = map[string]string{}, map[string]string{}
	var known []struct {
		OpenID string `db:"openid"`
		User   string `db:"user"`
	}
	err := m.App.DB().Select("openid", "user").From("wx_identities").Where(dbx.HashExp{"appid": m.Plan.AppID}).All(&known)
	if err != nil {
		return fmt.Errorf("list identities: %w", err)
	}
	for _, k := range known {
		m.byOpen[k.OpenID] = k.User
	}
	class := m.Plan.Class(m.Source.People())
	if class == nil {
		return nil
	}
	return m.Source.Rows(class.Name, func(row Row) error {
		if row.Person != nil && row.Person.OpenID != "" && m.byOpen[row.Person.OpenID] != "" {
			m.people[row.ID] = m.byOpen[row.Person.OpenID]
		}
		return nil
	})
}

// userValues are the columns of a user, nil when the person already has an account here.
func (m *Mover) userValues(tx core.App, row Row, values map[string]any) (map[string]any, error) {
	id, _ := values["id"].(string)
	if id != shortID(m.Source.Label(), m.Source.People(), row.ID) {
		m.report.Lost[lostPerson]++
		return nil, nil
	}
	p := row.Person
	email, err := m.free(tx, "email", p.Email, id, lostEmail, is.EmailFormat)
	if err != nil {
		return nil, err
	}
	username, err := m.free(tx, "username", p.Username, id, lostUsername)
	if err != nil {
		return nil, err
	}
	values["objectId"], values["username"], values["email"], values["verified"] = row.ID, username, email, p.EmailVerified && email != ""
	values["phone"], values["countryCode"], values["emailVisibility"] = p.Phone, p.CountryCode, false
	values["password"], values["tokenKey"] = p.Password, security.RandomString(50)
	if values["password"] == "" {
		values["password"] = NoPassword
	}
	values["name"] = p.Name
	return values, nil
}

// free is the value where no other account has it, else "" and a line in the report.
func (m *Mover) free(tx core.App, column, value, id, lost string, rules ...validation.Rule) (string, error) {
	if value == "" {
		return "", nil
	}
	if invalid := validation.Validate(value, rules...); invalid != nil {
		m.report.Lost[lost]++
		return "", nil //nolint:nilerr // old data is not wrong, it is left behind
	}
	var other string
	err := tx.DB().Select("id").From("users").Where(dbx.NewExp("[["+column+"]] = {:v} AND [["+column+"]] != '' AND [[id]] != {:id}",
		dbx.Params{"v": value, "id": id})).Limit(1).Row(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return value, nil
	}
	m.report.Lost[lost]++
	return "", err
}

// bind makes the identity by which wx.login finds the old account. The session key comes with that login.
func (m *Mover) bind(tx core.App, row Row, user string) error {
	p := row.Person
	if p.OpenID == "" || m.byOpen[p.OpenID] != "" {
		return nil
	}
	m.byOpen[p.OpenID] = user
	return m.identify(tx, user, p.OpenID, p.UnionID, row.Created)
}

func (m *Mover) identify(tx core.App, user, openID, unionID string, at time.Time) error {
	now := dateText(time.Now())
	_, err := tx.DB().Insert("wx_identities", dbx.Params{
		"id": shortID("identity", m.Plan.AppID, openID), "user": user, "appid": m.Plan.AppID, "openid": openID, "unionid": unionID,
		"sessionKey": "", "previousSessionKey": "", "sessionAt": dateText(at), "created": now, "updated": now,
	}).Execute()
	return err
}

// userOf finds or makes the user of an openid.
func (m *Mover) userOf(tx core.App, openID string) (string, error) {
	if id := m.byOpen[openID]; id != "" {
		return id, nil
	}
	id, now := shortID("person", m.Plan.AppID, openID), dateText(time.Now())
	_, err := tx.DB().Insert("users", dbx.Params{
		"id": id, "password": NoPassword, "tokenKey": security.RandomString(50), "created": now, "updated": now,
	}).Execute()
	if err != nil {
		return "", fmt.Errorf("make the user of an openid: %w", err)
	}
	m.byOpen[openID] = id
	m.report.People++
	return id, m.identify(tx, id, openID, "", time.Now())
}

// AppIDOf is the mini program that openids of an export belong to: the one named, or the only one there is; empty when there is none.
func AppIDOf(app core.App, named string) (string, error) {
	var all []string
	if err := app.DB().Select("appid").From("wx_apps").Column(&all); err != nil {
		return "", fmt.Errorf("list mini programs: %w", err)
	}
	if named == "" && len(all) == 1 {
		return all[0], nil
	}
	return named, nil
}

// guesses of passwords that one address has in a minute; many phones share one.
const guesses = 30

// limitGuesses adds a limit for the password login of users, whose route was closed before. A rule of the operator's stays.
func limitGuesses(app core.App) error {
	const label = "users:authWithPassword"
	limits := &app.Settings().RateLimits
	if slices.ContainsFunc(limits.Rules, func(r core.RateLimitRule) bool { return r.Label == label }) {
		return nil
	}
	limits.Rules = append(limits.Rules, core.RateLimitRule{Label: label, MaxRequests: guesses, Duration: 60})
	if err := app.Save(app.Settings()); err != nil {
		return fmt.Errorf("limit guesses of passwords: %w", err)
	}
	return nil
}

package people

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// remember finds or makes the user behind a WeChat session, and keeps the session key encrypted. A returning user whose key did
// not change costs no write.
func (w *People) remember(app core.App, appID string, s wechat.Session, who profile) (user *core.Record, isNew bool, err error) {
	user, err = w.recall(app, appID, s)
	if !errors.Is(err, sql.ErrNoRows) {
		return user, false, err
	}
	err = books.TogetherUnless(false, app, func(tx core.App) error {
		if user, err = w.recall(tx, appID, s); !errors.Is(err, sql.ErrNoRows) {
			return err // another request of the same person was faster
		}
		user, isNew, err = w.introduce(tx, appID, s, who)
		return err
	})
	return user, isNew, err
}

// recall finds a known identity and its user, and stores a changed session key. It fails with sql.ErrNoRows.
func (w *People) recall(app core.App, appID string, s wechat.Session) (*core.Record, error) {
	identity, err := FindIdentity(app, appID, s.OpenID)
	if err != nil {
		return nil, err
	}
	current, err := w.isCurrent(app, identity, s)
	if err != nil {
		return nil, err
	}
	if !current {
		// note: read again inside, so that of two logins at once the later keeps the earlier one's key as the previous
		err := books.Together(app, func(tx core.App) error {
			if identity, err = FindIdentity(tx, appID, s.OpenID); err != nil {
				return err
			}
			return w.refreshIdentity(tx, identity, s)
		})
		if err != nil {
			return nil, err
		}
	}
	return books.ByID(app, "users", identity.GetString("user"))
}

// FindIdentity fails with sql.ErrNoRows.
func FindIdentity(app core.App, appID, openID string) (*core.Record, error) {
	return books.Find(app, "wx_identities", dbx.HashExp{"appid": appID, "openid": openID})
}

// isCurrent tells whether everything that a login would write is there already.
func (w *People) isCurrent(app core.App, identity *core.Record, s wechat.Session) (bool, error) {
	if sameKey, _ := w.holdsKey(identity, s.SessionKey); !sameKey || !holdsUnion(identity, s.UnionID) {
		return false, nil
	}
	// note: who has been in another mini program since is back in this one, which IdentityOf must see
	elsewhere, err := app.CountRecords("wx_identities", dbx.HashExp{"user": identity.GetString("user")},
		dbx.NewExp("[[id]] != {:id} AND [[sessionAt]] >= {:at}", dbx.Params{"id": identity.Id, "at": identity.GetString("sessionAt")}))
	return elsewhere == 0, err
}

// holdsKey compares the stored key, which it returns too. One that cannot be opened any more is as good as none.
func (w *People) holdsKey(identity *core.Record, key wechat.SessionKey) (bool, wechat.SessionKey) {
	current, err := w.sessionKey(identity, "sessionKey")
	return err == nil && current.Reveal() == key.Reveal(), current
}

func holdsUnion(identity *core.Record, unionID string) bool {
	return unionID == "" || unionID == identity.GetString("unionid")
}

// introduce makes an identity, and a user too unless the unionid leads to one that is known from another mini program.
func (w *People) introduce(tx core.App, appID string, s wechat.Session, who profile) (*core.Record, bool, error) {
	user, err := userByUnion(tx, s.UnionID)
	if err != nil {
		return nil, false, err
	}
	isNew := user == nil
	if isNew {
		if user, err = newUser(tx, who); err != nil {
			return nil, false, err
		}
	}
	id := core.GenerateDefaultRandomId()
	sealed, err := w.Accounts.Settings.Vault().Seal(keyPlaceOf(id, "sessionKey"), s.SessionKey.Reveal())
	if err != nil {
		return nil, false, err
	}
	_, err = books.Insert(tx, "wx_identities", map[string]any{
		"id": id, "user": user.Id, "appid": appID, "openid": s.OpenID, "unionid": s.UnionID, "sessionKey": sealed, "sessionAt": w.Now(),
	})
	return user, isNew, err
}

// userByUnion finds the user whom another mini program knows by the same unionid, nil when there is none.
func userByUnion(tx core.App, unionID string) (*core.Record, error) {
	if unionID == "" {
		return nil, nil //nolint:nilnil // no unionid, no user, no mistake
	}
	sibling, err := tx.FindFirstRecordByData("wx_identities", "unionid", unionID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, err
	}
	return books.ByID(tx, "users", sibling.GetString("user"))
}

// newUser makes an account that no password opens.
// note: a random password would cost 60 ms of bcrypt; this hash is not one that bcrypt can produce, so it never matches.
func newUser(tx core.App, who profile) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("users")
	if err != nil {
		return nil, err
	}
	user := core.NewRecord(c)
	user.Set("name", who.NickName)
	user.RefreshTokenKey()
	user.SetRaw("password", &core.PasswordFieldValue{Hash: "$wechat-only"})
	if err := books.Create(tx, user); err != nil {
		return nil, fmt.Errorf("save user: %w", err)
	}
	return user, nil
}

// refreshIdentity stores a new session key, keeping the one before it, a unionid that was not known, and the time.
func (w *People) refreshIdentity(app core.App, identity *core.Record, s wechat.Session) error {
	if same, current := w.holdsKey(identity, s.SessionKey); !same {
		if err := w.rotateSessionKey(identity, current, s.SessionKey); err != nil {
			return err
		}
	}
	if !holdsUnion(identity, s.UnionID) {
		if err := w.joinByUnion(app, identity, s.UnionID); err != nil {
			return err
		}
		identity.Set("unionid", s.UnionID)
	}
	identity.Set("sessionAt", w.Now())
	if err := books.Write(app, identity); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}

func (w *People) rotateSessionKey(identity *core.Record, old, key wechat.SessionKey) error {
	sealed, err := w.Accounts.Settings.Vault().Seal(keyPlace(identity, "previousSessionKey"), old.Reveal())
	if err != nil {
		return err
	}
	identity.Set("previousSessionKey", sealed)
	return w.setSessionKey(identity, key)
}

func (w *People) setSessionKey(identity *core.Record, key wechat.SessionKey) error {
	sealed, err := w.Accounts.Settings.Vault().Seal(keyPlace(identity, "sessionKey"), key.Reveal())
	if err != nil {
		return err
	}
	identity.Set("sessionKey", sealed)
	identity.Set("sessionAt", w.Now())
	return nil
}

// sessionKey opens one of the two generations: sessionKey or previousSessionKey.
func (w *People) sessionKey(identity *core.Record, field string) (wechat.SessionKey, error) {
	plain, err := w.Accounts.Settings.Vault().Open(keyPlace(identity, field), identity.GetString(field))
	if err != nil {
		return "", fmt.Errorf("open session key: %w", err)
	}
	return wechat.SessionKey(plain), nil
}

func keyPlace(identity *core.Record, field string) string {
	return keyPlaceOf(identity.Id, field)
}

func keyPlaceOf(id, field string) string { return "wx_identities/" + id + "/" + field }

// IdentityOf finds who a user is in a mini program; an empty appid means where they logged in last.
func IdentityOf(app core.App, userID, appID string) (*core.Record, error) {
	where, values := "`user` = ?", []any{userID}
	if appID != "" {
		where, values = where+" AND `appid` = ?", append(values, appID)
	}
	found, err := books.First(app, "wx_identities", where+" ORDER BY `sessionAt` DESC", values...)
	if err != nil {
		return nil, fmt.Errorf("find identity: %w", err)
	}
	return found, nil
}

// OpenIDOf is what WeChat calls a user in a mini program, and which one that is: IdentityOf for who needs no more.
func OpenIDOf(app core.App, userID, appID string) (in, openID string, err error) {
	err = books.Row(app, "SELECT `appid`, `openid` FROM `wx_identities` WHERE `user` = ? AND (? = '' OR `appid` = ?) ORDER BY `sessionAt` DESC LIMIT 1",
		[]any{userID, appID, appID}, &in, &openID)
	if err != nil {
		return "", "", fmt.Errorf("find identity: %w", err)
	}
	return in, openID, nil
}

// BlockUser makes a block take effect at once: PocketBase looks at the auth rule only at login, so the tokens are revoked and the
// realtime connections closed (bindKicks).
func BlockUser(e *core.RecordEvent) error {
	if e.Record.GetBool("blocked") && !e.Record.Original().GetBool("blocked") {
		e.Record.RefreshTokenKey()
	}
	return e.Next()
}

// SessionOf is the session_key of a user in a mini program and when it came. It is empty for one that no phone has any more.
func SessionOf(app core.App, vault *settings.Vault, userID, appID string) (key wechat.SessionKey, at time.Time, err error) {
	identity, err := IdentityOf(app, userID, appID)
	if err != nil {
		return "", at, err
	}
	plain, err := vault.Open(keyPlace(identity, "sessionKey"), identity.GetString("sessionKey"))
	if err != nil {
		return "", at, fmt.Errorf("open session key: %w", err)
	}
	return wechat.SessionKey(plain), identity.GetDateTime("sessionAt").Time(), nil
}

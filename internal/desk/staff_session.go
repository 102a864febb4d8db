package desk

// A token of staff is "wxs_<id of the session>.<secret>". The database has the hash of the secret only, so that a copy of it opens nothing,
// and a session that is ended is no longer one from the next request on.

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
)

const (
	tokenPrefix  = "wxs_"
	sessionLife  = 14 * 24 * time.Hour // from the login on, however it is used
	sessionIdle  = 3 * 24 * time.Hour  // without a request
	seenInterval = 5 * time.Minute     // how exactly it is kept when a session was last used
)

// staffKey is where a request carries the record of the staff member who makes it.
const staffKey = "wxDeskStaff"

// openSession begins a session and gives its token, which is shown once.
func (d *Desk) openSession(e *core.RequestEvent, staff *core.Record) (token string, err error) {
	c, err := d.App.FindCachedCollectionByNameOrId("wx_staff_sessions")
	if err != nil {
		return "", fmt.Errorf("find wx_staff_sessions: %w", err)
	}
	secret := rand.Text()
	s := core.NewRecord(c)
	s.Load(map[string]any{
		"staff": staff.Id, "secretHash": hashOf(secret), "agent": clip(e.Request.UserAgent(), 300), "ip": clip(e.RealIP(), 64),
		"seenAt": d.Now(), "endsAt": d.Now().Add(sessionLife),
	})
	if err := books.Save(d.App, s); err != nil {
		return "", fmt.Errorf("save session: %w", err)
	}
	return tokenPrefix + s.Id + "." + secret, nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// staffOf finds the staff member whose token a request carries, and makes them e.Auth.
func (d *Desk) staffOf(e *core.RequestEvent) (Actor, error) {
	session, err := d.sessionOf(e)
	if err != nil {
		return Actor{}, err
	}
	staff, err := d.App.FindRecordById("wx_staff", session.GetString("staff"))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Actor{}, answer.Fail(answer.Busy, err)
	}
	if err != nil || staff.GetBool("disabled") {
		return Actor{}, answer.Fail(answer.StaffSignIn, nil)
	}
	d.noteSeen(session, staff)
	e.Auth = staff
	e.Set(staffKey, staff)
	return Actor{ID: staff.Id, Email: staff.Email(), Role: Role(staff.GetString("role")), Session: session.Id}, nil
}

// bringsToken tells whether a request has what looks like a token of staff.
func bringsToken(e *core.RequestEvent) bool { return strings.HasPrefix(tokenOf(e), tokenPrefix) }

func tokenOf(e *core.RequestEvent) string {
	return strings.TrimPrefix(e.Request.Header.Get("Authorization"), "Bearer ")
}

// sessionOf finds the session of a request's token.
func (d *Desk) sessionOf(e *core.RequestEvent) (*core.Record, error) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(tokenOf(e), tokenPrefix), ".")
	if !ok || !bringsToken(e) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	s, err := d.App.FindRecordById("wx_staff_sessions", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	isRight := subtle.ConstantTimeCompare([]byte(s.GetString("secretHash")), []byte(hashOf(secret))) == 1
	if !isRight || !d.isOpen(s) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	return s, nil
}

// isOpen tells whether a session is neither ended nor run out.
func (d *Desk) isOpen(s *core.Record) bool {
	now := d.Now()
	return s.GetDateTime("endedAt").IsZero() && now.Before(s.GetDateTime("endsAt").Time()) &&
		now.Before(s.GetDateTime("seenAt").Time().Add(sessionIdle))
}

// noteSeen keeps when a session was last used. note: a request is not refused because that cannot be written.
func (d *Desk) noteSeen(session, staff *core.Record) {
	if d.Now().Before(session.GetDateTime("seenAt").Time().Add(seenInterval)) {
		return
	}
	err := d.App.RunInTransaction(func(tx core.App) error {
		for _, r := range []*core.Record{session, staff} {
			_, err := tx.DB().Update(r.Collection().Name, dbx.Params{"seenAt": stored(d.Now())}, dbx.HashExp{"id": r.Id}).Execute()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.App.Logger().Warn("use of a session not noted", "session", session.Id, "error", err.Error())
	}
}

// endSessions ends the open sessions of a staff member, all but one that may be named.
func (d *Desk) endSessions(app core.App, staff, but, by string) error {
	_, err := app.DB().Update("wx_staff_sessions", dbx.Params{"endedAt": stored(d.Now()), "endedBy": clip(by, 200)},
		dbx.And(dbx.HashExp{"staff": staff, "endedAt": ""}, dbx.Not(dbx.HashExp{"id": but}))).Execute()
	if err != nil {
		return fmt.Errorf("end sessions of %s: %w", staff, err)
	}
	return nil
}

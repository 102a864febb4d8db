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
	"wxbase/internal/days"
)

const (
	tokenPrefix  = "wxs_"
	sessionLife  = 14 * 24 * time.Hour // from the login on, however it is used
	sessionIdle  = 3 * 24 * time.Hour  // without a request
	seenInterval = 5 * time.Minute     // how exactly it is kept when a session was last used

	sessionMemory = 60 * 24 * time.Hour // how long a session is kept after it could last be used
)

// staffKey is where a request carries the record of the staff member who makes it.
const staffKey = "wxDeskStaff"

// sessions are the logins of staff.
type sessions struct{ kit }

// openSession begins a session and gives its token, which is shown once.
func (ss *sessions) openSession(e *core.RequestEvent, staff *core.Record) (token string, err error) {
	c, err := ss.App.FindCachedCollectionByNameOrId("wx_staff_sessions")
	if err != nil {
		return "", fmt.Errorf("find wx_staff_sessions: %w", err)
	}
	secret := rand.Text()
	s := core.NewRecord(c)
	s.Load(map[string]any{
		"staff": staff.Id, "secretHash": hashOf(secret), "agent": clip(e.Request.UserAgent(), 300), "ip": clip(e.RealIP(), 64),
		"seenAt": ss.Now(), "endsAt": ss.Now().Add(sessionLife),
	})
	if err := books.Save(ss.App, s); err != nil {
		return "", fmt.Errorf("save session: %w", err)
	}
	return tokenPrefix + s.Id + "." + secret, nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// staffOf finds the staff member whose token a request carries, and makes them e.Auth.
func (ss *sessions) staffOf(e *core.RequestEvent) (Actor, error) {
	session, err := ss.sessionOf(e)
	if err != nil {
		return Actor{}, err
	}
	staff, err := ss.App.FindRecordById("wx_staff", session.GetString("staff"))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Actor{}, answer.Fail(answer.Busy, err)
	}
	if err != nil || staff.GetBool("disabled") {
		return Actor{}, answer.Fail(answer.StaffSignIn, nil)
	}
	ss.noteSeen(session, staff)
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
func (ss *sessions) sessionOf(e *core.RequestEvent) (*core.Record, error) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(tokenOf(e), tokenPrefix), ".")
	if !ok || !bringsToken(e) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	s, err := ss.App.FindRecordById("wx_staff_sessions", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	if err != nil {
		return nil, answer.Fail(answer.Busy, err)
	}
	isRight := subtle.ConstantTimeCompare([]byte(s.GetString("secretHash")), []byte(hashOf(secret))) == 1
	if !isRight || !ss.isOpen(s) {
		return nil, answer.Fail(answer.StaffSignIn, nil)
	}
	return s, nil
}

// isOpen tells whether a session is neither ended nor run out.
func (ss *sessions) isOpen(s *core.Record) bool {
	now := ss.Now()
	return s.GetDateTime("endedAt").IsZero() && now.Before(s.GetDateTime("endsAt").Time()) &&
		now.Before(s.GetDateTime("seenAt").Time().Add(sessionIdle))
}

// noteSeen keeps when a session was last used. note: a request is not refused because that cannot be written.
func (ss *sessions) noteSeen(session, staff *core.Record) {
	if ss.Now().Before(session.GetDateTime("seenAt").Time().Add(seenInterval)) {
		return
	}
	err := ss.App.RunInTransaction(func(tx core.App) error {
		for _, r := range []*core.Record{session, staff} {
			_, err := tx.DB().Update(r.Collection().Name, dbx.Params{"seenAt": days.Store(ss.Now())}, dbx.HashExp{"id": r.Id}).Execute()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		ss.App.Logger().Warn("use of a session not noted", "session", session.Id, "error", err.Error())
	}
}

// endSessions ends the open sessions of a staff member, all but one that may be named.
func (ss *sessions) endSessions(app core.App, staff, but, by string) error {
	_, err := app.DB().Update("wx_staff_sessions", dbx.Params{"endedAt": days.Store(ss.Now()), "endedBy": clip(by, 200)},
		dbx.And(dbx.HashExp{"staff": staff, "endedAt": ""}, dbx.Not(dbx.HashExp{"id": but}))).Execute()
	if err != nil {
		return fmt.Errorf("end sessions of %s: %w", staff, err)
	}
	return nil
}

// endOne ends a session.
func (ss *sessions) endOne(session, by string) error {
	_, err := ss.App.DB().Update("wx_staff_sessions", dbx.Params{"endedAt": days.Store(ss.Now()), "endedBy": clip(by, 200)},
		dbx.HashExp{"id": session, "endedAt": ""}).Execute()
	if err != nil {
		return fmt.Errorf("end session %s: %w", session, err)
	}
	return nil
}

// countSessions counts the open sessions of everybody.
func (ss *sessions) countSessions(app core.App) (map[string]int, error) {
	var rows []struct {
		Staff string `db:"staff"`
		N     int    `db:"n"`
	}
	err := app.DB().Select("staff", "COUNT(*) AS n").From("wx_staff_sessions").
		Where(dbx.NewExp("endedAt = '' AND endsAt > {:now} AND seenAt > {:idle}", dbx.Params{
			"now": days.Store(ss.Now()), "idle": days.Store(ss.Now().Add(-sessionIdle)),
		})).GroupBy("staff").All(&rows)
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Staff] = r.N
	}
	return counts, nil
}

// forgetSessions removes what nobody will ask about any more.
func (ss *sessions) forgetSessions(app core.App) error {
	_, err := app.DB().Delete("wx_staff_sessions",
		dbx.NewExp("endsAt < {:before}", dbx.Params{"before": days.Store(ss.Now().Add(-sessionMemory))})).Execute()
	if err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	return nil
}

// Package ticket lets a process without a database admit people: the *primary* signs a *ticket* with a user and the
// rooms that the user may enter, and an *edge* checks it with the primary's public key.
//
// A ticket is a compact JWS (RFC 7515) with EdDSA over Ed25519 and claims of RFC 7519:
//
//	{"sub":"<user>","verified":true,"rooms":{"notice":{"history":50,"presence":true,"publish":false}},
//	 "until":<end of the login>,"aud":["wxbase-edge"],"iat":…,"exp":<at most 60 s later>,"jti":"<random>"}
//
// It is for the handshake only, may be used more than once while it is valid (a client may reconnect at once), and
// grants nothing else: other parts of wxbase do not accept it as a token.
package ticket

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"wxbase/internal/realtime"
)

// Limits of a ticket.
const (
	Life       = 60 * time.Second // the longest
	MaxBytes   = 8 << 10          // encoded
	MaxRooms   = 20
	Skew       = 5 * time.Second // tolerated difference of clocks
	maxUser    = 128             // bytes
	maxHistory = 1_000_000
	audience   = "wxbase-edge"
)

// The errors of a ticket.
var (
	ErrInvalid = errors.New("the ticket is not valid")
	ErrExpired = errors.New("the ticket has expired")
)

// Room is one room in a ticket. A room that is in the ticket may be joined.
type Room struct {
	History  int  `json:"history,omitempty"`
	Presence bool `json:"presence,omitempty"`
	Publish  bool `json:"publish,omitempty"`
}

// Ticket is a ticket's content.
type Ticket struct {
	User     string // as realtime.Identity
	Verified bool
	Rooms    map[string]Room // by name, at most MaxRooms
	Until    time.Time       // the end of the login behind the ticket; zero without one
	IssuedAt time.Time       // by the primary's clock, in seconds; Verify sets it
}

func (t Ticket) check() error {
	if t.User == "" || len(t.User) > maxUser || !utf8.ValidString(t.User) {
		return errors.New("the user is missing or malformed")
	}
	if len(t.Rooms) == 0 || len(t.Rooms) > MaxRooms {
		return fmt.Errorf("%d rooms, want 1 to %d", len(t.Rooms), MaxRooms)
	}
	for name, r := range t.Rooms {
		if !realtime.IsRoomName(name) {
			return errors.New("a room's name is malformed")
		}
		if r.History < 0 || r.History > maxHistory {
			return errors.New("a room's history is out of range")
		}
	}
	return nil
}

// Package sockets is common to a *primary* and its *edges*: Socket.IO's limits and options from the environment, the
// *ticket* in a handshake, and the numbers for Prometheus.
package sockets

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"wxbase/internal/environment"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/socketio"
)

// Limits are the usual limits, with what the environment says.
func Limits(env func(string) string) (realtime.Limits, error) {
	l := realtime.DefaultLimits()
	numbers := map[string]*int{
		"WXBASE_REALTIME_SOCKETS":           &l.Sockets,
		"WXBASE_REALTIME_PER_USER":          &l.SocketsPerUser,
		"WXBASE_REALTIME_PER_ADDRESS":       &l.SocketsPerAddress,
		"WXBASE_REALTIME_ROOMS":             &l.RoomsPerSocket,
		"WXBASE_REALTIME_EVENTS_PER_SECOND": &l.EventsPerSecond,
	}
	errs := make([]error, 0, len(numbers))
	for name, limit := range numbers {
		n, err := environment.Number(env, name, *limit)
		if err == nil && n < 1 {
			err = fmt.Errorf("%s must be at least 1", name)
		}
		*limit = n
		errs = append(errs, err)
	}
	l.EventsBurst = 2 * l.EventsPerSecond
	return l, errors.Join(errs...)
}

// Options are what the environment says, on the primary and on edges.
func Options(env func(string) string) gateway.Options {
	return gateway.Options{
		Targets: WordsOr(env("WXBASE_EXCHANGE_TARGETS"), nil), NamespaceScope: env("WXBASE_EXCHANGE_SCOPE") == "namespace",
		Origins: WordsOr(env("WXBASE_REALTIME_ORIGINS"), nil), Namespaces: WordsOr(env("WXBASE_REALTIME_NAMESPACES"), []string{"/"}),
	}
}

// Ticket finds the ticket of a handshake.
func Ticket(h socketio.Handshake) string {
	var auth struct {
		Ticket string `json:"ticket"`
	}
	if len(h.Auth) > 0 && json.Unmarshal(h.Auth, &auth) == nil && auth.Ticket != "" {
		return auth.Ticket
	}
	return h.Query.Get("ticket")
}

// WordsOr splits a list at commas.
func WordsOr(list string, otherwise []string) []string {
	var words []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	if words == nil {
		return otherwise
	}
	return words
}

package redisbus

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options configure New.
type Options struct {
	// URL is the address of Redis: redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path/to/redis.sock.
	URL string
	// Prefix begins the name of every channel, "wxbase:" when empty. Programs with different prefixes are separate; the
	// number of the database does not separate them, because channels do not belong to a database.
	Prefix string
	// Node names this process in envelopes, for people who look at the traffic. A random part is added, so that two
	// processes with one name still hear each other. "node" when empty.
	Node string
	// Logger logs when the bus goes down and comes back. Silent when nil.
	Logger *slog.Logger
	// Silence is how long Request waits for a silent process, 250 ms when zero.
	Silence time.Duration
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "wxbase:"
	}
	if o.Node == "" {
		o.Node = "node"
	}
	if len(o.Node) > maxNode {
		o.Node = o.Node[:maxNode]
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Silence <= 0 {
		o.Silence = 250 * time.Millisecond
	}
	return o
}

// parseURL is redis.ParseURL without its errors, which quote the address with the password.
func parseURL(address string) (*redis.Options, error) {
	scheme, _, ok := strings.Cut(address, "://")
	if !ok || scheme != "redis" && scheme != "rediss" && scheme != "unix" {
		return nil, errors.New("parse Redis address: want redis://, rediss:// or unix:// in front")
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, errors.New("parse Redis address: not of the form redis://user:password@host:6379/0")
	}
	o.Protocol = 2 // note: with 3, messages and replies are mixed, and some proxies do not support it
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, ioTimeout, ioTimeout, ioTimeout
	o.ContextTimeoutEnabled = true
	o.PoolSize, o.MinIdleConns = 8, 0
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// describe words an error for the log: short, and without the password, which Redis quotes when it does not know a
// command.
func describe(err error, o *redis.Options) string {
	text := err.Error()
	if o.Password != "" {
		text = strings.ReplaceAll(text, o.Password, "***")
	}
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

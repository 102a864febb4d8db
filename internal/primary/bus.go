package primary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/metrics"
	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/rooms"
	"wxbase/internal/sockets"
)

// Join joins the rooms of this process to those of its edges, where a Redis is configured. Redis need not be there yet.
func (p *Primary) Join(app core.App) (err error) {
	if p.edges, err = edgeAddresses(p.Env("WXBASE_EDGES")); err != nil {
		return err
	}
	address := cmp.Or(p.Env("WXBASE_REDIS_URL"), p.RedisURL)
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	p.bus, err = redisbus.New(ctx, redisbus.Options{
		URL: address, Prefix: p.Env("WXBASE_REDIS_PREFIX"), Node: "primary", Logger: rooms.Logger(app),
	})
	if err != nil {
		return fmt.Errorf("join the realtime bus: %w", err)
	}
	p.Metrics.Registry.MustRegister(metrics.Bus{Stats: p.bus.Stats})
	p.Rooms.Hub.UseBus(p.bus)
	if !p.bus.Up() {
		_, _ = fmt.Fprintln(p.Out, "  warning: Redis does not answer; rooms go on within this process until it does")
	}
	return nil
}

// Leave is the last thing that happens to the rooms.
func (p *Primary) Leave() {
	if p.bus != nil {
		_ = p.bus.Close()
	}
}

// edgeAddresses reads WXBASE_EDGES.
func edgeAddresses(list string) ([]string, error) {
	addresses := []string{}
	for _, address := range sockets.WordsOr(list, nil) {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return nil, errors.New("WXBASE_EDGES must be public addresses such as https://rt1.example.com, with commas between them")
		}
		addresses = append(addresses, strings.TrimSuffix(address, "/"))
	}
	return addresses, nil
}

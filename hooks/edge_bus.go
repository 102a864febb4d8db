package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/rooms"
)

// joinBus joins the rooms of this process to those of its edges, where a Redis is configured. Redis need not be there yet.
func (p *Plugin) joinBus(app core.App) (err error) {
	if p.edges, err = edgeAddresses(p.cfg.Env("WXBASE_EDGES")); err != nil {
		return err
	}
	address := cmp.Or(p.cfg.Env("WXBASE_REDIS_URL"), p.cfg.RedisURL)
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	p.bus, err = redisbus.New(ctx, redisbus.Options{
		URL: address, Prefix: p.cfg.Env("WXBASE_REDIS_PREFIX"), Node: "primary", Logger: rooms.Logger(app),
	})
	if err != nil {
		return fmt.Errorf("join the realtime bus: %w", err)
	}
	p.metrics.Registry.MustRegister(busCollector{p.bus.Stats})
	p.rooms.Hub.UseBus(p.bus)
	if !p.bus.Up() {
		_, _ = fmt.Fprintln(p.cfg.Out, "  warning: Redis does not answer; rooms go on within this process until it does")
	}
	return nil
}

// leaveBus is the last thing that happens to the rooms.
func (p *Plugin) leaveBus() {
	if p.bus != nil {
		_ = p.bus.Close()
	}
}

// edgeAddresses reads WXBASE_EDGES.
func edgeAddresses(list string) ([]string, error) {
	addresses := []string{}
	for _, address := range rooms.WordsOr(list, nil) {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return nil, errors.New("WXBASE_EDGES must be public addresses such as https://rt1.example.com, with commas between them")
		}
		addresses = append(addresses, strings.TrimSuffix(address, "/"))
	}
	return addresses, nil
}

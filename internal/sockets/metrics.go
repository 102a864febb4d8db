package sockets

import (
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
)

// Transport is what one way in has done and holds.
type Transport struct {
	Connections int    `json:"connections"`
	Queued      int    `json:"queued"` // messages that wait for a client to read
	Sent        uint64 `json:"sent"`
	Drops       uint64 `json:"drops"` // clients closed because they did not read
}

// TransportOf reads the numbers of a gateway, which may be nil before the app serves.
func TransportOf(g *gateway.Gateway) (all Transport, webSockets, polling, sockets int64) {
	if g == nil {
		return Transport{}, 0, 0, 0
	}
	s := g.Stats()
	all = Transport{s.Sessions, s.Queued, uint64(max(s.FramesOut, 0)), uint64(max(s.Slow, 0))}
	return all, int64(s.WebSockets), int64(s.Polling), s.Sockets
}

// Metrics reads the numbers when they are scraped. An edge has no Streams.
type Metrics struct {
	Hub     *realtime.Hub
	Streams func() Transport        // server-sent events
	Sockets func() *gateway.Gateway // nil before the app serves
}

// Describe sends nothing: the metrics say themselves what they are.
func (Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once.
func (m Metrics) Collect(out chan<- prometheus.Metric) {
	hub := m.Hub.Stats()
	gauge := func(name, help string, value float64, labels ...string) {
		out <- metric(prometheus.GaugeValue, name, help, value, labels)
	}
	count := func(name, help string, value uint64, labels ...string) {
		out <- metric(prometheus.CounterValue, name, help, float64(value), labels)
	}
	gauge("wxbase_realtime_rooms", "Rooms with members.", float64(hub.Rooms))
	gauge("wxbase_realtime_committing", "Messages that wait for the database.", float64(hub.Committing))
	count("wxbase_realtime_published_total", "Messages published in this process.", hub.Published)
	count("wxbase_realtime_received_total", "Messages of other processes.", hub.Received)
	count("wxbase_realtime_delivered_total", "Messages put into clients' queues as they came.", hub.Delivered)
	count("wxbase_realtime_replayed_total", "Messages put into clients' queues from history.", hub.Replayed)
	count("wxbase_realtime_unkept_total", "Messages that could not be stored.", hub.Unkept)
	m.collectFanout(hub, out)
	if hub.HasBus {
		gauge("wxbase_realtime_bus_up", "1 while the other processes can be reached.", BoolNumber(hub.BusUp))
		count("wxbase_realtime_bus_garbage_total", "What came over the bus and made no sense.", hub.Garbage)
	}
	via := map[string]Transport{}
	if m.Streams != nil {
		via["sse"] = m.Streams()
	}
	if g := m.Sockets(); g != nil {
		via["socketio"], _, _, _ = TransportOf(g)
	}
	for name, t := range via {
		gauge("wxbase_realtime_connections", "Clients that are connected.", float64(t.Connections), name)
		gauge("wxbase_realtime_queued", "Messages that wait for a client to read.", float64(t.Queued), name)
		count("wxbase_realtime_sent_total", "Messages written to clients.", t.Sent, name)
		count("wxbase_realtime_drops_total", "Clients closed because they did not read.", t.Drops, name)
	}
}

func (Metrics) collectFanout(hub realtime.Stats, out chan<- prometheus.Metric) {
	desc := prometheus.NewDesc("wxbase_realtime_fanout_seconds", "How long it took to put a message into the queues of a room's members.", nil, nil)
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range realtime.FanoutBounds {
		sum += hub.Fanout[i]
		buckets[bound] = sum
	}
	out <- prometheus.MustNewConstHistogram(desc, hub.FanoutCount, hub.FanoutTime.Seconds(), buckets)
}

// metric has one label, transport, or none.
func metric(kind prometheus.ValueType, name, help string, value float64, labels []string) prometheus.Metric {
	names := []string{"transport"}[:len(labels)]
	return prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, labels...)
}

// BoolNumber is 1 for true, as Prometheus counts.
func BoolNumber(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

package hooks

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/sse"
)

// topRooms is how many rooms the dashboard sees.
const topRooms = 100

// showRealtime handles GET /api/wx/admin/realtime for superusers: the numbers of this process.
func (p *Plugin) showRealtime(e *core.RequestEvent) error {
	hub, front := p.hub.Stats(), p.front.Stats()
	var sockets gateway.Stats
	if p.sockets != nil {
		sockets = p.sockets.Stats()
	}
	return e.JSON(http.StatusOK, map[string]any{
		"connections": map[string]any{"sse": front.Clients, "socketio": sockets.Sockets},
		"rooms":       hub.Rooms,
		"top":         p.hub.TopRooms(topRooms),
		"messages": map[string]any{
			"in": hub.Published, "fromProcesses": hub.Received, "out": hub.Delivered, "replayed": hub.Replayed,
			"unkept": hub.Unkept, "committing": hub.Committing,
		},
		"sse":      front,
		"socketio": sockets,
		"fanout": map[string]any{
			"count": hub.FanoutCount, "seconds": hub.FanoutTime.Seconds(), "bounds": realtime.FanoutBounds, "buckets": hub.Fanout,
		},
		"bus": map[string]any{"configured": hub.HasBus, "up": hub.BusUp, "garbage": hub.Garbage, "resyncs": hub.Resyncs},
	})
}

// roomMetrics reads the numbers when they are scraped. An edge has no front.
type roomMetrics struct {
	hub     *realtime.Hub
	front   *sse.Front
	sockets func() *gateway.Gateway // nil before the app serves
}

// Describe sends nothing: the metrics say themselves what they are.
func (roomMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once.
func (m roomMetrics) Collect(out chan<- prometheus.Metric) {
	hub := m.hub.Stats()
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
		gauge("wxbase_realtime_bus_up", "1 while the other processes can be reached.", boolNumber(hub.BusUp))
		count("wxbase_realtime_bus_garbage_total", "What came over the bus and made no sense.", hub.Garbage)
	}
	if m.front != nil {
		m.collectFront(m.front.Stats(), gauge, count)
	}
	if sockets := m.sockets(); sockets != nil {
		gauge("wxbase_realtime_connections", connectionsHelp, float64(sockets.Stats().Sockets), "socketio")
	}
}

const connectionsHelp = "Clients that are connected."

func (roomMetrics) collectFront(s sse.Stats, gauge func(string, string, float64, ...string), count func(string, string, uint64, ...string)) {
	gauge("wxbase_realtime_connections", connectionsHelp, float64(s.Clients), "sse")
	gauge("wxbase_realtime_queued", "Messages that wait for a client to read.", float64(s.Queued), "sse")
	count("wxbase_realtime_sent_total", "Messages written to clients.", s.Sent, "sse")
	count("wxbase_realtime_drops_total", "Clients closed because they did not read.", s.Drops, "sse")
}

func (roomMetrics) collectFanout(hub realtime.Stats, out chan<- prometheus.Metric) {
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

func boolNumber(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

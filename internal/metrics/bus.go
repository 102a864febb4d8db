package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/realtime/redisbus"
)

// Bus gives Prometheus the numbers of the bus, read when they are asked for.
type Bus struct{ Stats func() redisbus.Stats }

var _ prometheus.Collector = Bus{}

// busNumber is one of them.
type busNumber struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(redisbus.Stats) float64
}

func busNumbers() []busNumber {
	counter := func(name, help string, of func(redisbus.Stats) uint64) busNumber {
		return busNumber{
			prometheus.NewDesc("wxbase_bus_"+name+"_total", help, nil, nil), prometheus.CounterValue,
			func(s redisbus.Stats) float64 { return float64(of(s)) },
		}
	}
	gauge := func(name, help string, of func(redisbus.Stats) int) busNumber {
		return busNumber{
			prometheus.NewDesc("wxbase_bus_"+name, help, nil, nil), prometheus.GaugeValue,
			func(s redisbus.Stats) float64 { return float64(of(s)) },
		}
	}
	return []busNumber{
		gauge("up", "Whether Redis is there and all subscriptions are in place.", func(s redisbus.Stats) int {
			if s.Up {
				return 1
			}
			return 0
		}),
		gauge("queued", "Messages that wait to be published.", func(s redisbus.Stats) int { return s.Queued }),
		gauge("queued_bytes", "And their size.", func(s redisbus.Stats) int { return s.QueuedBytes }),
		gauge("subjects", "Subjects that this process subscribes to.", func(s redisbus.Stats) int { return s.Subjects }),
		counter("published", "Messages that Redis took.", func(s redisbus.Stats) uint64 { return s.Published }),
		counter("received", "Messages of other processes that arrived.", func(s redisbus.Stats) uint64 { return s.Received }),
		counter("dropped", "Messages lost because Redis was away or too slow.", func(s redisbus.Stats) uint64 { return s.Dropped }),
		counter("overflowed", "Messages of other processes lost because this one was too slow.", func(s redisbus.Stats) uint64 { return s.Overflowed }),
		counter("unreadable", "What arrived and is not of this program.", func(s redisbus.Stats) uint64 { return s.Unreadable }),
		counter("refused", "Questions of other processes not answered because there were too many.", func(s redisbus.Stats) uint64 { return s.Refused }),
		counter("connections", "How often the bus came up.", func(s redisbus.Stats) uint64 { return s.Connections }),
	}
}

// Describe implements prometheus.Collector.
func (c Bus) Describe(ch chan<- *prometheus.Desc) {
	for _, n := range busNumbers() {
		ch <- n.desc
	}
}

// Collect implements prometheus.Collector.
func (c Bus) Collect(ch chan<- prometheus.Metric) {
	s := c.Stats()
	for _, n := range busNumbers() {
		ch <- prometheus.MustNewConstMetric(n.desc, n.kind, n.of(s))
	}
}

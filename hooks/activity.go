package hooks

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"
	"github.com/prometheus/client_golang/prometheus"

	"wxbase/internal/logs"
)

// The activity log has one row per request, as PocketBase's has, and the dashboard shows it. PocketBase starts a goroutine for each
// row, and a flood of requests queues there without a bound. Here a request puts its row into a bounded queue or drops it, and one
// writer empties the queues at its own pace. Each class of rows has a queue of its own, so that a flood of successes, or of refusals,
// pushes out no failure.
type logClass int

const (
	logFailed  logClass = iota // the server's fault, and errors without a status
	logRefused                 // 4xx
	logSuccess
	logClasses // how many there are
)

// logClassNames are the values of the label `class`.
var logClassNames = [logClasses]string{"failed", "refused", "success"}

// logQueueSize is how many rows of one class wait. note: a row has at most about 14 KB, and most have less than 1.
const logQueueSize = 2048

// The most bytes that a row keeps of each text.
const (
	maxLogURL     = 2_000
	maxLogHeader  = 500
	maxLogError   = 2_000
	maxLogDetails = 8_000
)

// PocketBase's levels of the rows.
const (
	levelInfo  = 0
	levelWarn  = 4
	levelError = 8
)

// skipSuccessKey is what apis.SkipSuccessActivityLog sets. note: it is private there; TestActivityLog fails when it changes.
const skipSuccessKey = "__skipSuccessActivityLogger"

// activityRow is a request as it waits for the writer. It holds no part of the request itself.
type activityRow struct {
	aside   bool // for standard output only, and not for the table
	named   logs.Request
	at      time.Time
	took    time.Duration
	failed  bool
	status  int
	method  string
	uri     string
	referer string
	agent   string
	auth    string
	authID  string
	userIP  string
	peerIP  string
	err     string
	details string // JSON
	meta    string // JSON
}

// activityLog is the queues.
type activityLog struct {
	queues  [logClasses]chan *activityRow
	dropped [logClasses]atomic.Int64 // since the last row that told of them
	asked   atomic.Int64             // successes so far, for the sampling
	sample  int64                    // one in so many successes is kept; 0: none
	rows    *prometheus.CounterVec
	console *console
	stop    chan struct{}
	done    chan struct{}

	// of the writer alone
	toldAt  time.Time // when a row told of dropped ones
	written int       // rows since the table was trimmed
}

func newActivityLog(sample int, registry prometheus.Registerer) *activityLog {
	l := &activityLog{
		sample: int64(sample),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wxbase_log_rows_total", Help: "Rows of the activity log by class and outcome: written, or dropped because too many waited.",
		}, []string{"class", "outcome"}),
	}
	for c := range l.queues {
		l.queues[c] = make(chan *activityRow, logQueueSize)
	}
	registry.MustRegister(l.rows)
	return l
}

// add queues a row, or drops it. It never blocks.
func (l *activityLog) add(row *activityRow) {
	class := classOf(row)
	if class == logSuccess && (l.sample <= 0 || l.asked.Add(1)%l.sample != 0) {
		return
	}
	select {
	case l.queues[class] <- row:
	default:
		l.dropped[class].Add(1)
		l.rows.WithLabelValues(logClassNames[class], "dropped").Inc()
	}
}

func classOf(row *activityRow) logClass {
	switch {
	case !row.failed:
		return logSuccess
	case row.status >= 400 && row.status < 500:
		return logRefused
	default:
		return logFailed
	}
}

// bindActivity puts our log in the place of PocketBase's, under the same id, so that routes can still unbind it.
// note: with --dev PocketBase prints what it logs, and its own way stays.
func (l *activityLog) bindActivity(e *core.ServeEvent) {
	if e.App.IsDev() {
		return
	}
	middlewares := e.Router.Middlewares[:0]
	for _, m := range e.Router.Middlewares {
		if m.Id != apis.DefaultActivityLoggerMiddlewareId {
			middlewares = append(middlewares, m)
		}
	}
	e.Router.Middlewares = middlewares
	e.Router.Bind(&hook.Handler[*core.RequestEvent]{
		Id: apis.DefaultActivityLoggerMiddlewareId, Priority: apis.DefaultActivityLoggerMiddlewarePriority, Func: l.logActivity,
	})
	l.start(e.App)
}

func (l *activityLog) logActivity(e *core.RequestEvent) error {
	start := time.Now()
	err := e.Next()
	if kept := wantsLog(e, err); kept || l.console.wants(e, err) {
		row := requestRow(e, err)
		row.aside, row.at, row.took = !kept, start, time.Since(start)
		l.add(row)
	}
	return err
}

func wantsLog(e *core.RequestEvent, err error) bool {
	wanted := e.App.Settings().Logs
	level := levelInfo
	if err != nil {
		level = levelError
	}
	return wanted.MaxDays > 0 && wanted.MinLevel <= level && (err != nil || e.Get(skipSuccessKey) == nil)
}

// requestRow copies what the row needs. note: cutLog copies, so that a waiting row does not keep the whole of a long header.
func requestRow(e *core.RequestEvent, err error) *activityRow {
	wanted := e.App.Settings().Logs
	row := &activityRow{
		failed: err != nil, status: e.Status(), method: strings.ToUpper(cutLog(e.Request.Method, 50)),
		uri: cutLog(e.Request.URL.RequestURI(), maxLogURL), referer: cutLog(e.Request.Referer(), maxLogHeader),
		agent: cutLog(e.Request.UserAgent(), maxLogHeader), meta: logJSON(e.Get(apis.RequestEventKeyLogMeta)), named: logs.Of(e.Request.Context()),
	}
	if e.Auth != nil {
		row.auth = e.Auth.Collection().Name
		if wanted.LogAuthId {
			row.authID = e.Auth.Id
		}
	}
	if wanted.LogIP {
		row.userIP, row.peerIP = cutLog(e.RealIP(), maxLogHeader), e.RemoteIP()
	}
	if err != nil {
		row.noteError(err)
	}
	return row
}

func (r *activityRow) noteError(err error) {
	r.err = cutLog(err.Error(), maxLogError)
	api, ok := errors.AsType[*router.ApiError](err)
	if !ok {
		return
	}
	if r.status == 0 { // the error is written after us
		r.status = api.Status
	}
	if plain, ok := err.(*router.ApiError); ok { //nolint:errorlint // a wrapped one says more by its whole text
		r.err = cutLog(plain.Message, maxLogError)
	}
	r.details = logJSON(api.RawData())
}

// logJSON renders a value now, because it may change while the row waits. One that is too long becomes a string of its beginning.
func logJSON(value any) string {
	if value == nil {
		return ""
	}
	if _, ok := value.(json.Marshaler); !ok {
		if err, ok := value.(error); ok {
			value = err.Error()
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		raw, _ = json.Marshal("not JSON: " + err.Error())
	}
	if len(raw) <= maxLogDetails {
		return string(raw)
	}
	raw, _ = json.Marshal(cutLog(string(raw), maxLogDetails)) // a string is always JSON
	return string(raw)
}

// cutLog is at most size bytes of a text, and no part of the text's own memory when it was cut.
func cutLog(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "") + "..."
}

// message is how PocketBase names a request.
func (r *activityRow) message() string {
	if plain, err := url.PathUnescape(r.uri); err == nil {
		return r.method + " " + plain
	}
	return r.method + " " + r.uri
}

package hooks

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/redact"
)

const (
	// logPace is how often the writer empties the queues, and logBatch how much of each it takes then, so that a flood costs 2,000 rows
	// a second of a class and no more. Failures are taken whole.
	logPace  = 250 * time.Millisecond
	logBatch = 500

	// logToldEvery is how often at most a row tells of dropped ones.
	logToldEvery = time.Minute

	// keepLogRows is how many rows of a class stay in the table, besides the days of the dashboard's settings; logTrimEvery is after how
	// many new ones the table is looked at.
	keepLogRows  = 100_000
	logTrimEvery = 10_000
)

// start begins to write. A second start, as a restore has it, goes on with the first.
func (l *activityLog) start(app core.App) {
	if l.stop != nil {
		return
	}
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	l.toldAt = time.Now().Add(-logToldEvery)
	go func() {
		defer close(l.done)
		tick := time.NewTicker(logPace)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				l.toldAt = time.Time{} // the last chance to tell
				l.note(app, l.write(app, logQueueSize))
				return
			case <-tick.C:
				l.note(app, l.write(app, logBatch))
			}
		}
	}()
}

// close writes what waits.
func (l *activityLog) close() {
	if l.stop == nil {
		return
	}
	close(l.stop)
	<-l.done
	l.stop = nil
}

// note: the rows of a batch that fails are lost; trying again would let the next ones pile up behind a full disk.
func (l *activityLog) note(app core.App, err error) {
	if err != nil {
		app.Logger().Error("activity log stopped", "error", err.Error())
	}
}

// take gives what waits, failures first, and at most so many of each other class.
func (l *activityLog) take(most int) (rows []*activityRow) {
	for class, queue := range l.queues {
		n := len(queue)
		if logClass(class) != logFailed {
			n = min(n, most)
		}
		for range n {
			rows = append(rows, <-queue)
		}
	}
	return rows
}

func (l *activityLog) write(app core.App, most int) error {
	rows, lost := l.take(most), l.lost()
	for _, row := range rows {
		l.console.add(row)
	}
	rows = slices.DeleteFunc(rows, func(row *activityRow) bool { return row.aside })
	if len(rows) == 0 && lost == nil {
		return nil
	}
	err := app.AuxRunInTransaction(func(tx core.App) error {
		insert := tx.AuxNonconcurrentDB().NewQuery("INSERT INTO _logs (id, level, message, data, created) VALUES ({:id}, {:level}, {:message}, {:data}, {:created})").Prepare()
		defer func() { _ = insert.Close() }()
		for _, row := range rows {
			if _, err := insert.Bind(row.export()).Execute(); err != nil {
				return err
			}
		}
		if lost != nil {
			_, err := insert.Bind(lost).Execute()
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		l.rows.WithLabelValues(logClassNames[classOf(row)], "written").Inc()
	}
	if l.written += len(rows); l.written < logTrimEvery {
		return nil
	}
	l.written = 0
	return trimLogs(app, keepLogRows)
}

// lost is the one row that tells how many were dropped; nil when there is nothing to tell, or it was told a moment ago.
func (l *activityLog) lost() dbx.Params {
	if time.Since(l.toldAt) < logToldEvery {
		return nil
	}
	counts, total := map[string]any{"type": "dropped"}, int64(0)
	for class := range l.dropped {
		n := l.dropped[class].Swap(0)
		counts[logClassNames[class]] = n
		total += n
	}
	if total == 0 {
		return nil
	}
	l.toldAt = time.Now()
	return logRow(levelWarn, "activity log: rows dropped, more came than are kept", counts, l.toldAt)
}

func logRow(level int, message string, data map[string]any, at time.Time) dbx.Params {
	raw, err := json.Marshal(data)
	if err != nil { // no row of ours holds such a thing
		raw = []byte(`{}`)
	}
	created, _ := types.ParseDateTime(at) // never fails for a time
	return dbx.Params{"id": core.GenerateDefaultRandomId(), "level": level, "message": message, "data": string(raw), "created": created.String()}
}

// export is the row as PocketBase would write it, scrubbed.
func (r *activityRow) export() dbx.Params {
	level := levelInfo
	if r.failed {
		level = levelError
	}
	return logRow(level, redact.Text(r.message()), r.data(), r.at)
}

// data is what a row says besides its message, scrubbed.
func (r *activityRow) data() map[string]any {
	data := map[string]any{
		"type": "request", "execTime": float64(r.took) / float64(time.Millisecond), "url": redact.Text(r.uri), "method": r.method, "status": r.status,
		"referer": redact.Text(r.referer), "userAgent": redact.Text(r.agent), "auth": r.auth,
	}
	for key, text := range map[string]string{"authId": r.authID, "userIP": r.userIP, "remoteIP": r.peerIP} {
		if text != "" {
			data[key] = text
		}
	}
	if r.failed {
		data["error"] = redact.Text(r.err)
	}
	for key, text := range map[string]string{"details": r.details, "meta": r.meta} {
		if text != "" {
			data[key] = json.RawMessage(redact.Text(text))
		}
	}
	r.named.Put(data)
	return data
}

// trimLogs keeps the newest rows of each class. note: the order of rowid is the order of writing.
func trimLogs(app core.App, keep int) error {
	const refused = "coalesce(json_extract(data, '$.status'), 0) BETWEEN 400 AND 499"
	for _, class := range []string{"level < 4", "level >= 4 AND " + refused, "level >= 4 AND NOT " + refused} {
		_, err := app.AuxNonconcurrentDB().NewQuery("DELETE FROM _logs WHERE " + class + " AND rowid <= " +
			"(SELECT rowid FROM _logs WHERE " + class + " ORDER BY rowid DESC LIMIT 1 OFFSET {:keep})").Bind(dbx.Params{"keep": keep}).Execute()
		if err != nil {
			return err
		}
	}
	return nil
}

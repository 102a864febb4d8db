// Package logs writes the log to standard output too, one line each, for journald, containers and collectors of logs, and gives requests ids by which
// the lines of one request are found. Without WXBASE_LOG_FORMAT it does nothing.
package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wxbase/internal/redact"
)

// Variables that say whether, how and what.
const (
	EnvFormat  = "WXBASE_LOG_FORMAT" // json or text; off when empty
	EnvLevel   = "WXBASE_LOG_LEVEL"  // debug, info, warn or error; info when empty
	EnvJournal = "JOURNAL_STREAM"    // systemd sets it where standard output ends in its journal
)

// Log writes lines. A nil Log is off.
type Log struct {
	least   slog.Level
	journal bool // it notes the time itself, and reads the level from the begin of a line

	mu     sync.Mutex
	out    io.Writer
	line   bytes.Buffer
	format slog.Handler // writes into line
}

// New reads the variables. Without a format it returns nil, and no error.
func New(env func(string) string, out io.Writer) (*Log, error) {
	l := &Log{out: out, journal: endsInJournal(env(EnvJournal), out)}
	if level := env(EnvLevel); level != "" {
		if err := l.least.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("%s must be debug, info, warn or error", EnvLevel)
		}
	}
	options := &slog.HandlerOptions{Level: l.least}
	switch env(EnvFormat) {
	case "":
		return nil, nil
	case "json":
		l.format = slog.NewJSONHandler(&l.line, options)
	case "text":
		l.format = slog.NewTextHandler(&l.line, options)
	default:
		return nil, fmt.Errorf("%s must be json or text", EnvFormat)
	}
	return l, nil
}

// Wants tells whether a line of this level is written.
func (l *Log) Wants(level slog.Level) bool { return l != nil && level >= l.least }

// Level is the lowest that is written.
func (l *Log) Level() slog.Level { return l.least }

// Add writes a line.
//
// NB! message and data are written as they are: the caller has removed secrets (package redact).
func (l *Log) Add(at time.Time, level slog.Level, message string, data map[string]any) {
	if !l.Wants(level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line.Reset()
	if l.journal {
		at = time.Time{} // slog then writes none
		_, _ = fmt.Fprintf(&l.line, "<%d>", priority(level))
	}
	record := slog.NewRecord(at, level, message, 0)
	for _, key := range slices.Sorted(maps.Keys(data)) {
		record.AddAttrs(slog.Any(key, data[key]))
	}
	if err := l.format.Handle(context.Background(), record); err != nil {
		return // note: there is no better place to tell of it
	}
	_, _ = l.out.Write(l.line.Bytes())
}

// priority is syslog's number of a level.
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	default:
		return 7
	}
}

// Lines turns what is printed for a person into lines of the log: "  warning: …" and "  error: …" have their levels. It works on a nil Log, where
// everything is printed to plain.
func (l *Log) Lines(plain io.Writer) io.Writer {
	if l == nil {
		return plain
	}
	return printed{l}
}

type printed struct{ log *Log }

// Write takes whole lines.
func (p printed) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		level := slog.LevelInfo
		switch {
		case strings.HasPrefix(line, "warning:"):
			level = slog.LevelWarn
		case strings.HasPrefix(line, "error:"):
			level = slog.LevelError
		}
		if line != "" {
			p.log.Add(time.Now(), level, redact.Text(line), nil)
		}
	}
	return len(text), nil
}

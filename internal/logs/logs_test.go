package logs_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"wxbase/internal/logs"
)

func env(values ...string) func(string) string {
	return func(name string) string {
		for n := 0; n < len(values); n += 2 {
			if values[n] == name {
				return values[n+1]
			}
		}
		return ""
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	for name, s := range map[string]struct {
		env  []string
		want string
	}{
		"off": {[]string{logs.EnvLevel, "debug"}, ""},
		"json": {
			[]string{logs.EnvFormat, "json"},
			`{"time":"2026-11-29T08:00:00Z","level":"WARN","msg":"two\nlines","a":1,"rid":"r\"1"}` + "\n" + `{"time":"2026-11-29T08:00:00Z","level":"INFO","msg":"fine"}` + "\n",
		},
		"text": {
			[]string{logs.EnvFormat, "text", logs.EnvLevel, "warn"},
			`time=2026-11-29T08:00:00.000Z level=WARN msg="two\nlines" a=1 rid="r\"1"` + "\n",
		},
		"errors only": {[]string{logs.EnvFormat, "text", logs.EnvLevel, "error"}, ""},
		"a stranger's journal": {
			[]string{logs.EnvFormat, "text", logs.EnvLevel, "warn", logs.EnvJournal, "1:2"},
			`time=2026-11-29T08:00:00.000Z level=WARN msg="two\nlines" a=1 rid="r\"1"` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			l, err := logs.New(env(s.env...), &out)
			if err != nil {
				t.Fatal(err)
			}
			l.Add(at, slog.LevelWarn, "two\nlines", map[string]any{"rid": `r"1`, "a": 1})
			l.Add(at, slog.LevelInfo, "fine", nil)
			l.Add(at, slog.LevelDebug, "no", nil)
			if out.String() != s.want {
				t.Errorf("got  %q\nwant %q", out.String(), s.want)
			}
		})
	}
	for _, values := range [][]string{{logs.EnvFormat, "xml"}, {logs.EnvFormat, "json", logs.EnvLevel, "loud"}} {
		if _, err := logs.New(env(values...), os.Stdout); err == nil {
			t.Errorf("%v: got no error", values)
		}
	}
}

func TestPrintedLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l, err := logs.New(env(logs.EnvFormat, "json"), &out)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = l.Lines(nil).Write([]byte("\n  warning: no key\n  error: token=abc\nready\n"))
	got := out.String()
	for _, want := range []string{`"level":"WARN","msg":"warning: no key"`, `"level":"ERROR","msg":"error: token=***"`, `"level":"INFO","msg":"ready"`} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if n := strings.Count(got, "\n"); n != 3 {
		t.Errorf("got %d lines, want 3", n)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	trace := strings.Repeat("ab", 16)
	for name, s := range map[string]struct {
		id, parent  string
		kept, trace bool
	}{
		"kept":       {"7f3c-aa.b:1/2+x=_", "00-" + trace + "-" + strings.Repeat("1", 16) + "-01", true, true},
		"none":       {"", "", false, false},
		"too short":  {"a", "00-" + trace, false, false},
		"too long":   {strings.Repeat("a", 65), strings.Repeat("0", 55), false, false},
		"a new line": {"aaaaaaaa\nSet-Cookie", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := logs.NewRequest(s.id, s.parent)
			if (got.ID == s.id) != s.kept || len(got.ID) < 8 || (got.Trace == trace) != s.trace || !s.trace && got.Trace != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
	var out bytes.Buffer
	log := logs.Named(slog.New(slog.NewTextHandler(&out, nil)))
	log.InfoContext(logs.With(t.Context(), logs.Request{ID: "the-request"}), "one")
	log.Info("two")
	if got := out.String(); strings.Count(got, "request=the-request") != 1 || !strings.Contains(got, "msg=two\n") {
		t.Errorf("got %s", got)
	}
}

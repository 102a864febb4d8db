package simcmd_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/simcmd"
)

type suite struct {
	Passed, Failed int
	Scenarios      []struct {
		Name, Reason string
		OK           bool
	}
}

// conform plays files against our own backend.
func conform(t *testing.T, files ...string) suite {
	t.Helper()
	app := apptest.New(t)
	var out bytes.Buffer
	command := simcmd.New(func() string { return t.TempDir() }, func(string, bool) error { return nil })
	command.SetOut(&out)
	command.SetErr(new(bytes.Buffer))
	command.SilenceErrors = true
	command.SetArgs(append([]string{
		"run", "--url", app.WX.SimURL(), "--base", app.URL, "--backend", filepath.Join("..", "..", "e2e", "conformance", "wxbase.yaml"), "-o", "json",
	}, files...))
	err := command.ExecuteContext(t.Context())
	var got suite
	if json.Unmarshal(out.Bytes(), &got) != nil {
		t.Fatalf("got %s, %v, want a report", out.String(), err)
	}
	for _, s := range got.Scenarios {
		if !s.OK {
			t.Errorf("%s: %s", s.Name, s.Reason)
		}
	}
	return got
}

// TestConformance: our own backend survives all forty.
func TestConformance(t *testing.T) {
	t.Parallel()
	if got := conform(t); got.Passed != 40 {
		t.Errorf("got %d of %d, want all 40", got.Passed, got.Passed+got.Failed)
	}
}

// TestLibrary: and every scenario of the library, which has the faults of payment notifications that lead to a payment.
func TestLibrary(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "e2e", "scenarios", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	if got := conform(t, files...); got.Passed < len(files) {
		t.Errorf("got %d passed of %d files", got.Passed, len(files))
	}
}

// TestScenarioMistakes: a word that nobody knows is an error, and never a scenario that passes.
func TestScenarioMistakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"unknown step": "name: x\nsteps: [{pai: true}]\n", "unknown expectation": "name: x\nsteps: [{expect: {payed: true}}]\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "bad.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			command := simcmd.New(func() string { return t.TempDir() }, func(string, bool) error { return nil })
			command.SetArgs([]string{"run", "--url", "http://127.0.0.1:1", "--backend", filepath.Join("..", "..", "e2e", "conformance", "wxbase.yaml"), file})
			command.SetOut(new(bytes.Buffer))
			command.SetErr(new(bytes.Buffer))
			if err := command.ExecuteContext(t.Context()); err == nil || !bytes.Contains([]byte(err.Error()), []byte("bad.yaml")) {
				t.Errorf("got %v, want the file named", err)
			}
		})
	}
}

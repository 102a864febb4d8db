package simcmd_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/simcmd"
)

type suite struct {
	Passed, Failed, Skipped int

	Scenarios []struct {
		Name, Reason string
		OK           bool
	}
}

// conform plays files against our own backend; none of them may fail.
func conform(t *testing.T, files ...string) suite {
	t.Helper()
	out, err := playOn(t, ours, "json", files...)
	var got suite
	if json.Unmarshal([]byte(out), &got) != nil {
		t.Fatalf("got %s, %v, want a report", out, err)
	}
	for _, s := range got.Scenarios {
		if !s.OK {
			t.Errorf("%s: %s", s.Name, s.Reason)
		}
	}
	return got
}

// ours is how to speak to wxbase.
var ours = filepath.Join("..", "..", "e2e", "conformance", "wxbase.yaml")

// playOn plays files against a fresh wxbase, as a backend file says to speak to it.
func playOn(t *testing.T, backend, form string, files ...string) (report string, err error) {
	t.Helper()
	app := apptest.New(t)
	var out bytes.Buffer
	command := simcmd.New(func() string { return t.TempDir() }, func(string, bool) error { return nil })
	command.SetOut(&out)
	command.SetErr(new(bytes.Buffer))
	command.SilenceErrors = true
	command.SetArgs(append([]string{"run", "--url", app.WX.SimURL(), "--base", app.URL, "--backend", backend, "-o", form}, files...))
	err = command.ExecuteContext(t.Context())
	return out.String(), err
}

// TestConformance: our own backend survives all of them.
func TestConformance(t *testing.T) {
	t.Parallel()
	if got := conform(t); got.Passed != 45 || got.Failed+got.Skipped > 0 {
		t.Errorf("got %d passed, %d failed, %d skipped, want 45 passed", got.Passed, got.Failed, got.Skipped)
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

// TestNoCloseIsSkipped: what a backend's file gives no means to play is told as skipped, and is neither passed nor failed.
func TestNoCloseIsSkipped(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(raw), "close:\n")
	_, after, found := strings.Cut(rest, "refundUrl:")
	if !found {
		t.Fatal("the file has no close to leave out")
	}
	dir := t.TempDir()
	backend, scenario := filepath.Join(dir, "shop.yaml"), filepath.Join(dir, "closed.yaml")
	for name, text := range map[string]string{backend: before + "refundUrl:" + after, scenario: "name: closed\nsteps: [{order: 100}, {close: true}, {expect: {paid: true}}]\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for form, want := range map[string]string{"text": "0 of 0 survived, 1 skipped", "json": `"skipped": 1`, "junit": `skipped="1"`} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			if got, err := playOn(t, backend, form, scenario); err != nil || !strings.Contains(got, want) {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		})
	}
}

// TestSquare: money that is kept without the goods is found, and so is an order that is not closed.
func TestSquare(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "square.yaml")
	text := "- name: paid\n  steps: [{order: 100}, {pay: true}, {expect: {square: true}}]\n" +
		"- name: kept\n  steps: [{order: 100}, {expect: {square: true}}]\n" +
		"- name: told again\n  steps: [{order: 100}, {pay: true}, {expect: {paid: true}}, {refund: 40}, {expect: {square: true}}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := playOn(t, ours, "json", "--patience", "3s", file)
	var got suite
	if json.Unmarshal([]byte(report), &got) != nil || err == nil || len(got.Scenarios) != 3 {
		t.Fatalf("got %s, %v, want one that failed", report, err)
	}
	for _, s := range got.Scenarios {
		if kept := s.Name == "kept"; s.OK == kept || kept && !strings.Contains(s.Reason, "0 of its") {
			t.Errorf("%s: got %v %s", s.Name, s.OK, s.Reason)
		}
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

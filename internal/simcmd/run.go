package simcmd

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// conformance is the suite that any backend can be held against.
//
//go:embed conformance.yaml
var conformance []byte

// result is how one scenario ended.
type result struct {
	Name   string  `json:"name"`
	Why    string  `json:"why,omitempty"`
	OK     bool    `json:"ok"`
	Reason string  `json:"reason,omitempty"`
	Skip   bool    `json:"skipped,omitempty"` // it could not be played, see Reason
	TookMs float64 `json:"took_ms"`
}

// runCommand plays scenario files, or without any the conformance suite.
func runCommand(to func() client) *cobra.Command {
	var adapter, form, person string
	var patience time.Duration
	var base string
	command := &cobra.Command{
		Use: "run --backend FILE [SCENARIO...]", Short: "Plays scenario files against a backend; without any, the conformance suite",
		Long:    "Plays scenario files against a backend, and says whether it survived. Without a scenario it plays the conformance suite of 45.\nThe backend file tells how to make an order and how to ask for it: see docs/simulator.md.",
		Example: "  wxbase sim run --backend shop.yaml\n  wxbase sim run --backend shop.yaml -o junit mine.yaml > report.xml", SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			b, list, err := readRun(adapter, args)
			if err != nil {
				return err
			}
			if base != "" {
				b.URL = base
			}
			r, err := newRunner(to(), b, person, patience)
			if err != nil {
				return err
			}
			return report(command.OutOrStdout(), form, r.playAll(list))
		},
	}
	flags := command.Flags()
	flags.StringVar(&adapter, "backend", "", "file that tells how to speak to the backend")
	flags.StringVar(&base, "base", "", "the backend's address, in the place of the file's")
	flags.StringVarP(&form, "output", "o", "text", "text, json or junit")
	flags.StringVar(&person, "person", "p1", "who buys")
	flags.DurationVar(&patience, "patience", 10*time.Second, "how long an expectation may take to become true")
	_ = command.MarkFlagRequired("backend") // it fails for a flag that is not there
	return command
}

// readRun reads the backend and the scenarios.
func readRun(adapter string, files []string) (b backend, list []scenario, err error) {
	raw, err := os.ReadFile(adapter) //nolint:gosec // what the user asks for
	if err != nil {
		return b, nil, err
	}
	if err := yaml.UnmarshalWithOptions(raw, &b, yaml.Strict()); err != nil {
		return b, nil, fmt.Errorf("read %s: %w", adapter, err)
	}
	if len(files) == 0 {
		list, err = readScenarios("the conformance suite", conformance)
		return b, list, err
	}
	for _, name := range files {
		raw, err := os.ReadFile(name) //nolint:gosec // what the user asks for
		if err != nil {
			return b, nil, err
		}
		more, err := readScenarios(name, raw)
		if err != nil {
			return b, nil, err
		}
		list = append(list, more...)
	}
	return b, list, nil
}

// readScenarios reads one scenario, or a list of them.
func readScenarios(name string, raw []byte) (list []scenario, err error) {
	if yaml.UnmarshalWithOptions(raw, &list, yaml.Strict()) == nil {
		return list, nil
	}
	var one scenario
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&one); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return []scenario{one}, nil
}

func (r *runner) playAll(list []scenario) []result {
	results := make([]result, 0, len(list))
	for _, s := range list {
		started := time.Now()
		err := r.play(s)
		one := result{Name: s.Name, Why: s.Why, OK: err == nil, Skip: errors.Is(err, errNotPlayed), TookMs: float64(time.Since(started).Milliseconds())}
		if err != nil {
			one.Reason = err.Error()
			_ = r.sim.do("DELETE", "/faults", nil, nil) // note: what is left of one scenario must not strike in the next
		}
		results = append(results, one)
	}
	return results
}

// report writes the results; it is an error when one failed.
func report(out io.Writer, form string, results []result) error {
	failed, skipped := 0, 0
	for _, r := range results {
		switch {
		case r.Skip:
			skipped++
		case !r.OK:
			failed++
		}
	}
	var err error
	switch form {
	case "text":
		_, err = io.WriteString(out, textReport(results, failed, skipped))
	case "json":
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(map[string]any{"passed": len(results) - failed - skipped, "failed": failed, "skipped": skipped, "scenarios": results})
	case "junit":
		err = writeJUnit(out, results, failed, skipped)
	default:
		return errors.New("-o must be text, json or junit")
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d scenarios failed", failed, len(results))
	}
	return err
}

// textReport is for people.
func textReport(results []result, failed, skipped int) string {
	var out strings.Builder
	for _, r := range results {
		switch {
		case r.OK:
			fmt.Fprintf(&out, "ok    %s\n", r.Name)
		case r.Skip:
			fmt.Fprintf(&out, "skip  %s: %s\n", r.Name, r.Reason)
		default:
			fmt.Fprintf(&out, "FAIL  %s: %s\n      %s\n", r.Name, r.Reason, r.Why)
		}
	}
	played := len(results) - skipped
	fmt.Fprintf(&out, "\n%d of %d survived", played-failed, played)
	if skipped > 0 {
		fmt.Fprintf(&out, ", %d skipped", skipped)
	}
	out.WriteByte('\n')
	return out.String()
}

// writeJUnit writes the form that most CI servers read.
func writeJUnit(out io.Writer, results []result, failed, skipped int) error {
	type failure struct {
		Message string `xml:"message,attr"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    float64  `xml:"time,attr"`
		Failure *failure `xml:"failure,omitempty"`
		Skipped *failure `xml:"skipped,omitempty"`
	}
	suite := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testcase `xml:"testcase"`
	}{Name: "wxbase sim", Tests: len(results), Failures: failed, Skipped: skipped}
	for _, r := range results {
		one := testcase{Name: r.Name, Class: "wechat", Time: r.TookMs / 1000}
		switch {
		case r.Skip:
			one.Skipped = &failure{r.Reason}
		case !r.OK:
			one.Failure = &failure{r.Reason}
		}
		suite.Cases = append(suite.Cases, one)
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(out)
	enc.Indent("", "  ")
	return enc.Encode(suite)
}

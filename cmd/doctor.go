package cmd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"wxbase/hooks"
	"wxbase/internal/doctor"
)

// errProblemsFound makes `wxbase doctor` exit non-zero when a person has to act.
var errProblemsFound = errors.New("doctor has found problems")

// NewDoctorCommand makes `wxbase doctor`: what is wrong with the settings and around them, why, and how to mend it.
func NewDoctorCommand(wx *hooks.Plugin) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "doctor", Short: "Checks the settings and what is around them, and says how to mend what is wrong", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			findings, err := wx.Examine(command.Context(), localeLanguage(os.Getenv))
			if err != nil {
				return err
			}
			if err := printFindings(command.OutOrStdout(), findings, asJSON); err != nil {
				return err
			}
			if doctor.HasProblem(findings) {
				return errProblemsFound
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return command
}

// localeLanguage is the language of a terminal, by the variables that say it.
func localeLanguage(env func(string) string) doctor.Language {
	if strings.HasPrefix(cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")), "zh") {
		return doctor.Chinese
	}
	return doctor.English
}

func printFindings(out io.Writer, findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(map[string]any{"findings": findings})
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%-8s %-12s %s\n", f.State, f.Check, f.Title); err != nil {
			return err
		}
		if f.State == doctor.OK || f.State == doctor.Skipped {
			continue
		}
		for _, text := range []string{f.Why, f.Cure, f.Doc} {
			if text == "" {
				continue
			}
			if _, err := fmt.Fprintf(out, "%22s%s\n", "", text); err != nil {
				return err
			}
		}
	}
	return nil
}

package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"wxbase/hooks"
	"wxbase/internal/days"
	"wxbase/internal/order"
)

// errBooksDiffer makes `wxbase bill` exit non-zero when a person has to look.
var errBooksDiffer = errors.New("our books differ from WeChat's bill")

// NewBillCommand makes `wxbase bill 2026-11-22`: compare our books with WeChat's trade bill of a day, mend what a query can mend, and
// list the rest. It exits non-zero when differences remain.
func NewBillCommand(wx *hooks.Plugin) *cobra.Command {
	var merchant string
	var asJSON bool
	command := &cobra.Command{
		Use:          "bill [YYYY-MM-DD]",
		Short:        "Compares our books with WeChat's trade bill of a day (yesterday when left out)",
		Args:         cobra.MaximumNArgs(1),
		SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			day := wx.Now().In(days.Beijing()).AddDate(0, 0, -1)
			if len(args) > 0 {
				var err error
				if day, err = time.ParseInLocation(time.DateOnly, args[0], days.Beijing()); err != nil {
					return fmt.Errorf("date %q: want YYYY-MM-DD", args[0])
				}
			}
			report, err := runBill(command, wx, merchant, day, asJSON)
			if err == nil && report.State == "DIFFERENT" {
				err = errBooksDiffer
			}
			return err
		},
	}
	command.Flags().StringVar(&merchant, "merchant", "", "merchant number; not needed where there is one")
	command.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return command
}

func runBill(command *cobra.Command, wx *hooks.Plugin, mchID string, day time.Time, asJSON bool) (hooks.BillReport, error) {
	step := func(int, int) {}
	if !asJSON {
		bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(command.ErrOrStderr()), progressbar.OptionSetDescription("comparing"),
			progressbar.OptionClearOnFinish())
		defer func() { _ = bar.Finish() }()
		step = func(done, all int) {
			bar.ChangeMax(all)
			_ = bar.Set(done)
		}
	}
	report, err := wx.Reconcile(command.Context(), mchID, day, step)
	if err != nil {
		return report, err
	}
	out := command.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return report, encoder.Encode(report)
	}
	_, err = fmt.Fprintf(out, "%s  merchant %s  %s: %d payments %s yuan (ours %s), %d refunds %s yuan (ours %s), %d differences, %d mended\n",
		report.Date, report.Merchant, report.State, report.Payments, order.Yuan(report.TheirTotal), order.Yuan(report.OurTotal),
		report.Refunds, order.Yuan(report.TheirRefund), order.Yuan(report.OurRefund), len(report.Diffs), report.Mended)
	for _, d := range report.Diffs {
		if !d.Resolved {
			_, err = fmt.Fprintf(out, "  %-22s %s  ours %v  theirs %v\n", d.Kind, d.OutTradeNo, d.Ours, d.Theirs)
		}
	}
	return report, err
}

package simcmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// call is a call as the list of calls tells it, as far as it is printed.
type call struct {
	ID       int       `json:"id"`
	At       time.Time `json:"at"`
	Host     string    `json:"host"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Query    string    `json:"query"`
	Status   int       `json:"status"`
	Code     string    `json:"code"`
	Verdict  string    `json:"verdict"`
	Reason   string    `json:"reason"`
	Fault    string    `json:"fault"`
	TookMs   int64     `json:"took_ms"`
	Endpoint string    `json:"endpoint"`
	Finding  *struct {
		Mistake string `json:"mistake"`
		Says    string `json:"says"`
		SaysZH  string `json:"says_zh"`
		Signed  string `json:"signed"`
		Diff    []struct {
			Name     string `json:"name"`
			Signed   string `json:"signed"`
			Expected string `json:"expected"`
			At       int    `json:"at"`
		} `json:"diff"`
	} `json:"finding"`
}

// logsCommand prints the calls.
func logsCommand(to func() client) *cobra.Command {
	var follow, refused, chinese bool
	var path, mchID string
	var last int
	command := &cobra.Command{
		Use: "logs", Short: "Prints the calls, and why they were refused", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			p := printer{out: command.OutOrStdout(), refused: refused, chinese: chinese}
			list, err := to().calls(0, path, mchID)
			if err != nil {
				return err
			}
			p.printLast(list, last)
			ticker := time.NewTicker(300 * time.Millisecond)
			defer ticker.Stop()
			for follow {
				select {
				case <-ctx.Done():
					return nil
				case <-ticker.C:
				}
				if list, err = to().calls(p.seen, path, mchID); err != nil {
					return err
				}
				p.print(list)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&follow, "follow", "f", false, "go on as calls come")
	flags.BoolVar(&refused, "refused", false, "only those that were refused or hit by a fault")
	flags.StringVar(&path, "path", "", "only those whose path has this in it")
	flags.StringVar(&mchID, "mchid", "", "only those of this merchant")
	flags.BoolVar(&chinese, "zh", false, "reasons in Chinese")
	flags.IntVarP(&last, "last", "n", 20, "how many of the latest to begin with")
	return command
}

// calls are those that came after one, the oldest first, as far as they are wanted.
func (c client) calls(since int, path, mchID string) (list []call, err error) {
	query := url.Values{"since": {strconv.Itoa(since)}, "path": {path}, "mchid": {mchID}}
	err = c.do(http.MethodGet, "/calls?"+query.Encode(), nil, &list)
	return list, err
}

// printer writes calls for people.
type printer struct {
	out              io.Writer
	refused, chinese bool
	seen             int
}

// printLast prints the latest n of the calls that are wanted.
func (p *printer) printLast(list []call, n int) {
	if len(list) == 0 {
		return
	}
	wanted := slices.DeleteFunc(slices.Clone(list), p.skips)
	p.print(wanted[max(len(wanted)-n, 0):])
	p.seen = list[len(list)-1].ID
}

func (p *printer) skips(c call) bool { return p.refused && c.Verdict == "ok" }

func (p *printer) print(list []call) {
	for _, c := range list {
		p.seen = c.ID
		if p.skips(c) {
			continue
		}
		path := c.Path
		if c.Query != "" {
			path += "?" + c.Query
		}
		_, _ = fmt.Fprintf(p.out, "%s  %-7s %3d %s %s  %s\n", c.At.Local().Format(time.TimeOnly), c.Verdict, c.Status, c.Method, path, strings.TrimSpace(c.Code+" "+c.Fault))
		p.explain(c)
	}
}

// explain prints why a call was refused, with what was signed beside what was expected.
func (p *printer) explain(c call) {
	switch {
	case c.Finding == nil && c.Reason != "":
		_, _ = fmt.Fprintf(p.out, "          %s\n", c.Reason)
	case c.Finding != nil:
		says := c.Finding.Says
		if p.chinese {
			says = c.Finding.SaysZH
		}
		_, _ = fmt.Fprintf(p.out, "          %s: %s\n", c.Finding.Mistake, says)
		for _, line := range c.Finding.Diff {
			switch {
			case line.At >= 0:
				_, _ = fmt.Fprintf(p.out, "          - %-10s %s\n          + %-10s %s\n", line.Name, line.Signed, line.Name, line.Expected)
			case c.Finding.Signed == "":
				_, _ = fmt.Fprintf(p.out, "          + %-10s %s\n", line.Name, line.Expected)
			}
		}
	}
}

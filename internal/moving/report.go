package moving

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Report is what a run has done, and what was lost.
type Report struct {
	Plan        *Plan          `json:"plan"`
	New         map[string]int `json:"new"`    // by class: rows that were not here
	Kept        map[string]int `json:"kept"`   // rows that were here and stayed as they are
	People      int            `json:"people"` // users made from openids
	Files       int            `json:"files"`
	FilesLeft   int            `json:"filesLeft,omitempty"`
	FilesFailed []string       `json:"filesFailed,omitempty"`
	Lost        map[string]int `json:"lost"`
	Backup      string         `json:"backup,omitempty"`
}

// Write prints the plan for people.
func (p *Plan) Write(out io.Writer) {
	for _, c := range p.Classes {
		_, _ = fmt.Fprintf(out, "%s -> %s  %d rows\n", c.Name, c.Collection, c.Rows)
		for _, f := range c.Fields {
			_, _ = fmt.Fprintf(out, "    %-24s %s\n", f.Key, f.describe())
		}
		if rules := cmp.Or(c.Rules, c.Access.describe()); c.Collection != "users" {
			_, _ = fmt.Fprintf(out, "    rules: %s\n", rules)
		}
		if c.NewIDs > 0 {
			_, _ = fmt.Fprintf(out, "    %d ids cannot be kept and are computed anew\n", c.NewIDs)
		}
	}
	if p.Passwords > 0 {
		_, _ = fmt.Fprintf(out, "%d users keep their passwords: password login by email and username is switched on for users\n", p.Passwords)
	}
	if p.WeChat > 0 {
		_, _ = fmt.Fprintf(out, "%d users are found by wx.login in the mini program %s\n", p.WeChat, p.AppID)
	}
	writeLost(out, "cannot be kept:", p.Lost)
}

func (f *Field) describe() string {
	text := string(f.Kind)
	if f.Target != "" {
		text += " to " + f.Target
	}
	if f.Name != f.Key {
		text += ", named " + f.Name
	}
	if f.Mixed {
		text += ", because rows disagree about its type"
	}
	if f.Rough > 0 {
		text += fmt.Sprintf(", %d numbers lose digits", f.Rough)
	}
	return text
}

func (a Access) describe() string {
	read, update := "superusers", "superusers"
	if rule := a.Read(); rule != nil {
		read = *rule
		if read == "" {
			read = "everybody"
		}
	}
	if rule, _ := a.Write(); rule != nil {
		update = "the owner"
	}
	text := fmt.Sprintf("read by %s; changed by %s; created by superusers", read, update)
	if a.Partly > 0 {
		text += fmt.Sprintf("; %d rows allow more than a rule can say (field acl)", a.Partly)
	}
	if a.None > 0 {
		text += fmt.Sprintf("; %d rows have no ACL and are closed", a.None)
	}
	return text
}

// Write prints the report for people.
func (r *Report) Write(out io.Writer) {
	for _, c := range r.Plan.Classes {
		_, _ = fmt.Fprintf(out, "%s -> %s  %d rows: %d new, %d as they were\n", c.Name, c.Collection, c.Rows, r.New[c.Name], r.Kept[c.Name])
	}
	if r.People > 0 {
		_, _ = fmt.Fprintf(out, "%d users made from openids\n", r.People)
	}
	if r.Files+r.FilesLeft+len(r.FilesFailed) > 0 {
		_, _ = fmt.Fprintf(out, "files: %d fetched, %d left for later, %d failed (run again to try them again)\n", r.Files, r.FilesLeft, len(r.FilesFailed))
		for _, f := range r.FilesFailed {
			_, _ = fmt.Fprintf(out, "    %s\n", f)
		}
	}
	writeLost(out, "lost:", r.Lost)
	if r.Backup != "" {
		_, _ = fmt.Fprintf(out, "the backup of before is %s\n", r.Backup)
	}
}

func writeLost(out io.Writer, title string, lost map[string]int) {
	if len(lost) == 0 {
		return
	}
	_, _ = fmt.Fprintln(out, title)
	for _, what := range slices.Sorted(maps.Keys(lost)) {
		_, _ = fmt.Fprintf(out, "    %6d  %s\n", lost[what], strings.TrimSpace(what))
	}
}

package migrations_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

var update = flag.Bool("update", false, "write testdata/rules.golden")

// TestRules pins who may do what with every collection, and which fields there are. Read the difference with care before -update:
// a rule that turns "everybody" is a door.
func TestRules(t *testing.T) {
	t.Parallel()
	got := describe(t, newKit(t))
	const path = "testdata/rules.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("%s, line %d:\n got %q\nwant %q", path, i+1, at(gotLines, i), at(wantLines, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// describe writes every collection that is not PocketBase's own, and the one of the superusers.
func describe(tb testing.TB, app core.App) string {
	tb.Helper()
	all, err := app.FindAllCollections()
	if err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(all, func(a, b *core.Collection) int { return strings.Compare(a.Name, b.Name) })
	var out strings.Builder
	for _, c := range all {
		if c.System && c.Name != core.CollectionNameSuperusers {
			continue
		}
		fmt.Fprintf(&out, "%s (%s)\n", c.Name, c.Type)
		for _, rule := range []struct {
			name string
			text *string
		}{{"list", c.ListRule}, {"view", c.ViewRule}, {"create", c.CreateRule}, {"update", c.UpdateRule}, {"delete", c.DeleteRule}} {
			fmt.Fprintf(&out, "  %-7s %s\n", rule.name, say(rule.text))
		}
		if c.IsAuth() {
			fmt.Fprintf(&out, "  auth    %s\n  manage  %s\n", say(c.AuthRule), say(c.ManageRule))
			fmt.Fprintf(&out, "  by      password %v, otp %v, oauth2 %v, mfa %v\n",
				c.PasswordAuth.Enabled, c.OTP.Enabled, c.OAuth2.Enabled, c.MFA.Enabled)
		}
		for _, f := range c.Fields {
			fmt.Fprintf(&out, "  field   %s %s%s\n", f.GetName(), f.Type(), map[bool]string{true: ", hidden"}[f.GetHidden()])
		}
		for _, i := range c.Indexes {
			fmt.Fprintf(&out, "  index   %s\n", strings.Join(strings.Fields(i), " "))
		}
	}
	return out.String()
}

func say(rule *string) string {
	switch {
	case rule == nil:
		return "superusers only"
	case *rule == "":
		return "EVERYBODY"
	default:
		return *rule
	}
}

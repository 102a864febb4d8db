package sim

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDocumentsNameEveryEndpoint: the tables in both languages match the code, and so do the magic amounts and the
// rules.
func TestDocumentsNameEveryEndpoint(t *testing.T) {
	t.Parallel()
	param := regexp.MustCompile(`:([a-z_]+)`)
	for _, name := range []string{"../../docs/simulator.md", "../../docs/zh/simulator.md"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for _, ep := range endpoints() {
			if want := "`" + ep.method + " " + param.ReplaceAllString(ep.path, "{$1}") + "`"; !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if got := strings.Count(text, "\n| `GET /") + strings.Count(text, "\n| `POST /"); got != len(endpoints()) {
			t.Errorf("%s has %d calls, want %d", name, got, len(endpoints()))
		}
		for add, what := range magicAmounts() {
			if want := "| " + fenText(magicBase+add) + " | `[sim:" + what + "]` |"; !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		for _, rule := range []string{"closeMinAge", "refundSpacing", "refundDelay", "pages", "clientCertificates", "publicKeyOnly", "mostFen", "phoneCodeUsed", "rateLimitCode", "billHash", "billsAnyTime", "mixedSerials"} {
			if !strings.Contains(text, "`"+rule+"`") {
				t.Errorf("%s lacks the rule %s", name, rule)
			}
		}
	}
}

// TestDocumentsCountForgeries: both languages give the right number of forgeries.
func TestDocumentsCountForgeries(t *testing.T) {
	t.Parallel()
	n := strconv.Itoa(len((&seller{keyring: &keyring{}}).forgeries()) - 1) // "true" is not a forgery
	for name, want := range map[string]string{"../../docs/simulator.md": "any of " + n + " forgeries", "../../docs/zh/simulator.md": "以" + n + "种伪造之一"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
}

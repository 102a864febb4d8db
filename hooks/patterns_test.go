package hooks_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// aroundPatterns are the things that docs/patterns.md speaks of.
const aroundPatterns = `package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
)

type (
	sampleOrder struct {
		*core.Record
		Number string
	}
	attempt struct{ ID string }
	calls   struct{}
)

func (attempt) Request() any                             { return nil }
func (calls) Prepay(context.Context, any) (any, error)   { return nil, nil }
func (calls) Verify(http.Header, []byte) error           { return nil }
func guard(*core.RecordRequestEvent) error               { return nil }
func reserve(core.App, sampleOrder) (attempt, error)     { return attempt{}, nil }
func apply(core.App, ...any) error                       { return nil }
func refuse(*core.RequestEvent, error) error             { return nil }
func looksLikeJSON([]byte) bool                          { return false }
func apiError([]byte) error                              { return nil }
func sniffPicture([]byte) (string, error)                { return "", nil }

var (
	app               core.App
	e                 *core.RequestEvent
	ctx               context.Context
	gateway, verifier calls
	order             sampleOrder
	err               error
	fact              any
	body              []byte
	price, quantity   int64
	w                 http.ResponseWriter
	r                 *http.Request
	t                 *testing.T
	id                string
)

const maxNotify = 1 << 20

var (
	_ = errors.New
	_ = fmt.Errorf
	_ = io.EOF
	_ = url.Parse
	_ = synctest.Test
	_ = time.Now
	_ tests.ApiScenario
)
`

// madeVariables are the variables that a pattern makes and leaves.
var madeVariables = regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) := `)

// TestPatternsCompile: what docs/patterns.md tells people to do is Go. What it tells them not to do is left alone.
func TestPatternsCompile(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	source.WriteString(aroundPatterns)
	blocks := goBlock.FindAllStringSubmatch(readPage(t, "../docs/patterns.md"), -1)
	for i, block := range blocks {
		do, _, found := strings.Cut(block[1], "// don't")
		switch {
		case !found || !strings.HasPrefix(do, "// do"):
			t.Errorf("block %d: got %q, want what to do and what not", i+1, block[1])
		case strings.Contains(do, "\n{\n"):
			fmt.Fprintf(&source, "\nvar _ = []tests.ApiScenario{\n%s}\n", do)
		default:
			results := "error"
			if strings.Contains(do, "return nil, ") {
				results = "([]byte, error)"
			}
			used := ""
			for _, names := range madeVariables.FindAllStringSubmatch(do, -1) {
				for name := range strings.SplitSeq(names[1], ", ") {
					used += "_ = " + name + "\n"
				}
			}
			fmt.Fprintf(&source, "\nfunc _() %s {\n%s%spanic(0)\n}\n", results, do, used)
		}
	}
	if len(blocks) < 10 {
		t.Errorf("got %d blocks, want all of them", len(blocks))
	}
	compile(t, "patterns_sample", source.String())
}

package hooks_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// aroundPatterns declares the names in docs/patterns.md.
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

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

type (
	sampleOrder struct {
		*core.Record
		Number string
	}
	attempt struct{ ID string }
	calls   struct{}
	server  struct{}
	reply   struct{ Status int }
)

func (attempt) Request() any                             { return nil }
func (calls) Prepay(context.Context, any) (any, error)   { return nil, nil }
func (calls) Verify(http.Header, []byte) error           { return nil }
func (server) Call(_, _, _ string, _ any) reply          { return reply{} }
func (reply) Code() string                               { return "" }
func count(*testing.T, core.App, string, any) int        { return 0 }
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
	served            server
	scenarios         []struct {
		name, path, token string
		status            int
		code              string
	}
)

const maxNotify = 1 << 20

var (
	_ = errors.New
	_ = fmt.Errorf
	_ = io.EOF
	_ = url.Parse
	_ = synctest.Test
	_ = time.Now
)
`

// madeVariables matches the variables that a pattern declares and does not use.
var madeVariables = regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) := `)

// TestPatternsCompile compiles the first half of each pattern in docs/patterns.md. The second half may not compile.
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

package answer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxbase/internal/answer"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, p := range answer.All() {
		if !word.MatchString(p.Code) || seen[p.Code] {
			t.Errorf("code %q: want words with underscores, each code once", p.Code)
		}
		seen[p.Code] = true
		if p.Status < 400 || p.Status > 599 || !strings.HasSuffix(p.EN, ".") {
			t.Errorf("%s: got %d %q, want an error's status and a sentence", p.Code, p.Status, p.EN)
		}
	}
}

// TestEveryErrorIsInTheCatalogue reads the sources: every Problem of the package is in All, once.
func TestEveryErrorIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, p := range answer.All() {
		listed[p.Code] = true
	}
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), ".go") || strings.HasSuffix(n.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), n.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || len(literal.Elts) == 0 {
				return true
			}
			if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "Problem" {
				return true
			}
			made++
			var code *ast.BasicLit
			if field, isField := literal.Elts[0].(*ast.KeyValueExpr); isField {
				code, ok = field.Value.(*ast.BasicLit)
			}
			if !ok || code == nil {
				t.Errorf("%s: got a problem whose code is not written out", n.Name())
				return true
			}
			if text, err := strconv.Unquote(code.Value); err != nil || !listed[text] {
				t.Errorf("%s: %s is not in All", n.Name(), code.Value)
			}
			return true
		})
	}
	if made != len(listed) {
		t.Errorf("got %d problems in the sources, %d in the catalogue", made, len(listed))
	}
}

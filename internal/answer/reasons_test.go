package answer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxbase/internal/answer"
)

// TestEveryReasonIsInChinese reads the reasons in the sources: each has a Chinese text.
func TestEveryReasonIsInChinese(t *testing.T) {
	t.Parallel()
	found := 0
	for text, at := range reasonsOf(t, "..", "../../hooks") {
		found++
		if got := answer.ReasonInChinese(text); !regexp.MustCompile(`\p{Han}`).MatchString(got) {
			t.Errorf("%s: got %q for %q, want it in Chinese", at, got, text)
		}
	}
	if found < 50 {
		t.Errorf("got %d reasons, want all of them read", found)
	}
}

// reasonsOf returns the texts of answer.Field, of answer.With "reason", of WeChat's arguments and of our validations,
// with an example for each value that is known only at run time.
func reasonsOf(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/sim") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok {
					if text := reasonIn(call); text != "" {
						found[text] = files.Position(call.Pos()).String()
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// reasonIn returns the reason in a call; empty for other calls, and where an error provides it.
func reasonIn(call *ast.CallExpr) string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	switch {
	case name == "Field" && len(call.Args) == 3, name == "fieldError" && len(call.Args) == 3:
		return exampleOf(call.Args[2])
	case name == "With" && len(call.Args) == 3 && exampleOf(call.Args[1]) == "reason":
		return exampleOf(call.Args[2])
	case name == "NewError" && len(call.Args) == 2:
		return exampleOf(call.Args[1])
	}
	return ""
}

func exampleOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		left, right := exampleOf(e.X), exampleOf(e.Y)
		if left == "" && right == "" {
			return ""
		}
		return orExample(left) + orExample(right)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return strings.NewReplacer("%d", "7", "%q", `"it"`, "%s", "it", "%v", "it").Replace(exampleOf(e.Args[0]))
		}
	}
	return ""
}

func orExample(text string) string {
	if text == "" {
		return "7"
	}
	return text
}

package sim

import (
	"go/ast"
	"go/parser"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wxbase/internal/sim/wire"

	gotoken "go/token"
)

// said collects the reasons in the code, in either language: the last argument of the refusals, fields called reason,
// the last of several results after a number, and what is wrong with a field.
func said(t *testing.T) (reasons, issues map[string]string) {
	t.Helper()
	set := gotoken.NewFileSet()
	pkgs, err := parser.ParseDir(set, ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // one folder, no build tags
	if err != nil {
		t.Fatal(err)
	}
	reasons, issues = map[string]string{}, map[string]string{}
	add := func(n ast.Expr) {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != gotoken.STRING {
			return
		}
		text, _ := strconv.Unquote(lit.Value)
		switch {
		case text == "":
		case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }):
			issues[text] = set.Position(lit.Pos()).String()
		default:
			reasons[text] = set.Position(lit.Pos()).String()
		}
	}
	for _, pkg := range pkgs {
		ast.Inspect(pkg, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name := callee(n.Fun); len(n.Args) > 0 && regexp.MustCompile(`^(refuse|refuseSaying|refuseV2|failV2|badField|paramError)$`).MatchString(name) {
					add(n.Args[len(n.Args)-1])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "reason" {
					add(n.Value)
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "refundRefusal" && len(n.Elts) == 2 {
					add(n.Elts[1])
				}
			case *ast.ReturnStmt:
				if len(n.Results) > 1 && isErrcode(n.Results[len(n.Results)-2]) {
					add(n.Results[len(n.Results)-1])
				}
			}
			return true
		})
	}
	return reasons, issues
}

func callee(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func isErrcode(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == gotoken.INT && len(lit.Value) >= 5
}

// TestReasonsInBothLanguages: the panel can show every reason in Chinese and in English.
func TestReasonsInBothLanguages(t *testing.T) {
	t.Parallel()
	reasons, issues := said(t)
	if len(reasons) < 120 || len(issues) < 15 {
		t.Fatalf("got %d reasons and %d issues, want them found", len(reasons), len(issues))
	}
	for text, at := range reasons {
		if inChinese(text) == "" {
			t.Errorf("%s: %q has no Chinese", at, text)
		}
	}
	for text, at := range issues {
		if inEnglish(text) == text {
			t.Errorf("%s: %q has no English", at, text)
		}
	}
	for _, err := range []error{errEmptyBody, errGarbage, errTrailing, errNotAnObject, errNotUTF8, errHalfRune, errTooLarge, wire.ErrXMLTooLong, wire.ErrXMLForm, wire.ErrXMLTwice, wire.ErrXMLDTD} {
		if inChinese(err.Error()) == "" {
			t.Errorf("%q has no Chinese", err)
		}
	}
	for reason, zh := range reasonsZH {
		if !strings.ContainsFunc(zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%q: got %q", reason, zh)
		}
	}
	if got := inEnglish("字节数 135，大于最大值 127"); got != "has 135 bytes, at most 127 are allowed" {
		t.Errorf("got %q", got)
	}
	if got := inChinese("nonce_str has 40 bytes, more than 32"); got != "nonce_str有40字节，超过32字节" {
		t.Errorf("got %q", got)
	}
}

// TestFaultsAreExplained: every kind of fault has words in both languages.
func TestFaultsAreExplained(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"errcode": true}
	for _, kinds := range faultKinds() {
		for _, kind := range kinds {
			if (&fault{Kind: kind}).errcode() != 0 {
				continue
			}
			if words := faultWords()[kind]; words.EN == "" || words.ZH == "" {
				t.Errorf("%s is not explained", kind)
			}
			known[kind] = true
		}
	}
	for kind := range faultWords() {
		if !known[kind] {
			t.Errorf("%s is explained and does not exist", kind)
		}
	}
}

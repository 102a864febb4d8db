package hooks_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestGoOfTheReadmeCompiles: in both languages, as the body of a function of a program that embeds us.
func TestGoOfTheReadmeCompiles(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{"en": "../README.md", "zh": "../README.zh-CN.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blocks := goBlock.FindAllStringSubmatch(readPage(t, page), -1)
			if len(blocks) != 1 {
				t.Fatalf("got %d blocks, want 1", len(blocks))
			}
			compile(t, "readme_sample_"+name, "package sample\n\nimport (\n\"log\"\n\"github.com/pocketbase/pocketbase\"\n\"wxbase/hooks\"\n)\n\nfunc sample() {\n"+blocks[0][1]+"}\n")
		})
	}
}

// compile builds a source as a package of this module. Nothing is written into the module.
func compile(t *testing.T, name, source string) {
	t.Helper()
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "sample.go"), filepath.Join(dir, "overlay.json")
	here, err := filepath.Abs(filepath.Join(name, "sample.go"))
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{here: file}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{file: []byte(source), overlay: replace} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./"+name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestGoModOfTheReadme: what the README tells people to write is what examples/embed does.
func TestGoModOfTheReadme(t *testing.T) {
	t.Parallel()
	example := readPage(t, "../examples/embed/go.mod")
	for _, page := range []string{"../README.md", "../README.zh-CN.md"} {
		text := readPage(t, page)
		required := regexp.MustCompile(`(?m)^require (wxbase v\S+)$`).FindStringSubmatch(text)
		if required == nil || !strings.Contains(example, required[1]) || !strings.Contains(text, "replace wxbase => ../wxbase\n") {
			t.Errorf("%s: got %v, want the version of examples/embed/go.mod and a replace", page, required)
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

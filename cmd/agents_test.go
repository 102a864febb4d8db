package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/apptest/process"
)

var (
	pageLink    = regexp.MustCompile(`\]\(([^)#]+)\)`)
	commandLine = regexp.MustCompile("(?:```sh\n|`)wxbase ([a-z]+(?: [a-z]+)?)")
	toolName    = regexp.MustCompile("`((?:sim|explain|server)_[a-z_]+)`")
	testName    = regexp.MustCompile("`([a-z0-9/]+):(Test[A-Za-z0-9]+)`")
)

// forAgents are the pages that an agent reads.
func forAgents(t *testing.T) []string {
	t.Helper()
	skill, err := filepath.Glob("../skills/wxbase/*.md")
	if err != nil || len(skill) < 5 {
		t.Fatalf("got %v, %v, want the skill folder", skill, err)
	}
	return append(skill, "../AGENTS.md", "../llms.txt", "../docs/agents.md", "../docs/zh/agents.md", "../docs/quality.md", "../docs/zh/quality.md")
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPagesForAgents: what they point at is there, since an agent believes a page.
func TestPagesForAgents(t *testing.T) {
	t.Parallel()
	commands := map[string]bool{}
	for _, page := range forAgents(t) {
		text := readPage(t, page)
		for _, link := range pageLink.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, line := range commandLine.FindAllStringSubmatch(text, -1) {
			commands[line[1]] = true
		}
	}
	if len(commands) < 8 {
		t.Errorf("got %v, want the commands of the pages", commands)
	}
	for command := range commands {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			code, out, errs := process.Run(t, process.Home(t), nil, append(strings.Fields(command), "--help")...)
			if code != 0 || !strings.Contains(out, "wxbase "+command) {
				t.Errorf("got exit %d, %s%s, want its help", code, out, errs)
			}
		})
	}
}

// TestToolsOfThePages: both pages list the tools that there are, and the skill names no other.
func TestToolsOfThePages(t *testing.T) {
	t.Parallel()
	a := newAgent(t, process.Home(t))
	list, err := a.session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var tools []string
	for _, tool := range list.Tools {
		tools = append(tools, tool.Name)
	}
	for _, page := range forAgents(t) {
		text := readPage(t, page)
		for _, name := range toolName.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(tools, name[1]) {
				t.Errorf("%s names %s, which is no tool", page, name[1])
			}
		}
		for _, tool := range tools {
			if filepath.Base(page) == "agents.md" && !strings.Contains(text, "| `"+tool+"` |") {
				t.Errorf("%s does not list %s", page, tool)
			}
		}
	}
}

// TestQualityChecklist: every test that the checklist names exists, each item names one, and both languages name the same.
func TestQualityChecklist(t *testing.T) {
	t.Parallel()
	english, chinese := namedTests(t, "../docs/quality.md"), namedTests(t, "../docs/zh/quality.md")
	if len(english) < 20 || !slices.Equal(english, chinese) {
		t.Errorf("got %d and %d tests, want the same in both languages", len(english), len(chinese))
	}
	sources := map[string]string{} // of all tests of a folder
	for _, name := range english {
		folder, test, _ := strings.Cut(name, ":")
		if sources[folder] == "" {
			files, _ := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
			for _, file := range files {
				sources[folder] += readPage(t, file)
			}
		}
		if !strings.Contains(sources[folder], "\nfunc "+test+"(t *testing.T) {") {
			t.Errorf("%s has no %s", folder, test)
		}
	}
}

// namedTests are those of a page in the order of its rows.
func namedTests(t *testing.T, page string) (names []string) {
	t.Helper()
	for line := range strings.Lines(readPage(t, page)) {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "---") {
			continue
		}
		found := testName.FindAllStringSubmatch(line, -1)
		if found == nil && len(names) > 0 {
			t.Errorf("%s: no test in %s", page, line)
		}
		for _, name := range found {
			names = append(names, name[1]+":"+name[2])
		}
	}
	return names
}

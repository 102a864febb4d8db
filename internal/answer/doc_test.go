package answer_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxbase/internal/answer"
	"wxbase/internal/wechat"
)

func TestErrorsDocIsUpToDate(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != answer.Doc() {
		t.Error("docs/errors.md is stale: run go generate ./...")
	}
}

func TestErrorsDocSaysEverything(t *testing.T) {
	t.Parallel()
	doc := answer.Doc()
	row := map[string][]string{}
	for text := range strings.Lines(doc) {
		if !strings.HasPrefix(text, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(text, "|\n"), "|")
		if len(cells) != 6 {
			t.Errorf("got %d cells, want 6: %s", len(cells), text)
			continue
		}
		for i, c := range cells {
			if cells[i] = strings.TrimSpace(c); cells[i] == "" {
				t.Errorf("got an empty cell: %s", text)
			}
		}
		row[cells[0]] = cells
	}
	chinese := regexp.MustCompile(`\p{Han}`)
	for _, p := range answer.All() {
		cells := row["`"+p.Code+"`"]
		if len(cells) != 6 || cells[1] != strconv.Itoa(p.Status) || cells[2] != p.EN {
			t.Errorf("%s: got %v, want its status and message", p.Code, cells)
		} else if !chinese.MatchString(cells[3]) || !chinese.MatchString(cells[5]) || chinese.MatchString(cells[4]) {
			t.Errorf("%s: got %v, want message and help in both languages", p.Code, cells)
		}
	}
	for _, e := range wechat.Errcodes() {
		name := strconv.Itoa(e.Code)
		if e.Last != 0 {
			name += " to " + strconv.Itoa(e.Last)
		}
		cells := row[name]
		if len(cells) != 6 || cells[1] != string(e.Kind) || cells[3] != string(e.Retry) || cells[4] != e.EN || cells[5] != e.ZH {
			t.Errorf("errcode %s: got %v, want its kind, retry and hints", name, cells)
		}
	}
	for errcode, code := range map[string]string{"40029": "wx_code_invalid", "40226": "wx_login_refused", "-1": "wx_busy", "45009": "wx_quota_exhausted"} {
		if cells := row[errcode]; len(cells) != 6 || cells[2] != "`"+code+"`" {
			t.Errorf("errcode %s: got %v, want %s", errcode, cells, code)
		}
	}
}

package moving

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// scanLimit is the most rows that LeanCloud gives at once.
const scanLimit = 1000

// scanTries is how often a page is asked for, with a growing pause between.
const scanTries = 5

// maxPage is the most bytes of a page: 1000 rows of 128 KiB.
const maxPage = 256 << 20

// Scan reads a running LeanCloud app by its REST API into files, which are then imported as any export.
type Scan struct {
	Base, AppID, MasterKey string // Base is the app's own domain of the API
	Client                 *http.Client
	Pause                  time.Duration // before the second try; a second when zero
}

var className = regexp.MustCompile(`^_?[A-Za-z][A-Za-z0-9_]*$`)

// Download writes CLASS.jsonl for each class into a folder, and continues an interrupted run. Without classes it reads
// those of the app's schemas.
func (s Scan) Download(ctx context.Context, dir string, classes []string, step func(class string, rows int)) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if len(classes) == 0 {
		var err error
		if classes, err = s.classes(ctx); err != nil {
			return fmt.Errorf("list classes: %w", err)
		}
	}
	for _, class := range classes {
		if !className.MatchString(class) {
			return fmt.Errorf("%q is no name of a class", class)
		}
		if err := s.class(ctx, dir, class, step); err != nil {
			return fmt.Errorf("scan %s: %w", class, err)
		}
	}
	return nil
}

func (s Scan) classes(ctx context.Context) ([]string, error) {
	var schemas map[string]json.RawMessage
	if err := s.get(ctx, "/1.1/schemas", nil, &schemas); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(schemas)), nil
}

// progress is what a class needs to go on: how long the file was after the last page, and where the next begins.
type progress struct {
	Size   int64  `json:"size"`
	Rows   int    `json:"rows"`
	Cursor string `json:"cursor"`
	Done   bool   `json:"done"`
}

func (s Scan) class(ctx context.Context, dir, class string, step func(string, int)) error {
	note := filepath.Join(dir, "."+class+".progress")
	at := readProgress(note)
	if at.Done {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(dir, class+".jsonl"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // checked by className
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := file.Truncate(at.Size); err != nil { // a page that a kill has cut
		return err
	}
	for !at.Done {
		if err := s.page(ctx, file, class, &at); err != nil {
			return err
		}
		if err := writeProgress(note, at); err != nil {
			return err
		}
		if step != nil {
			step(class, at.Rows)
		}
	}
	return nil
}

func readProgress(note string) (at progress) {
	if text, err := os.ReadFile(note); err == nil { //nolint:gosec // checked by className
		_ = json.Unmarshal(text, &at)
	}
	return at
}

func writeProgress(note string, at progress) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if err := os.WriteFile(note+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(note+".new", note)
}

// page appends one page to the file.
func (s Scan) page(ctx context.Context, file *os.File, class string, at *progress) error {
	query := url.Values{"limit": {fmt.Sprint(scanLimit)}}
	if at.Cursor != "" {
		query.Set("cursor", at.Cursor)
	}
	var got struct {
		Results []json.RawMessage `json:"results"`
		Cursor  string            `json:"cursor"`
	}
	if err := s.get(ctx, "/1.1/scan/classes/"+class, query, &got); err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, row := range got.Results {
		if err := json.Compact(&lines, row); err != nil {
			return err
		}
		lines.WriteByte('\n')
	}
	if _, err := file.WriteAt(lines.Bytes(), at.Size); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	at.Size, at.Rows = at.Size+int64(lines.Len()), at.Rows+len(got.Results)
	at.Done, at.Cursor = got.Cursor == "" || got.Cursor == at.Cursor, got.Cursor
	return nil
}

// errScanRefused is an answer that another try does not change.
var errScanRefused = errors.New("LeanCloud refuses")

func (s Scan) get(ctx context.Context, path string, query url.Values, into any) (err error) {
	pause := cmp.Or(s.Pause, time.Second)
	for try := 1; ; try++ {
		if err = s.once(ctx, path, query, into); err == nil || try == scanTries || errors.Is(err, errScanRefused) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (s Scan) once(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.Base, "/")+path+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errScanRefused, withoutURL(err))
	}
	req.Header.Set("X-Lc-Id", s.AppID)
	req.Header.Set("X-Lc-Key", s.MasterKey+",master")
	answer, err := s.client().Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	switch code := answer.StatusCode; {
	case err != nil:
		return err
	case code >= 400 && code < 500 && code != http.StatusTooManyRequests:
		return fmt.Errorf("%w: %s", errScanRefused, answer.Status)
	case code != http.StatusOK:
		return fmt.Errorf("the answer is %s", answer.Status)
	}
	return json.Unmarshal(body, into)
}

// client follows no redirect, which would carry the master key to another host.
func (s Scan) client() *http.Client {
	c := *cmp.Or(s.Client, http.DefaultClient)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

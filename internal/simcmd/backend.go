package simcmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// send makes one request of the backend and gives its answer.
func (r *runner) send(q request) (any, error) {
	var body io.Reader
	if q.Body != nil {
		raw, err := json.Marshal(r.filled(q.Body))
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, r.text(q.URL), body) //nolint:noctx // the client has a deadline
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if q.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.Headers {
		req.Header.Set(name, r.text(value))
	}
	resp, err := r.sim.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s answered %d: %.300s", method, req.URL.Path, resp.StatusCode, raw)
	}
	var answer any
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, fmt.Errorf("%s %s answered no JSON: %.100s", method, req.URL.Path, raw)
		}
	}
	for name, path := range q.Save {
		r.vars[name] = fmt.Sprint(find(answer, path))
	}
	return answer, nil
}

// text puts variables into a text.
func (r *runner) text(text string) string {
	for name, value := range r.vars {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// filled puts variables into every text of a value; a text that is one variable of digits alone, such as {{total}}, becomes a number.
func (r *runner) filled(value any) any {
	switch v := value.(type) {
	case string:
		text := r.text(v)
		if v == "{{total}}" {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
		}
		return text
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = r.filled(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = r.filled(inner)
		}
		return out
	}
	return value
}

// find follows a path such as items.0.state; "." is the value itself, and what is not there is nil.
func find(value any, path string) any {
	if path == "" || path == "." {
		return value
	}
	for name := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

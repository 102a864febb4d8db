package simcmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"wxbase/internal/sim"
)

// client speaks to the control API of a running simulator.
type client struct {
	base string
	http *http.Client
}

// newClient takes the address from the flag, the environment or the usual place.
func newClient(url string, env func(string) string) client {
	base := cmp.Or(url, env("WXBASE_SIM_URL"), "http://"+DefaultAddr)
	return client{strings.TrimRight(base, "/"), &http.Client{Timeout: time.Minute}}
}

// do calls path under /_sim and decodes the answer into out, or takes its bytes where out is a *[]byte.
func (c client) do(method, path string, in, out any) error {
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, c.base+"/_sim"+path, body) //nolint:noctx // a command that a person ends by ^C
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("no simulator answers at %s (start one with wxbase sim, or give --url): %w", c.base, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return refusalOf(resp.StatusCode, raw)
	}
	if bytesOut, ok := out.(*[]byte); ok {
		*bytesOut = raw
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// refusalOf is what the control API said, in its own words.
func refusalOf(status int, raw []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(raw, &said) == nil && said.Error != "" {
		return errors.New(said.Error)
	}
	return fmt.Errorf("the simulator answered %d", status)
}

// config reads the credentials.
func (c client) config() (sim.Config, error) {
	var config sim.Config
	err := c.do(http.MethodGet, "/config", nil, &config)
	return config, err
}

package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// snapshotHead is the first line of an exported state: its credentials, so that others can replace them on import.
type snapshotHead struct {
	Version int       `json:"version"`
	AppID   string    `json:"appid"`
	MchID   string    `json:"mchid"`
	More    []string  `json:"moreMchids,omitempty"` // of the merchants besides the first
	MadeAt  time.Time `json:"madeAt"`
}

// NB! an exported state lacks the merchant's keys and secrets; it contains session keys and tokens of this simulator.

const (
	snapshotVersion = 1
	largestSnapshot = 256 << 20 // bytes
	snapshotFolder  = "snapshots"
)

var snapshotName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$`)

// exportState writes the whole state: a head, then a line for each entity.
func (s *Sim) exportState() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := bytes.NewBuffer(encode(s.snapshotHead()))
	out.WriteByte('\n')
	s.state.moved.Offset = s.Now().Sub(s.opts.now()).Round(time.Second)
	for _, r := range s.state.live(s.Now()) {
		line, err := book.Line(r)
		if err != nil {
			return nil, fmt.Errorf("encode state: %w", err)
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}

// snapshotHead returns the head of this state.
func (s *Sim) snapshotHead() snapshotHead {
	list := s.allSellers()
	head := snapshotHead{Version: snapshotVersion, AppID: s.keys.AppID, MchID: list[0].MchID, MadeAt: s.Now()}
	for _, m := range list[1:] {
		head.More = append(head.More, m.MchID)
	}
	return head
}

// importState replaces the whole state. The imported first mini program becomes ours, and the merchants become ours in
// their order.
func (s *Sim) importState(raw []byte) error {
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	var head snapshotHead
	if err := json.Unmarshal(first, &head); err != nil || head.Version != snapshotVersion || head.AppID == "" || head.MchID == "" {
		return badInput("this is no exported state of version 1")
	}
	rest = bytes.ReplaceAll(rest, []byte(`"`+head.AppID), []byte(`"`+s.keys.AppID))
	own := s.allSellers()
	for i, mchID := range append([]string{head.MchID}, head.More...) {
		if i < len(own) {
			rest = bytes.ReplaceAll(rest, []byte(`"`+mchID), []byte(`"`+own[i].MchID))
		}
	}
	next := newState()
	if err := book.Replay(rest, next.apply); err != nil {
		return badInput("the exported state is damaged: " + err.Error())
	}
	return s.become(next)
}

// become installs another state, in memory and in the journal.
func (s *Sim) become(next *state) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := next.rules.over(s.opts.rules); err != nil {
		return err
	}
	before := s.state
	s.state = next
	if err := s.journal.Rewrite(next.live(s.opts.now().Add(next.moved.Offset))); err != nil {
		s.state = before
		return err
	}
	s.clock.set(next.moved.Offset)
	next.reindex(s.keys.AppID, s.Now())
	s.limits, s.bills = book.NewLimiter(), nil
	s.faults.clear()
	s.wakeWorker()
	return s.enforce(next.rules)
}

// resetState restores the state of a first start: three people and no orders. Mini programs, their message push and the
// rules stay.
func (s *Sim) resetState() error {
	next := newState()
	s.mu.Lock()
	next.appTable, next.pushTable, next.ruleTable, next.merchantTable = s.state.appTable, s.state.pushTable, s.state.ruleTable, s.state.merchantTable
	s.mu.Unlock()
	if err := s.become(next); err != nil {
		return err
	}
	s.calls.clear()
	return s.firstPeople()
}

// sendState is GET /_sim/state.
func (s *Sim) sendState(c *echo.Context) error {
	raw, err := s.exportState()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/x-ndjson", raw)
}

// takeState is POST /_sim/state. note: a state may be larger than any other body here.
func (s *Sim) takeState(c *echo.Context) error {
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, largestSnapshot))
	if err != nil {
		return badInput("the body could not be read, or is larger than 256 MiB")
	}
	if err := s.importState(raw); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// clearState is DELETE /_sim/state.
func (s *Sim) clearState(c *echo.Context) error {
	if err := s.resetState(); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]bool{"ok": true})
}

// saveSnapshot is POST /_sim/state/{name}: it saves the state under a name, in the state folder if there is one.
func (s *Sim) saveSnapshot(c *echo.Context) error {
	name := c.Param("name")
	if !snapshotName.MatchString(name) {
		return badInput("a name is 1 to 64 letters, digits and _.-")
	}
	raw, err := s.exportState()
	if err != nil {
		return err
	}
	if s.opts.stateDir == "" {
		s.snapshots.Store(name, raw)
		return c.JSON(http.StatusOK, map[string]string{"saved": name})
	}
	dir := filepath.Join(s.opts.stateDir, snapshotFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for snapshots: %w", err)
	}
	if err := book.ReplaceFile(filepath.Join(dir, name+".jsonl"), raw); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return c.JSON(http.StatusOK, map[string]string{"saved": name})
}

// loadSnapshot is POST /_sim/state/{name}/load.
func (s *Sim) loadSnapshot(c *echo.Context) error {
	name := c.Param("name")
	if !snapshotName.MatchString(name) {
		return notThere("no snapshot has this name")
	}
	raw, err := s.snapshot(name)
	if err != nil {
		return err
	}
	if err := s.importState(raw); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"loaded": name})
}

func (s *Sim) snapshot(name string) ([]byte, error) {
	if kept, ok := s.snapshots.Load(name); ok {
		raw, _ := kept.([]byte)
		return raw, nil
	}
	raw, err := book.ReadIfThere(s.opts.stateDir, filepath.Join(s.opts.stateDir, snapshotFolder, name+".jsonl"))
	if err == nil && raw == nil {
		return nil, notThere("no snapshot has this name")
	}
	return raw, err
}

// listSnapshots is GET /_sim/state/names.
func (s *Sim) listSnapshots(c *echo.Context) error {
	names := []string{}
	s.snapshots.Range(func(name, _ any) bool {
		text, _ := name.(string)
		names = append(names, text)
		return true
	})
	if s.opts.stateDir != "" {
		files, err := os.ReadDir(filepath.Join(s.opts.stateDir, snapshotFolder))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("list snapshots: %w", err)
		}
		for _, f := range files {
			names = append(names, strings.TrimSuffix(f.Name(), ".jsonl"))
		}
	}
	return c.JSON(http.StatusOK, names)
}

// bindState binds what is done with the whole state.
func (s *Sim) bindState(g *echo.Group) {
	g.GET("/state", s.sendState)
	g.POST("/state", s.takeState)
	g.DELETE("/state", s.clearState)
	g.GET("/state/names", s.listSnapshots)
	g.POST("/state/:name", s.saveSnapshot)
	g.POST("/state/:name/load", s.loadSnapshot)
}

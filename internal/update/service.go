package update

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"wxbase/internal/serving"
)

// Unit is a service of systemd. It serves when it has said so (Type=notify).
type Unit string

// Stop stops the unit.
func (u Unit) Stop(ctx context.Context) error { return u.run(ctx, "stop") }

// Start starts the unit.
func (u Unit) Start(ctx context.Context) error {
	if err := u.run(ctx, "start"); err != nil {
		return fmt.Errorf("%w (journalctl -u %s says why)", err, u)
	}
	return nil
}

func (u Unit) run(ctx context.Context, what string) error {
	said, err := exec.CommandContext(ctx, "systemctl", what, string(u)).CombinedOutput() //nolint:gosec // the operator's choice of a unit
	if err != nil {
		return fmt.Errorf("systemctl %s %s: %w: %s", what, u, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// Trial stands in for a service: the operator has stopped the server, and starts it again. The executable is tried on a
// free port of this machine, and stopped when it serves.
type Trial struct {
	Executable, Data string
	Wait             time.Duration // for it to serve, changes of the schema included
}

// Stop does nothing: the lock of the data folder tells a server that runs.
func (t Trial) Stop(context.Context) error { return nil }

// Start starts the executable, waits until it is healthy, and ends it.
func (t Trial) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.Wait)
	defer cancel()
	addr, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, t.Executable, "serve", "--http", addr, "--dir", t.Data) //nolint:gosec // the file that was checked
	child.Cancel = func() error { return interrupt(child.Process) }
	child.WaitDelay = 20 * time.Second
	var said tail
	child.Stdout, child.Stderr = &said, &said
	if err := child.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = child.Wait() }() // how it ended says less than what it said
	if err := awaitHealth(ctx, serving.Origin(addr), ended); err != nil {
		cancel()
		<-ended
		return fmt.Errorf("%w: %s", err, said.String())
	}
	cancel()
	<-ended
	return nil
}

// errEnded says that the server ended before it served.
var errEnded = errors.New("it ended before it served")

// awaitHealth asks until the server can do its work.
func awaitHealth(ctx context.Context, origin string, ended <-chan struct{}) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if isHealthy(ctx, origin) {
			return nil
		}
		select {
		case <-ended:
			return errEnded
		case <-ctx.Done():
			return errors.New("it did not serve in time")
		case <-tick.C:
		}
	}
}

func isHealthy(ctx context.Context, origin string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/wx/health", nil)
	if err != nil {
		return false
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return reply.Body.Close() == nil && reply.StatusCode == http.StatusOK
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// interrupt asks a process to end. Windows knows no such signal.
func interrupt(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill()
	}
	return p.Signal(os.Interrupt)
}

// suffix is how the name of an executable ends on this system.
func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// tail keeps the last words of a process.
type tail struct{ text []byte }

const tailBytes = 2000

// Write keeps what was written last.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(p), nil
}

// String is what is kept.
func (t *tail) String() string { return strings.TrimSpace(string(t.text)) }

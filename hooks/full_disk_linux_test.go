package hooks_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
)

// TestFullDisk: a server on a full disk says so, on the console and to probes, has told a person before, and recovers by itself.
//
// note: the small disk is a file system in memory that only the server sees; it is written through /proc.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := home(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=160m tmpfs "$1" && shift && exec "$@"`, "sh",
		dir, apptest.Binary(t), "serve", "--dir", dir, "--http", addr)
	cmd.Dir = filepath.Dir(dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "WXBASE_DISK_FREE_MB=64", "WXBASE_METRICS=1"}
	p := begin(t, dir, addr, cmd)
	p.WaitFor("/api/wx/health")
	fill := fmt.Sprintf("/proc/%d/root%s/fill", p.cmd.Process.Pid, dir)
	grow(t, fill, 0) // to the last byte
	p.until("503", func() bool {
		status, _ := p.call(http.MethodGet, "/api/wx/health", "", nil)
		return status == http.StatusServiceUnavailable
	})
	p.until("words of the full disk on the console", func() bool {
		out := p.out.String()
		return strings.Contains(out, "nothing can be written") && strings.Contains(out, "disk is full")
	})
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	p.until("200", func() bool {
		status, _ := p.call(http.MethodGet, "/api/wx/health", "", nil)
		return status == http.StatusOK
	})
	grow(t, fill, 40<<20) // short, not full
	p.until("degraded", func() bool {
		_, got := p.call(http.MethodGet, "/api/wx/health", "", nil)
		return got["status"] == "degraded"
	})
	p.until("the alerts in /metrics", func() bool {
		res, err := web.Client.Get("http://" + p.addr + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		text := readAll(t, res)
		return strings.Contains(text, `wxbase_alerts_open{kind="disk"} 2`) && strings.Contains(text, "wxbase_ready 1")
	})
}

// grow fills a disk until so many bytes are left on it.
func grow(t *testing.T, path string, leave uint64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 64<<10); ; {
		var s syscall.Statfs_t
		if err := syscall.Statfs(filepath.Dir(path), &s); err != nil {
			t.Fatal(err)
		}
		if leave > 0 && s.Bavail*uint64(s.Bsize) <= leave {
			return
		}
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

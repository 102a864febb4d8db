package packaging_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/install"
	"wxbase/packaging"
)

// every metric that the rules and the dashboard ask for is one that the server has
func TestMonitoringAsksForMetricsThatExist(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`wxbase_[a-z_]+[a-z]`)
	served := map[string]bool{}
	err := filepath.WalkDir("../internal", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, found := range name.FindAllString(read(t, path), -1) {
			served[found] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"monitoring/wxbase.rules.yml", "monitoring/grafana.json"} {
		asked := name.FindAllString(read(t, file), -1)
		if len(asked) < 10 {
			t.Errorf("%s asks for %d metrics only", file, len(asked))
		}
		for _, metric := range asked {
			if !served[strings.TrimSuffix(metric, "_bucket")] {
				t.Errorf("%s asks for %s, which nobody serves", file, metric)
			}
		}
	}
	var dashboard struct {
		Panels []struct{ ID int }
	}
	if err := json.Unmarshal([]byte(read(t, "monitoring/grafana.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels are number %d", panel.ID)
		}
		ids[panel.ID] = true
	}
}

// the unit starts what wxbase install puts there
func TestUnitAndInstallAgree(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"ExecStart=" + install.Executable + " serve --dir " + install.Data + " $WXBASE_SERVE\n", "EnvironmentFile=" + install.Settings + "\n",
		"User=" + install.Account + "\n", "WorkingDirectory=" + install.Home + "\n", "# " + install.UnitFile + ",", "Type=notify\n", "WatchdogSec=",
	} {
		if !strings.Contains(packaging.Unit, want) {
			t.Errorf("the unit lacks %q", want)
		}
	}
}

// the unit of a standby serves the same folder, and not beside the server
func TestStandbyUnitAgrees(t *testing.T) {
	t.Parallel()
	unit := read(t, "systemd/wxbase-standby.service")
	for _, want := range []string{
		"ExecStart=" + install.Executable + " standby --dir " + install.Data + "\n", "EnvironmentFile=" + install.Settings + "\n",
		"User=" + install.Account + "\n", "WorkingDirectory=" + install.Home + "\n", "Conflicts=" + filepath.Base(install.UnitFile) + "\n", "Type=notify\n",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %q", want)
		}
	}
}

// the paths of the image are the same in its stages, its command, its check and the compose file
func TestImageIsOneStory(t *testing.T) {
	t.Parallel()
	docker, compose := read(t, "docker/Dockerfile"), read(t, "docker/compose.yaml")
	if got := strings.Count(docker, `"/data/pb_data"`); got != 2 {
		t.Errorf("the Dockerfile names the data folder %d times, want it for the command and the check", got)
	}
	if !strings.Contains(compose, "--dir, /data/pb_data") || !strings.Contains(compose, `"data:/data"`) {
		t.Error("the compose file keeps the data elsewhere")
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	if version == nil || !strings.Contains(docker, "golang:"+version[1]+"-") {
		t.Errorf("the image builds with another Go than go.mod's %v", version)
	}
	if got := slices.Index(strings.Split(docker, "\n"), "USER 65532:65532"); got < 0 {
		t.Error("the image runs as root")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

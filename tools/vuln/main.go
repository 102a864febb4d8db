// Command vuln runs govulncheck over the module and exits 1 if the module calls a known hole that accepted.txt does not
// explain.
//
// The database is the module golang.org/x/vulndb, newest version, so that it comes through the same proxy as everything
// else. It checks what is shipped: with the standard library of the toolchain that go.mod names. If that toolchain
// cannot be fetched, holes of the local one that it fixes are printed and accepted.
//
//	go run -C tools ./vuln ..
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// finding is one message of govulncheck: the first step of its trace is the hole, with a function where it is called.
type finding struct {
	OSV   string `json:"osv"`
	Fixed string `json:"fixed_version"`
	Trace []struct {
		Module, Version, Package, Function string
	} `json:"trace"`
}

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	bad, err := check(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vuln:", err)
		os.Exit(2)
	}
	for _, line := range bad {
		fmt.Println(line)
	}
	fmt.Printf("vuln: %d findings to look at\n", len(bad))
	if len(bad) > 0 {
		os.Exit(1)
	}
}

func check(root string) ([]string, error) {
	accepted, err := readAccepted(filepath.Join(root, "tools/vuln/accepted.txt"))
	if err != nil {
		return nil, err
	}
	db, err := database(root)
	if err != nil {
		return nil, err
	}
	wanted, err := command(root, "local", "go", "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod struct{ Toolchain string }
	if err := json.Unmarshal(wanted, &mod); err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	toolchain := mod.Toolchain
	if _, err := command(root, toolchain, "go", "version"); err != nil {
		fmt.Printf("vuln: %s cannot be fetched here, so the local toolchain is looked at\n", toolchain)
		toolchain = "local"
	}
	called, err := scan(root, toolchain, db)
	if err != nil {
		return nil, err
	}
	return judge(called, accepted, mod.Toolchain), nil
}

// database downloads the reports of the Go team and gives the address of their folder.
func database(root string) (string, error) {
	raw, err := command(root, "local", "go", "mod", "download", "-json", "golang.org/x/vulndb@latest")
	if err != nil {
		return "", err
	}
	var m struct{ Dir, Version string }
	if err := json.Unmarshal(raw, &m); err != nil || m.Dir == "" {
		return "", errors.New("golang.org/x/vulndb was not downloaded")
	}
	dir := filepath.Join(m.Dir, "data/osv")
	reports, err := filepath.Glob(filepath.Join(dir, "GO-*.json"))
	if err != nil || len(reports) < 1000 {
		return "", fmt.Errorf("the database has %d reports (%w): it is not where it was", len(reports), err)
	}
	fmt.Printf("vuln: %d reports of golang.org/x/vulndb %s\n", len(reports), m.Version)
	return "file://" + filepath.ToSlash(dir), nil
}

// scan runs govulncheck and gives the findings whose code is called.
func scan(root, toolchain, db string) ([]finding, error) {
	dir, err := os.MkdirTemp("", "wxbase-vuln-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "govulncheck")
	if _, err := command(filepath.Join(root, "tools"), "local", "go", "build", "-o", binary, "golang.org/x/vuln/cmd/govulncheck"); err != nil {
		return nil, err
	}
	raw, err := command(root, toolchain, binary, "-db", db, "-format", "json", "./...")
	if err != nil {
		return nil, err
	}
	return readFindings(strings.NewReader(string(raw)))
}

func readFindings(r io.Reader) (called []finding, err error) {
	scanned := false
	for decoder := json.NewDecoder(r); ; {
		var message struct {
			Config  *struct{} `json:"config"`
			Finding *finding  `json:"finding"`
		}
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) && scanned {
			return called, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read answer of govulncheck: %w", err)
		}
		scanned = scanned || message.Config != nil
		if f := message.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			called = append(called, *f)
		}
	}
}

// judge gives a line for every called hole that nobody has explained, and for every explanation without a hole.
func judge(called []finding, accepted map[string]string, toolchain string) (bad []string) {
	found := map[string]finding{}
	for _, f := range called {
		found[f.OSV] = f
	}
	for id, f := range found {
		at := f.Trace[0]
		line := fmt.Sprintf("%s: %s@%s, fixed in %s: https://pkg.go.dev/vuln/%s", id, cmp.Or(at.Package, at.Module), at.Version, cmp.Or(f.Fixed, "no version"), id)
		switch {
		case accepted[id] != "":
			fmt.Println("vuln: accepted", id+":", accepted[id])
		case at.Module == "stdlib" && f.Fixed != "" && semver.Compare(f.Fixed, strings.Replace(toolchain, "go", "v", 1)) <= 0:
			fmt.Println("vuln: mended by", toolchain+", not here:", line)
		default:
			bad = append(bad, line)
		}
	}
	for id := range accepted {
		if _, ok := found[id]; !ok {
			bad = append(bad, id+": is in accepted.txt and no longer found: take it out")
		}
	}
	slices.Sort(bad)
	return bad
}

func readAccepted(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // our own list
	if err != nil {
		return nil, err
	}
	accepted := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		id, reason, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id == "" || strings.HasPrefix(id, "#") {
			continue
		}
		if strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s has no reason in accepted.txt", id)
		}
		accepted[id] = strings.TrimSpace(reason)
	}
	return accepted, nil
}

// command runs a program in dir under a toolchain and gives what it says.
func command(dir, toolchain, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // our own tools, as long as they take
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "GOTOOLCHAIN="+toolchain), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args, " "), err)
	}
	return out, nil
}

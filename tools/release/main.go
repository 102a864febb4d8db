// Command release builds the files of a release: an archive for each system, the sums of all, and a list of their parts
// (SBOM). The same source and version give the same bytes on every machine with the same Go.
//
//	go run ./release -root .. -out ../bin/release -version v1.2.3
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// targets are the systems of a release.
var targets = []target{{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}

// beside the executable lie these files of the project.
var beside = []string{"README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md", "packaging/systemd/wxbase.service"}

type target struct{ system, machine string }

func (t target) executable() string {
	if t.system == "windows" {
		return "wxbase.exe"
	}
	return "wxbase"
}

// release is what is being made.
type release struct {
	root, out, version string
	made               time.Time // of every file in every archive
}

func main() {
	var r release
	flag.StringVar(&r.root, "root", "..", "the project")
	flag.StringVar(&r.out, "out", "../bin/release", "folder for the result; what is in it is removed")
	flag.StringVar(&r.version, "version", "dev", "of the release")
	only := flag.String("only", "", "one system, such as linux/amd64")
	flag.Parse()
	if err := r.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r *release) run(only string) (err error) {
	if r.root, err = filepath.Abs(r.root); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if r.made, err = r.commitTime(); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil { //nolint:gosec // to be handed out
		return err
	}
	var archives []string
	for _, t := range targets {
		if only != "" && only != t.system+"/"+t.machine {
			continue
		}
		made, err := r.make(t)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", t.system, t.machine, err)
		}
		fmt.Println(made)
		archives = append(archives, made, strings.TrimSuffix(strings.TrimSuffix(made, ".tar.gz"), ".zip")+".cdx.json")
	}
	if len(archives) == 0 {
		return fmt.Errorf("no system %q", only)
	}
	return r.sum(archives)
}

// commitTime is when the last commit was made: a clock of the builder's would make every build another one.
func (r *release) commitTime() (time.Time, error) {
	log := exec.Command("git", "log", "-1", "--format=%cI") //nolint:noctx // ends by itself
	log.Dir = r.root
	text, err := log.Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("when was the last commit: %w", err)
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	return at.UTC(), err
}

// make builds one system's archive and SBOM, and returns the archive's name.
func (r *release) make(t target) (string, error) {
	folder := fmt.Sprintf("wxbase-%s-%s-%s", r.version, t.system, t.machine)
	built := filepath.Join(r.out, folder+"-"+t.executable())
	defer func() { _ = os.Remove(built) }()
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+r.version, "-o", built, ".") //nolint:gosec,noctx // our own words
	build.Dir, build.Stderr = r.root, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.system, "GOARCH="+t.machine, "GOFLAGS=-mod=readonly")
	if err := build.Run(); err != nil {
		return "", err
	}
	if err := r.listParts(built, filepath.Join(r.out, folder+".cdx.json")); err != nil {
		return "", err
	}
	files := []file{{folder + "/" + t.executable(), built, 0o755}}
	for _, name := range beside {
		files = append(files, file{folder + "/" + name, filepath.Join(r.root, name), 0o644})
	}
	pack, name := r.packTar, folder+".tar.gz"
	if t.system == "windows" {
		pack, name = r.packZip, folder+".zip"
	}
	var archive bytes.Buffer
	if err := pack(&archive, files); err != nil {
		return "", err
	}
	return name, os.WriteFile(filepath.Join(r.out, name), archive.Bytes(), 0o644) //nolint:gosec // to be handed out
}

// file is one of an archive.
type file struct {
	name, from string
	mode       int64
}

func (r *release) packTar(out io.Writer, files []file) error {
	text, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(text)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(content)), ModTime: r.made, Format: tar.FormatPAX}
		if err := archive.WriteHeader(head); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), text.Close())
}

func (r *release) packZip(out io.Writer, files []file) error {
	archive := zip.NewWriter(out)
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.made}
		head.SetMode(os.FileMode(f.mode)) //nolint:gosec // 0644 or 0755
		into, err := archive.CreateHeader(head)
		if err != nil {
			return err
		}
		if _, err := into.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// listParts writes what an executable is made of, as it says itself: a CycloneDX document.
func (r *release) listParts(executable, to string) error {
	info, err := buildinfo.ReadFile(executable)
	if err != nil {
		return err
	}
	parts := []cyclonedx.Component{{
		Type: cyclonedx.ComponentTypeFramework, Name: "go", Version: strings.TrimPrefix(info.GoVersion, "go"), PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	for _, dep := range info.Deps {
		dep = cmp.Or(dep.Replace, dep)
		parts = append(parts, cyclonedx.Component{
			Type: cyclonedx.ComponentTypeLibrary, Name: dep.Path, Version: dep.Version, PackageURL: "pkg:golang/" + dep.Path + "@" + dep.Version,
		})
	}
	slices.SortFunc(parts, func(a, b cyclonedx.Component) int { return strings.Compare(a.Name, b.Name) })
	document := cyclonedx.NewBOM()
	document.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{Type: cyclonedx.ComponentTypeApplication, Name: "wxbase", Version: r.version}}
	document.Components = &parts
	var text bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(document); err != nil {
		return err
	}
	return os.WriteFile(to, text.Bytes(), 0o644) //nolint:gosec // to be handed out
}

// sum writes the file that wxbase update and sha256sum -c read.
func (r *release) sum(names []string) error {
	slices.Sort(names)
	var lines strings.Builder
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(lines.String()), 0o644) //nolint:gosec // to be handed out
}

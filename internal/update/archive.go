package update

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxExecutable bounds what is unpacked, in bytes.
const maxExecutable = 500 << 20

// Sums is the file of a release that names its archives and their SHA-256.
const Sums = "SHA256SUMS"

// checkSum compares a file with the sum that is given, or with the one that the file of sums beside it has.
func checkSum(file, want string) error {
	if want == "" {
		var err error
		if want, err = listed(file); err != nil {
			return err
		}
	}
	f, err := os.Open(file) //nolint:gosec // the operator's choice
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, strings.TrimSpace(want)) {
		return fmt.Errorf("%s is damaged, or is another file: its SHA-256 is %s, and %s is wanted", filepath.Base(file), got, want)
	}
	return nil
}

// listed is the sum of a file in the file of sums beside it.
func listed(file string) (string, error) {
	f, err := os.Open(filepath.Join(filepath.Dir(file), Sums))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("nothing tells whether %s is whole: put the release's %s beside it, or give --sha256", filepath.Base(file), Sums)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, name, found := strings.Cut(lines.Text(), "  ")
		if found && name == filepath.Base(file) {
			return sum, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", fmt.Errorf("%s does not name %s", Sums, filepath.Base(file))
}

// unpack writes the executable of an archive into a folder, under a separate name.
func unpack(file, into string) (name string, err error) {
	f, err := os.Open(file) //nolint:gosec // the operator's choice
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	var executable io.Reader = f
	switch {
	case strings.HasSuffix(file, ".tar.gz"):
		executable, err = inTar(f)
	case strings.HasSuffix(file, ".zip"):
		executable, err = inZip(f)
	}
	if err != nil {
		return "", err
	}
	out, err := os.CreateTemp(into, ".wxbase-new-*"+suffix())
	if err != nil {
		return "", err
	}
	_, err = io.CopyN(out, executable, maxExecutable)
	if errors.Is(err, io.EOF) {
		err = nil
	} else if err == nil {
		err = errors.New("the executable is larger than any of wxbase")
	}
	if err = errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

func inTar(f io.Reader) (io.Reader, error) {
	text, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(text); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the archive holds no wxbase")
		}
		if err != nil {
			return nil, err
		}
		if head.Typeflag == tar.TypeReg && isExecutable(head.Name) {
			return files, nil
		}
	}
}

func inZip(f *os.File) (io.Reader, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	files, err := zip.NewReader(f, size)
	if err != nil {
		return nil, err
	}
	for _, file := range files.File {
		if isExecutable(file.Name) {
			return file.Open()
		}
	}
	return nil, errors.New("the archive holds no wxbase")
}

func isExecutable(name string) bool {
	base := path.Base(name)
	return base == "wxbase" || base == "wxbase.exe"
}

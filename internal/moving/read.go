package moving

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// object is a row as it was decoded: numbers are json.Number, the special types of BSON have the shapes of LeanCloud's JSON.
type object = map[string]any

// Folder reads an export: a file, or a folder of them. The class is the name of a file up to its first dot.
type Folder struct{ files map[string][]string }

// OpenFolder lists the files that can be read: .json, .jsonl, .ndjson, .bson, .csv, and each with .gz.
func OpenFolder(path string) (*Folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open export: %w", err)
	}
	all := []string{path}
	if info.IsDir() {
		if all, err = filepath.Glob(filepath.Join(globEscape(path), "*")); err != nil {
			return nil, err
		}
	}
	f := &Folder{files: map[string][]string{}}
	for _, file := range all {
		if class, ok := classOf(file); ok {
			f.files[class] = append(f.files[class], file)
		}
	}
	if len(f.files) == 0 {
		return nil, fmt.Errorf("nothing to import in %s: want files named CLASS.json, CLASS.jsonl, CLASS.bson or CLASS.csv, each perhaps with .gz", path)
	}
	return f, nil
}

func globEscape(path string) string {
	return strings.NewReplacer(`[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(path)
}

// classOf is false for other files than exports, such as the metadata that mongodump writes.
func classOf(file string) (string, bool) {
	name := strings.TrimSuffix(filepath.Base(file), ".gz")
	if strings.HasSuffix(name, ".metadata.json") || strings.HasPrefix(name, ".") {
		return "", false
	}
	if !slices.Contains([]string{".json", ".jsonl", ".ndjson", ".bson", ".csv"}, filepath.Ext(name)) {
		return "", false
	}
	class, _, _ := strings.Cut(name, ".")
	return class, class != ""
}

// Classes are sorted.
func (f *Folder) Classes() []string {
	return slices.Sorted(maps.Keys(f.files))
}

// Objects calls yield for each object of a class.
func (f *Folder) Objects(class string, yield func(object) error) error {
	for _, file := range f.files[class] {
		if err := readFile(file, yield); err != nil {
			return fmt.Errorf("read %s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

func readFile(path string, yield func(object) error) error {
	file, err := os.Open(path) //nolint:gosec // named by the operator
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	var in io.Reader = bufio.NewReaderSize(file, 1<<20)
	if strings.HasSuffix(path, ".gz") {
		zipped, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = bufio.NewReaderSize(zipped, 1<<20)
	}
	switch filepath.Ext(strings.TrimSuffix(path, ".gz")) {
	case ".bson":
		return readBSON(in, yield)
	case ".csv":
		return readCSV(in, yield)
	}
	return readJSON(in, yield)
}

// readJSON takes objects one after the other, lists of them, and the answer of a query with its "results".
func readJSON(in io.Reader, yield func(object) error) error {
	reader := bufio.NewReader(in)
	if mark, err := reader.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = reader.Discard(3)
	}
	decoder := json.NewDecoder(reader)
	decoder.UseNumber()
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := skipList(decoder, &raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && raw != nil {
			err = yieldRaw(raw, yield)
		}
		if err != nil {
			return fmt.Errorf("object %d: %w", n, err)
		}
	}
}

// skipList reads the next object; the brackets of a list around objects are read over, so that a file of any size streams.
func skipList(decoder *json.Decoder, raw *json.RawMessage) error {
	if decoder.More() {
		return firstOf(decoder, raw)
	}
	_, err := decoder.Token() // the end of a list, or of the file
	return err
}

func firstOf(decoder *json.Decoder, raw *json.RawMessage) error {
	if next, err := peek(decoder); err == nil && next == '[' {
		_, err := decoder.Token()
		return err
	}
	return decoder.Decode(raw)
}

// peek looks at the first byte of the next value.
func peek(decoder *json.Decoder) (byte, error) {
	rest := bufio.NewReader(decoder.Buffered())
	for {
		b, err := rest.ReadByte()
		if err != nil || !strings.ContainsRune(" \t\r\n,", rune(b)) {
			return b, err
		}
	}
}

func yieldRaw(raw json.RawMessage, yield func(object) error) error {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var o object
	if err := decoder.Decode(&o); err != nil {
		return err
	}
	results, ok := o["results"].([]any)
	if !ok || o["objectId"] != nil || o["_id"] != nil {
		return yield(o)
	}
	for _, r := range results {
		if row, ok := r.(map[string]any); ok {
			if err := yield(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// Command size lists Go functions over 80 lines and Go files over 500, and exits 1 if there are any.
//
// They are the hard limits of the house style; the aim is a dozen lines a function and 150 a file. Test functions are
// exempt (a scenario table is as long as its scenarios), test files are not. Generated files are skipped.
//
//	go run -C tools ./size ..
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxFunc = 80
	maxFile = 500
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	files, found, err := survey(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(2)
	}
	for _, line := range found {
		fmt.Println(line)
	}
	fmt.Printf("size: %d files, %d too long (functions over %d lines, files over %d)\n", files, len(found), maxFunc, maxFile)
	// note: no file at all means a wrong root, not a clean tree
	if len(found) > 0 || files == 0 {
		os.Exit(1)
	}
}

// survey measures every Go file below root and returns how many there were and one line per offender.
func survey(root string) (files int, found []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(d.Name())
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		lines, err := measure(path)
		if err != nil {
			return err
		}
		files++
		found = append(found, lines...)
		return nil
	})
	return files, found, err
}

// skip keeps the walk out of folders that hold no code of ours.
func skip(dir string) error {
	hidden := strings.HasPrefix(dir, ".") && strings.Trim(dir, ".") != ""
	if hidden || dir == "node_modules" || dir == "pb_data" {
		return fs.SkipDir
	}
	return nil
}

// measure returns one line for the file if it is too long and one for each of its functions that are.
func measure(path string) ([]string, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	var found []string
	if n := bytes.Count(src, []byte("\n")); n > maxFile {
		found = append(found, fmt.Sprintf("%s: file of %d lines", path, n))
	}
	if strings.HasSuffix(path, "_test.go") {
		return found, nil
	}
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		start, end := fset.Position(fn.Pos()), fset.Position(fn.End())
		if n := end.Line - start.Line + 1; n > maxFunc {
			found = append(found, fmt.Sprintf("%s:%d: func %s of %d lines", path, start.Line, fn.Name.Name, n))
		}
	}
	return found, nil
}

// Command errorsdoc writes docs/errors.md, the list of the API's errors, from the code. It takes the path of the file;
// `make docs` and `go generate ./...` run it.
package main

import (
	"fmt"
	"os"

	"wxbase/internal/answer"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("errorsdoc: got %d arguments, want the path of the file", len(args))
	}
	if err := os.WriteFile(args[0], []byte(answer.Doc()), 0o644); err != nil { //nolint:gosec // a document for everybody
		return fmt.Errorf("write errors: %w", err)
	}
	return nil
}

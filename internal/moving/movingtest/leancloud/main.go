// Command leancloud writes an invented export of LeanCloud, for trying `wxbase import leancloud`:
//
//	go run ./internal/moving/movingtest/leancloud -rows 100000 FOLDER
package main

import (
	"flag"
	"fmt"
	"os"

	"wxbase/internal/moving/movingtest"
)

func main() {
	rows := flag.Int("rows", 1000, "rows in all")
	flag.Parse()
	if err := movingtest.Generate(flag.Arg(0), *rows); err != nil {
		fmt.Fprintln(os.Stderr, "leancloud:", err)
		os.Exit(1)
	}
}

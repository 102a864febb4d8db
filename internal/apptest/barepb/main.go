// Command barepb is a plain PocketBase, which benchmarks compare with the server.
package main

import (
	"fmt"
	"os"

	"github.com/pocketbase/pocketbase"
)

func main() {
	if err := pocketbase.New().Start(); err != nil {
		fmt.Fprintln(os.Stderr, "barepb:", err)
		os.Exit(1)
	}
}

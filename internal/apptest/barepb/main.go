// Command barepb is PocketBase without anything of ours, which benchmarks measure beside the server.
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

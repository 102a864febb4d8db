package order

import "fmt"

// Yuan prints an amount of fen in yuan: 1234 is "12.34".
func Yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

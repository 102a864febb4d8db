package order

import (
	"fmt"
	"slices"
)

// parseWord returns the member of a closed set with exactly this spelling.
func parseWord[W ~string](kind, word string, set []W) (W, error) {
	if i := slices.Index(set, W(word)); i >= 0 {
		return set[i], nil
	}
	return "", fmt.Errorf("parse %s: unknown word %.40q", kind, word)
}

package order

import (
	"fmt"
	"slices"
)

// parseWord returns the member of a closed set that is spelled exactly like word.
func parseWord[W ~string](kind, word string, set []W) (W, error) {
	if i := slices.Index(set, W(word)); i >= 0 {
		return set[i], nil
	}
	return "", fmt.Errorf("parse %s: unknown word %.40q", kind, word)
}

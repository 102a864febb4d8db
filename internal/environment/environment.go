// Package environment reads settings from environment variables: numbers, and words of a closed list. Any other value
// is an error, so that a typo never means the default.
package environment

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Number reads a whole number from the environment.
func Number(env func(string) string, name string, otherwise int) (int, error) {
	text := env(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number", name)
	}
	return n, nil
}

// Word reads one of some words from the environment, in capitals or not. Without one it is otherwise, and without that the first.
func Word(env func(string) string, name, otherwise string, words ...string) (string, error) {
	word := strings.ToLower(cmp.Or(strings.TrimSpace(env(name)), otherwise, words[0]))
	if !slices.Contains(words, word) {
		return "", fmt.Errorf("%s must be one of %s", name, strings.Join(words, ", "))
	}
	return word, nil
}

//go:build !race

package apptest

// watched tells that the tests run under the race detector.
const watched = false

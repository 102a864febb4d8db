package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestGoesOn: what has failed or was never begun is run, and no more than was asked for; a failure stays in the account.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "done.jsonl")
	b, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{{Seed: 1, Orders: 5_000}, {Seed: 2, Failed: true}, {Seed: 4, Orders: 1_000}} {
		if err := b.keep(r); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = open(path); err != nil {
		t.Fatal(err)
	}
	if got, want := b.toRun(8_000, 1_000), []int{2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := b.toRun(5_000, 1_000); len(got) > 0 {
		t.Errorf("got %v, want nothing", got)
	}
	if b.table() == nil {
		t.Error("a failed piece passes")
	}
	if err := b.keep(result{Seed: 2, Orders: 1_000}); err != nil {
		t.Fatal(err)
	}
	if b, err = open(path); err != nil {
		t.Fatal(err)
	}
	if got := b.toRun(7_000, 1_000); len(got) != 1 {
		t.Errorf("got %v, want one piece", got)
	}
	if err := b.table(); err == nil {
		t.Error("a piece that failed once passes, because it was equal the second time")
	}
}

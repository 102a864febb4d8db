package order_test

import (
	"math"
	"slices"
	"testing"

	"wxbase/internal/order"
)

func TestAllocate(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		total   int64
		weights []int64
		want    []int64
	}{
		{"even", 9, []int64{1, 1, 1}, []int64{3, 3, 3}},
		{"a fen over goes to the first", 10, []int64{1, 1, 1}, []int64{4, 3, 3}},
		{"largest remainder", 10, []int64{1, 2, 3}, []int64{2, 3, 5}},
		{"by price", 500, []int64{1800, 1200, 1}, []int64{300, 200, 0}},
		{"one weight", 7, []int64{3}, []int64{7}},
		{"weight 0 gets nothing", 7, []int64{0, 1}, []int64{0, 7}},
		{"all weights 0", 5, []int64{0, 0}, []int64{3, 2}},
		{"negative weight counts as 0", 5, []int64{-4, 1}, []int64{0, 5}},
		{"discount", -10, []int64{1, 1, 1}, []int64{-4, -3, -3}},
		{"discount by largest remainder", -10, []int64{1, 2, 3}, []int64{-2, -3, -5}},
		{"nothing", 0, []int64{1, 2}, []int64{0, 0}},
		{"no weights", 5, nil, nil},
		{"huge", math.MaxInt64, []int64{math.MaxInt64, math.MaxInt64}, []int64{math.MaxInt64/2 + 1, math.MaxInt64 / 2}},
		{"smallest number", math.MinInt64, []int64{1, 1}, []int64{math.MinInt64 / 2, math.MinInt64 / 2}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := order.Allocate(s.total, s.weights); !slices.Equal(got, s.want) {
				t.Errorf("got %v, want %v", got, s.want)
			}
		})
	}
}

// TestAllocateSums splits random totals: parts sum up and are within one fen of
// their exact share.
func TestAllocateSums(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 5000; seed++ {
		random := newRand(seed)
		total := random.Int64N(order.MaxTotal)
		weights := make([]int64, 1+random.IntN(order.MaxLines))
		var all int64
		for i := range weights {
			weights[i] = 1 + random.Int64N(1_000_000)
			all += weights[i]
		}
		var sum int64
		for i, part := range order.Allocate(total, weights) {
			sum += part
			// note: the products stay below 1e14, far from the edge of int64.
			if off := part*all - total*weights[i]; off <= -all || off >= all {
				t.Fatalf("seed %d: part %d: got %d, want within a fen of %d*%d/%d", seed, i, part, total, weights[i], all)
			}
		}
		if sum != total {
			t.Fatalf("seed %d: got sum %d, want %d", seed, sum, total)
		}
	}
}

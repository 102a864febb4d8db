package order

import (
	"cmp"
	"math/big"
	"slices"
)

// Allocate splits total fen over the weights so that the parts sum to total exactly (largest remainder; a tie goes to
// the earlier part). A negative weight counts as 0; if all are 0 the split is even. A negative total, a discount, is
// split like its amount. Without weights the result is nil.
func Allocate(total int64, weights []int64) []int64 {
	if len(weights) == 0 {
		return nil
	}
	shares, sum := positive(weights)
	parts := make([]int64, len(shares))
	rests := make([]*big.Int, len(shares))
	left := total
	for i, share := range shares {
		quotient, rest := new(big.Int), new(big.Int)
		// note: big numbers, since total*weight does not fit 64 bits in general.
		quotient.QuoRem(new(big.Int).Mul(big.NewInt(total), share), sum, rest)
		parts[i], rests[i] = quotient.Int64(), rest.Abs(rest)
		left -= parts[i]
	}
	handOut(parts, rests, left)
	return parts
}

// positive turns weights into shares whose sum is not 0.
func positive(weights []int64) (shares []*big.Int, sum *big.Int) {
	sum = new(big.Int)
	for _, weight := range weights {
		share := big.NewInt(max(weight, 0))
		shares = append(shares, share)
		sum.Add(sum, share)
	}
	if sum.Sign() == 0 {
		for i := range shares {
			shares[i] = big.NewInt(1)
		}
		sum = big.NewInt(int64(len(shares)))
	}
	return shares, sum
}

// handOut distributes the fen left by rounding, one each, to the largest remainders.
func handOut(parts []int64, rests []*big.Int, left int64) {
	byRest := make([]int, len(parts))
	for i := range byRest {
		byRest[i] = i
	}
	slices.SortStableFunc(byRest, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	one := int64(cmp.Compare(left, 0))
	for i := 0; left != 0; i++ {
		parts[byRest[i]] += one
		left -= one
	}
}

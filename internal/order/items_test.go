package order_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/order"
)

func lines(n int, price int64, quantity int) []order.Item {
	items := make([]order.Item, n)
	for i := range items {
		items[i] = order.Item{Name: "三鲜面", Price: price, Quantity: quantity}
	}
	return items
}

func TestTotal(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		items []order.Item
		total int64
		err   error
	}{
		{"one", lines(1, 1800, 1), 1800, nil},
		{"two lines", append(lines(1, 1800, 2), lines(1, 5, 3)...), 3615, nil},
		{"one fen", lines(1, 1, 1), 1, nil},
		{"nothing to pay", lines(1, 0, 1), 0, order.ErrTotal},
		{"a gift beside it", append(lines(1, 0, 1), lines(1, 1, 1)...), 1, nil},
		{"no lines", nil, 0, order.ErrItemsCount},
		{"100 lines", lines(100, 1, 1), 100, nil},
		{"101 lines", lines(101, 1, 1), 0, order.ErrItemsCount},
		{"quantity 0", lines(1, 1, 0), 0, order.ErrQuantity},
		{"quantity -1", lines(1, 1, -1), 0, order.ErrQuantity},
		{"quantity 999", lines(1, 1, 999), 999, nil},
		{"quantity 1000", lines(1, 1, 1000), 0, order.ErrQuantity},
		{"price -1", lines(1, -1, 1), 0, order.ErrPrice},
		{"largest total", lines(1, order.MaxTotal, 1), order.MaxTotal, nil},
		{"one fen above it", append(lines(1, order.MaxTotal, 1), lines(1, 1, 1)...), 0, order.ErrTotal},
		{"price above it", lines(1, order.MaxTotal+1, 1), 0, order.ErrPrice},
		{"price that would wrap around", lines(2, math.MaxInt64, 2), 0, order.ErrPrice},
		{"as much as the limits let through", lines(100, order.MaxTotal, 999), 0, order.ErrTotal},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			total, err := order.Total(s.items)
			if !errors.Is(err, s.err) || total != s.total {
				t.Errorf("got %d, %v, want %d, %v", total, err, s.total, s.err)
			}
		})
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	named := func(name string, quantity int) []order.Item {
		return []order.Item{{Name: name, Price: 1, Quantity: quantity}}
	}
	scenarios := []struct {
		name  string
		items []order.Item
		want  string
	}{
		{"one piece", lines(1, 1, 1), "三鲜面"},
		{"several pieces", lines(1, 1, 2), "三鲜面 x2"},
		{"several lines", lines(2, 1, 2), "三鲜面等4件"},
		{"no lines", nil, "商品"},
		{"no name", named("", 1), "商品"},
		{"blank name", named(" \t\n", 2), "商品 x2"},
		{"control characters", named("面\x00\x1b[1m\r\n汤", 1), "面[1m 汤"},
		{"text that runs backwards", named("a\u202eb", 1), "ab"},
		{"broken text", named("面\xff", 1), "面"},
		{"127 bytes", named(strings.Repeat("a", 127), 1), strings.Repeat("a", 127)},
		{"128 bytes", named(strings.Repeat("a", 128), 1), strings.Repeat("a", 127)},
		{"between characters", named(strings.Repeat("面", 43), 1), strings.Repeat("面", 42)},
		{"between characters, with pieces", named(strings.Repeat("面", 43), 3), strings.Repeat("面", 41) + " x3"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got := order.Description(s.items)
			if got != s.want || len(got) > order.MaxDescription || !utf8.ValidString(got) {
				t.Errorf("got %q (%d bytes), want %q", got, len(got), s.want)
			}
		})
	}
}

package wxpay_test

import (
	"math"
	"strings"
	"testing"

	"wxbase/internal/wxpay"
)

func TestParseYuan(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		text string
		want wxpay.Fen
		ok   bool
	}{
		{"0", 0, true},
		{"12", 1200, true},
		{"12.3", 1230, true},
		{"12.34", 1234, true},
		// the cents that int64(f*100) gets wrong
		{"0.29", 29, true},
		{"0.57", 57, true},
		{"19.90", 1990, true},
		{"980.00", 98000, true},
		{"99999999.99", 9999999999, true},
		{"007.50", 750, true},
		{"100000000", 0, false},
		{"", 0, false},
		{".5", 0, false},
		{"5.", 0, false},
		{"1.234", 0, false},
		{"1.2.3", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{" 1", 0, false},
		{"1 ", 0, false},
		{"1e3", 0, false},
		{"1,000", 0, false},
		{"0x10", 0, false},
		{"`12.34", 0, false},
		{"１２", 0, false},
		{"1.２", 0, false},
		{"NaN", 0, false},
	}
	for _, s := range scenarios {
		t.Run("of "+s.text, func(t *testing.T) {
			t.Parallel()
			got, err := wxpay.ParseYuan(s.text)
			if got != s.want || (err == nil) != s.ok {
				t.Errorf("got %d, %v, want %d, ok %t", int64(got), err, int64(s.want), s.ok)
			}
		})
	}
}

func TestFenString(t *testing.T) {
	t.Parallel()
	scenarios := map[wxpay.Fen]string{
		0: "0.00", 1: "0.01", 10: "0.10", 1234: "12.34", -5: "-0.05", -1234: "-12.34",
		math.MaxInt64: "92233720368547758.07", math.MinInt64: "-92233720368547758.08",
	}
	for fen, want := range scenarios {
		if got := fen.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzParseYuan(f *testing.F) {
	for _, seed := range []string{"0", "12.34", "0.5", "99999999.99", "1e9", "-1", "1.", "9999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fen, err := wxpay.ParseYuan(text)
		if err != nil {
			if fen != 0 {
				t.Errorf("got %d with an error, want 0", int64(fen))
			}
			return
		}
		yuan, cents, _ := strings.Cut(text, ".")
		want := strings.TrimLeft(yuan, "0")
		if want == "" {
			want = "0"
		}
		if want += "." + (cents + "00")[:2]; fen.String() != want {
			t.Errorf("got %s, want %s of %q", fen, want, text)
		}
	})
}

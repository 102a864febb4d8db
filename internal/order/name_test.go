package order_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/order"
)

func TestMaskName(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, in, want string }{
		{"two characters", "小明", "小*"},
		{"three characters", "欧阳明", "欧*明"},
		{"four characters", "欧阳小明", "欧**明"},
		{"long", "Alexander", "A***r"},
		{"one character", "明", "明*"},
		{"empty", "", "微信用户"},
		{"blank", " \u3000\t", "微信用户"},
		{"no nickname", "微信用户", "微信用户"},
		{"nothing to see", "\u200b\u2060", "微信用户"},
		{"broken text", "\xff\xfe", "微信用户"},
		{"skin colour", "👍🏽好呀", "👍🏽*呀"},
		{"family", "👨‍👩‍👧‍👦爱", "👨‍👩‍👧‍👦*"},
		{"flags", "🇨🇳🇫🇷🇯🇵", "🇨🇳*🇯🇵"},
		{"half a flag", "🇨小明", "🇨*明"},
		{"keycap", "1️⃣二三", "1️⃣*三"},
		{"accents", "e\u0301ab\u0308", "e\u0301*b\u0308"},
		{"text that runs backwards", "\u202e小明", "小*"},
		{"new line", "小\n明", "小*明"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := order.MaskName(s.in); got != s.want {
				t.Errorf("got %q, want %q", got, s.want)
			}
		})
	}
}

func FuzzMaskName(f *testing.F) {
	for _, seed := range []string{"小明", "👨‍👩‍👧‍👦爱", "a\u200d", "\u200d", strings.Repeat("e\u0301", 300), strings.Repeat("\u0301", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := order.MaskName(name)
		if got == "" || !utf8.ValidString(got) || len(got) > 128 {
			t.Errorf("got %q, want short valid text", got)
		}
		if got != order.NoName && !strings.Contains(got, "*") {
			t.Errorf("got %q, want something hidden", got)
		}
	})
}

package wechat_test

import (
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"wxbase/internal/wechat"
)

func TestTrimMessage(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	const family = "👨\u200d👩\u200d👧" // five code points, one visible character
	scenarios := []struct {
		name, key, value, want string
	}{
		{"a thing that fits", "thing1", many("字", 20), many("字", 20)},
		{"a thing too long", "thing1", many("字", 21), many("字", 19) + "…"},
		{"a thing cut at a space", "thing1", many("a", 18) + " " + many("b", 9), many("a", 18) + "…"},
		{"lines become one", "thing1", " 第一行\r\n第二行\t ", "第一行 第二行"},
		{"spaces within stay", "thing1", "a  b", "a  b"},
		{"a family stays together", "thing1", many("字", 14) + family + many("字", 5), many("字", 14) + family + "…"},
		{"a family is cut together", "thing1", many("字", 15) + family + many("字", 5), many("字", 15) + "…"},
		{"a hand keeps its colour", "thing1", many("字", 18) + "👍🏽" + "字字", many("字", 18) + "…"},
		{"an accent stays on its letter", "thing1", many("字", 18) + "e\u0301" + "字", many("字", 18) + "…"},
		{"a heart keeps its colour", "thing1", many("字", 18) + "❤\ufe0f" + "字", many("字", 18) + "…"},
		{"half a flag is none", "thing1", many("字", 18) + "🇨🇳" + "字", many("字", 18) + "…"},
		{"flags are pairs", "thing1", many("字", 17) + "🇨🇳" + "🇨🇳", many("字", 17) + "🇨🇳" + "…"},
		{"a Korean syllable in parts", "thing1", many("字", 18) + "\u1112\u1161\u11ab" + "字", many("字", 18) + "…"},
		{"a Chinese name", "name1", many("张", 12), many("张", 10)},
		{"a Latin name", "name1", many("a", 22), many("a", 20)},
		{"a mixed name", "name1", "张" + many("a", 12), "张" + many("a", 9)},
		{"a number with spaces around", "number1", " 12\n", "12"},
		{"an amount", "amount1", "￥1.00 ", "￥1.00"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			given := message(map[string]string{s.key: s.value})
			got, err := wechat.TrimMessage(given)
			if err != nil || got.Data[s.key] != s.want || got.ToUser != given.ToUser {
				t.Errorf("got %q, %v, want %q", got.Data[s.key], err, s.want)
			}
			if given.Data[s.key] != s.value {
				t.Errorf("got %q in what was given, want it unchanged", given.Data[s.key])
			}
		})
	}
}

func TestTrimMessageRefusesWhatItMustNotCut(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	for key, value := range map[string]string{
		"number1": many("1", 33), "letter1": many("a", 33), "symbol1": "!!!!!!", "character_string1": many("1", 33),
		"time1": "3 o'clock", "date1": "tomorrow", "amount1": many("1", 11), "phone_number1": many("1", 18),
		"car_number1": "粤A8Z8888挂", "phrase1": "一二三四五六", "name1": "张3", "enum1": " ", "thing1": " \n ",
		"thing2": "e" + many("\u0301", 30), "thing3": "\xff", "thing": "no number",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			got, err := wechat.TrimMessage(message(map[string]string{key: value}))
			wantField(t, err, "data."+key+".value")
			if got.Data != nil {
				t.Errorf("got %q, want nothing", got.Data)
			}
		})
	}
}

// FuzzTrimMessage tries any value: the result must pass the check and trim to itself.
func FuzzTrimMessage(f *testing.F) {
	f.Add("thing1", "字\u200d👍🏽🇨🇳\n")
	f.Add("name2", "张三 Smith e\u0301")
	f.Add("time3", "2019年10月1日 15:01~16:01")
	f.Add("date3", "2019-10-01~2020.2.29")
	f.Add("amount4", "￥99.90元")
	f.Add("car_number5", "粤A8Z888挂")
	f.Fuzz(func(t *testing.T, key, value string) {
		got, err := wechat.TrimMessage(message(map[string]string{key: value}))
		if err != nil {
			wantKind(t, err, wechat.KindArgs)
			return
		}
		if err := wechat.CheckMessage(got); err != nil || !utf8.ValidString(got.Data[key]) {
			t.Errorf("got %v for %q, want it to fit", err, got.Data[key])
		}
		again, err := wechat.TrimMessage(got)
		if err != nil || !maps.Equal(again.Data, got.Data) {
			t.Errorf("got %q, %v the second time, want %q", again.Data, err, got.Data)
		}
	})
}

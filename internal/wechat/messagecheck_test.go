package wechat_test

import (
	"errors"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

// TestCheckMessageLimits tests both sides of every row of the table 订阅消息参数值内容限制说明.
func TestCheckMessageLimits(t *testing.T) {
	t.Parallel()
	many := strings.Repeat
	scenarios := []struct {
		key  string
		good []string
		bad  []string
	}{
		{
			"thing1",
			[]string{many("字", 20), many("a", 20), many("😀", 20), "汉字 abc 123 !?，。", "1"},
			[]string{many("字", 21), many("a", 21), many("😀", 21), ""},
		},
		{
			"number1",
			[]string{"0", many("9", 32), many("9", 30) + ".12", "3.14"},
			[]string{many("9", 33), many("9", 31) + ".12", "", "-1", "1.", ".5", "1.2.3", "1,000", "一", "12a", "１２"},
		},
		{
			"letter1",
			[]string{many("a", 32), "AbC", "é"},
			[]string{many("a", 33), "", "a1", "a b", "字", "a-b"},
		},
		{
			"symbol1",
			[]string{"!", "!@#$%", "！？，。、", "￥$€+="},
			[]string{"!@#$%^", "", "a", "1", "字", "! !"},
		},
		{
			"character_string1",
			[]string{many("a", 32), "SF-1234_5678/A:9", "2026-01-01 10:00", "1"},
			[]string{many("a", 33), "", "订单1", "1号"},
		},
		{
			"time1",
			[]string{
				"15:01", "15:01:30", "00:00", "23:59:59", "2019年10月1日 15:01", "2019年10月1日15:01", "2019-10-01 15:01",
				"2019/1/1 15:01:02", "10月1日 15:01", "15:01~16:01", "2019年10月1日 15:01~2019年10月2日 16:01", "2019.10.01 15:01~16:01",
			},
			[]string{
				"", "24:00", "15:60", "15:01:60", "5:01", "1501", "15:1", "3:01 PM", "2019年10月1日", "15:01~", "~15:01", "15:01-16:01",
				"15:01~16:01~17:01", "2019年2月29日 15:01", "2019年13月1日 15:01", "下午3点", "2019-10-0115:01", "15:01 ", "15:01~2019年10月1日",
			},
		},
		{
			"date1",
			[]string{
				"2019年10月1日", "2019年10月01日", "2019-10-01", "2019/10/1", "2019.10.01", "2019年10月", "10月1日", "2019-10", "10-01",
				"2019年10月1日 15:01", "2019-10-01 15:01:30", "2020年2月29日", "2月29日", "2019年10月1日~2019年10月7日",
				"2019年10月1日 15:01~16:01", "2019年10月1日 15:01~2019年10月2日 16:01",
			},
			[]string{
				"", "15:01", "2019年2月29日", "2019-02-30", "2019年13月1日", "2019-00-01", "2019-10-00", "19年10月1日", "2019-10/01", "20191001",
				"2019年10月1日~", "2019年10月1日~15:01", "明天", "2019年10月1日 25:00", "2019-10-01T15:01", "4月31日", "10月", "2019年",
			},
		},
		{
			"amount1",
			[]string{"1", many("9", 10), "￥" + many("9", 10), "¥99.90", "$1", "99.90元", "￥99.90元", "0.01", "12345678.90"},
			[]string{many("9", 11), "￥" + many("9", 11) + "元", "123456789.90", "", "￥", "元", "￥￥1", "1元元", "-1", "1,000", "1.", "CNY1", "99.9圆", "１"},
		},
		{
			"phone_number1",
			[]string{"13800138000", "+86-0766-66888866", "(020)81167888", many("1", 17)},
			[]string{many("1", 18), "+86-0766-668888661", "", "138a", "电话", "138 0013"},
		},
		{
			"car_number1",
			[]string{"粤A8Z888挂", "粤A12345", "A1234567", "12345678", "京", "粤挂"},
			[]string{"粤A8Z8888挂", "123456789", "", "粤粤A1234", "粤A-1234", "粤A挂1", "粤 A1"},
		},
		{
			"name1",
			[]string{many("张", 10), many("a", 20), "John O'Neil-Smith Jr", "张三abc", "阿凡提·买买提", "José", "!!!"},
			[]string{many("张", 11), many("a", 21), "张" + many("a", 10), "", "张3", "John 2"},
		},
		{
			"phrase1",
			[]string{"配送中", "一二三四五", "中"},
			[]string{"一二三四五六", "", "配送a", "配送1", "配送！", "配 送", "abc"},
		},
		{"enum1", []string{"客厅", "18-22摄氏度"}, []string{"", "a\nb"}},
		{"enum_string2", []string{many("字", 50)}, []string{""}},
	}
	for _, s := range scenarios {
		t.Run(s.key, func(t *testing.T) {
			t.Parallel()
			for _, value := range s.good {
				if err := wechat.CheckMessage(message(map[string]string{s.key: value})); err != nil {
					t.Errorf("%q: got %v, want it taken", value, err)
				}
			}
			for _, value := range s.bad {
				wantRefused(t, s.key, value)
			}
			wantRefused(t, s.key, "1\n2")
			wantRefused(t, s.key, "\x00")
			wantRefused(t, s.key, "\xff")
			wantRefused(t, s.key, "1\u2028")
		})
	}
}

// wantRefused expects an error that names the field and its type, and does not quote the value.
func wantRefused(tb testing.TB, key, value string) {
	tb.Helper()
	err := wechat.CheckMessage(message(map[string]string{key: value}))
	wantField(tb, err, "data."+key+".value")
	e, ok := errors.AsType[*wechat.ValueError](err)
	if !ok || string(e.Type) != strings.TrimRight(key, "0123456789") || e.Limit == "" || e.Got == "" {
		tb.Errorf("%q: got %+v, want an error with type, limit and what there was", value, e)
	}
	if ok && len(value) > 8 && strings.Contains(e.Got, value) {
		tb.Errorf("got the value itself in %q", e.Got)
	}
}

func TestValueErrorSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	err := wechat.CheckMessage(message(map[string]string{"thing4": strings.Repeat("长", 21)}))
	const want = "wechat sendMessage: args: data.thing4.value (thing): must be at most 20 characters, got 21"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCheckMessageFrame(t *testing.T) {
	t.Parallel()
	base := message(map[string]string{"thing1": "a"})
	with := func(change func(*wechat.SubscribeMessage)) wechat.SubscribeMessage {
		m := base
		change(&m)
		return m
	}
	scenarios := []struct {
		name    string
		message wechat.SubscribeMessage
		field   string
	}{
		{"the least there is", base, ""},
		{"nobody", with(func(m *wechat.SubscribeMessage) { m.ToUser = "" }), "touser"},
		{"a user that cannot be", with(func(m *wechat.SubscribeMessage) { m.ToUser = "张三" }), "touser"},
		{"no template", with(func(m *wechat.SubscribeMessage) { m.TemplateID = "" }), "template_id"},
		{"no data", with(func(m *wechat.SubscribeMessage) { m.Data = nil }), "data"},
		{"a page with a query", with(func(m *wechat.SubscribeMessage) { m.Page = "index?foo=bar" }), ""},
		{"a page with a line break", with(func(m *wechat.SubscribeMessage) { m.Page = "a\nb" }), "page"},
		{"a version of codes", with(func(m *wechat.SubscribeMessage) { m.MiniProgramState = "release" }), "miniprogram_state"},
		{"the version for developers", with(func(m *wechat.SubscribeMessage) { m.MiniProgramState = "developer" }), ""},
		{"a language that is none", with(func(m *wechat.SubscribeMessage) { m.Lang = "zh" }), "lang"},
		{"Hong Kong", with(func(m *wechat.SubscribeMessage) { m.Lang = "zh_HK" }), ""},
		{"a key without a number", message(map[string]string{"thing": "a"}), "data.thing.value"},
		{"a key that is a number", message(map[string]string{"1": "a"}), "data.1.value"},
		{"a key with the suffix of templates", message(map[string]string{"thing1.DATA": "a"}), "data.thing1.DATA.value"},
		{"the first wrong key in order", message(map[string]string{"b": "", "a": "", "thing1": "x"}), "data.a.value"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantField(t, wechat.CheckMessage(s.message), s.field)
		})
	}
}

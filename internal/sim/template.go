package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/wire"
)

// The two types of templates.
const (
	oneOff   = 2 // an accepted dialog gives one send
	longTerm = 3 // an accepted dialog allows sends until it is taken back
)

// template is a subscribe message template of a mini program, as listed under 我的模板 in the console.
type template struct {
	ID       string    `json:"priTmplId"` // 43 characters
	AppID    string    `json:"appid"`
	Title    string    `json:"title"`
	Type     int       `json:"type"` // 2 one-off, 3 long-term
	Keywords []keyword `json:"keywords"`
	MadeAt   time.Time `json:"madeAt"`
}

func (t template) Entity() (kind, id string) { return "template", t.ID }

// templateTable holds the templates besides those of every mini program.
type templateTable struct{ templates map[string]*template }

func (t *templateTable) register(r *registry) { remember(r, "template", &t.templates, nil) }

// keyword is one line of a template.
type keyword struct {
	Code    string   `json:"code"` // such as thing1: the type and a number
	Name    string   `json:"name"`
	Example string   `json:"example"`
	Enum    []string `json:"enum,omitempty"` // the allowed values of a keyword of type enum
}

// kind is the type of the keyword.
func (k keyword) kind() string { return strings.TrimRight(k.Code, wire.Digits) }

// keywordKinds are all types, each with an example.
func keywordKinds() map[string]string {
	return map[string]string{
		"thing": "三鲜面等3件", "number": "3", "letter": "A", "symbol": "★", "character_string": "T20260101001", "time": "15:01",
		"date": "2026年1月1日", "amount": "￥9.16", "phone_number": "+86-0766-66888866", "car_number": "粤A8Z888挂", "name": "张三",
		"phrase": "已发货", "enum": "",
	}
}

// seedTemplates are those of every mini program: together they use every type.
func seedTemplates(appid string) []template {
	const trade = "character_string1 订单编号"
	return []template{
		newTemplate(appid, "订单支付成功通知", oneOff, []string{trade, "thing2 商品名称", "amount3 支付金额", "time4 支付时间", "phrase5 订单状态"}),
		newTemplate(appid, "订单发货通知", oneOff, []string{trade, "thing2 商品名称", "enum3 快递公司 顺丰速运,中通快递,圆通速递", "character_string4 快递单号", "date5 发货时间"}),
		newTemplate(appid, "退款成功通知", oneOff, []string{trade, "amount2 退款金额", "thing3 退款原因", "time4 退款时间"}),
		newTemplate(appid, "预约到店提醒", oneOff, []string{"name1 预约人", "phone_number2 联系电话", "date3 预约时间", "number4 人数", "car_number5 车牌号"}),
		newTemplate(appid, "排队叫号通知", longTerm, []string{"letter1 队列", "number2 排队号码", "symbol3 优先级", "thing4 门店名称"}),
	}
}

// newTemplate reads keywords of the form "thing1 商品名称" or "enum1 快递公司 顺丰,中通". The id is derived from the rest.
func newTemplate(appid, title string, kind int, lines []string) template {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{appid, title, strconv.Itoa(kind)}, lines...), "\x00")))
	t := template{ID: base64.RawURLEncoding.EncodeToString(sum[:]), AppID: appid, Title: title, Type: kind}
	for _, line := range lines {
		parts := strings.SplitN(line, " ", 3)
		k := keyword{Code: parts[0], Name: parts[1]}
		if k.Example = keywordKinds()[k.kind()]; len(parts) == 3 {
			k.Enum = strings.Split(parts[2], ",")
			k.Example = k.Enum[0]
		}
		t.Keywords = append(t.Keywords, k)
	}
	return t
}

// templatesOf lists a mini program's templates. The caller holds s.mu.
func (s *Sim) templatesOf(appid string) []template {
	list := seedTemplates(appid)
	seeds := len(list)
	for _, t := range s.state.templates {
		if t.AppID == appid {
			list = append(list, *t)
		}
	}
	slices.SortFunc(list[seeds:], func(a, b template) int { return cmp.Or(a.MadeAt.Compare(b.MadeAt), cmp.Compare(a.ID, b.ID)) })
	return list
}

// template finds one of a mini program's templates. The caller holds s.mu.
func (s *Sim) template(appid, id string) (template, bool) {
	list := s.templatesOf(appid)
	i := slices.IndexFunc(list, func(t template) bool { return t.ID == id })
	if i < 0 {
		return template{}, false
	}
	return list[i], true
}

// templateAnswer is a template in gettemplate's answer.
type templateAnswer struct {
	ID      string         `json:"priTmplId"`
	Title   string         `json:"title"`
	Content string         `json:"content"`
	Example string         `json:"example"`
	Type    int            `json:"type"`
	Enums   []templateEnum `json:"keywordEnumValueList,omitempty"`
}

type templateEnum struct {
	Code   string   `json:"keywordCode"`
	Values []string `json:"enumValueList"`
}

// getTemplates is GET /wxaapi/newtmpl/gettemplate.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_getwxapubnewtemplate.html (获取个人模板列表)
func (s *Sim) getTemplates(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.templatesOf(c.appid)
	list := make([]templateAnswer, 0, len(mine))
	for _, t := range mine {
		list = append(list, t.asAnswer())
	}
	return c.ok(struct {
		plainOK
		Data []templateAnswer `json:"data"`
	}{plainOK{ErrMsg: "ok"}, list})
}

// asAnswer writes the lines as 商品名称:{{thing2.DATA}}.
func (t template) asAnswer() templateAnswer {
	out := templateAnswer{ID: t.ID, Title: t.Title, Type: t.Type}
	for _, k := range t.Keywords {
		out.Content += k.Name + ":{{" + k.Code + ".DATA}}\n"
		out.Example += k.Name + ":" + k.Example + "\n"
		if len(k.Enum) > 0 {
			out.Enums = append(out.Enums, templateEnum{k.Code, k.Enum})
		}
	}
	return out
}

// listTemplates is GET /_sim/apps/{appid}/templates.
func (s *Sim) listTemplates(c *echo.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.findApp(c.Param("appid")); !known {
		return notThere("no mini program has this appid")
	}
	return c.JSONBlob(http.StatusOK, encode(s.templatesOf(c.Param("appid"))))
}

// makeTemplate is POST /_sim/apps/{appid}/templates: {title, type?, keywords: ["thing1 商品名称", "enum2 快递 顺丰,中通"]}.
func (s *Sim) makeTemplate(c *echo.Context) error {
	var in struct {
		Title    string   `json:"title"`
		Type     int      `json:"type"`
		Keywords []string `json:"keywords"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	in.Type = cmp.Or(in.Type, oneOff)
	switch {
	case in.Title == "" || utf8.RuneCountInString(in.Title) > 20:
		return badInput("title must be 1 to 20 characters")
	case in.Type != oneOff && in.Type != longTerm:
		return badInput("type must be 2 (one-off) or 3 (long-term)")
	case len(in.Keywords) < 1 || len(in.Keywords) > 5 || slices.ContainsFunc(in.Keywords, badKeyword):
		return badInput(`keywords must be 1 to 5 of the form "thing1 商品名称" or "enum2 快递 顺丰,中通", of type ` + strings.Join(sortedKeys(keywordKinds()), ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.findApp(c.Param("appid")); !known {
		return notThere("no mini program has this appid")
	}
	t := newTemplate(c.Param("appid"), in.Title, in.Type, in.Keywords)
	t.MadeAt = s.Now()
	if err := s.save(t); err != nil {
		return err
	}
	s.state.templates[t.ID] = &t
	return c.JSONBlob(http.StatusOK, encode(t))
}

// badKeyword reports a line that newTemplate cannot read.
func badKeyword(line string) bool {
	parts := strings.SplitN(line, " ", 3)
	kind := strings.TrimRight(parts[0], wire.Digits)
	_, known := keywordKinds()[kind]
	return !known || kind == parts[0] || len(parts) < 2 || parts[1] == "" || (kind == "enum") != (len(parts) == 3)
}

package wechat

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// TemplateType is how long a user's consent to a template lasts.
type TemplateType int

// The types.
const (
	OneOff   TemplateType = 2 // one consent, one message
	LongTerm TemplateType = 3 // until the user turns it off; for few categories of apps
)

// Template is a template for subscribe messages that the app has selected.
type Template struct {
	// ID is priTmplId, which messages name.
	ID    string
	Title string
	// Content has a line for each value, such as 会议时间:{{date2.DATA}}, and Example the same with values.
	Content string
	Example string
	Type    TemplateType
	// Keywords are the values that a message must have, in the order of Content.
	Keywords []Keyword
}

// Keyword is one value of a template.
type Keyword struct {
	// Key is the value's key in messages, such as date2, and Type its letters: date.
	Key  string
	Type ValueType
	// Name is the label on the card, such as 会议时间.
	Name string
	// Enum lists the allowed values, for the types enum and enum_string; nil for others.
	Enum []string
}

type templateWire struct {
	ID      string       `json:"priTmplId"`
	Title   string       `json:"title"`
	Content string       `json:"content"`
	Example string       `json:"example"`
	Type    number       `json:"type"`
	Enums   []enumValues `json:"keywordEnumValueList"`
}

type enumValues struct {
	Code   string   `json:"keywordCode"`
	Values []string `json:"enumValueList"`
}

// Templates lists the templates that the app has selected: GET /wxaapi/newtmpl/gettemplate
// (server/API/mp-message-management/subscribe-message/api_getwxapubnewtemplate.html, 获取个人模板列表). A new app has none.
func (c *Client) Templates(ctx context.Context) ([]Template, error) {
	var templates []Template
	_, err := c.do(ctx, call{
		op: opTemplates, method: http.MethodGet, path: "/wxaapi/newtmpl/gettemplate", needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				Data []templateWire `json:"data"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			templates = make([]Template, 0, len(wire.Data))
			for _, t := range wire.Data {
				if t.ID == "" {
					return ErrMissingField
				}
				templates = append(templates, t.template())
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return templates, nil
}

var placeholder = regexp.MustCompile(`\{\{ *([a-z_]+?)([0-9]+)\.DATA *\}\}`)

func (w templateWire) template() Template {
	t := Template{ID: w.ID, Title: w.Title, Content: w.Content, Example: w.Example, Type: TemplateType(w.Type)}
	for line := range strings.Lines(w.Content) {
		m := placeholder.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		key := line[m[2]:m[5]]
		t.Keywords = append(t.Keywords, Keyword{
			Key: key, Type: ValueType(line[m[2]:m[3]]), Name: strings.TrimRight(strings.TrimSpace(line[:m[0]]), ":："),
			Enum: w.enumOf(key),
		})
	}
	return t
}

// enumOf returns the values of a key, whose code may end in .DATA.
func (w templateWire) enumOf(key string) []string {
	for _, e := range w.Enums {
		if strings.TrimSuffix(e.Code, ".DATA") == key {
			return e.Values
		}
	}
	return nil
}

// Check says whether data has exactly the template's keywords, and for an enumeration an allowed value. The limits of
// the types are [CheckMessage]'s. The error is KindArgs and holds a [*ValueError].
func (t Template) Check(data map[string]string) error {
	for _, k := range t.Keywords {
		value, has := data[k.Key]
		switch {
		case !has:
			return valueError(k.Key, k.Type, "must be there, as the template asks for it", "nothing")
		case k.Enum != nil && !slices.Contains(k.Enum, value):
			return valueError(k.Key, k.Type, "must be one of "+strings.Join(k.Enum, ", "), "another value")
		}
	}
	for _, key := range sortedKeys(data) {
		if !slices.ContainsFunc(t.Keywords, func(k Keyword) bool { return k.Key == key }) {
			return valueError(key, typeOf(key), "must be one of the template's keys", "another key")
		}
	}
	return nil
}

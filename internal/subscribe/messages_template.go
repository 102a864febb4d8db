package subscribe

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// templatesLife is how long the list of templates is believed.
const templatesLife = 10 * time.Minute

// templateCache keeps the templates of each mini program for a while. The zero value is ready.
type templateCache struct {
	mu    sync.Mutex
	lists map[string]templateList
}

type templateList struct {
	list []wechat.Template
	at   time.Time
}

// get returns a list that is not too old.
func (c *templateCache) get(appID string, now time.Time) ([]wechat.Template, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.lists[appID]
	return kept.list, ok && now.Sub(kept.at) < templatesLife
}

func (c *templateCache) put(appID string, list []wechat.Template, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[string]templateList{}
	}
	c.lists[appID] = templateList{list, now}
}

// find looks for one template in what is known.
func (c *templateCache) find(appID, id string, now time.Time) (wechat.Template, bool) {
	list, ok := c.get(appID, now)
	at := slices.IndexFunc(list, func(t wechat.Template) bool { return t.ID == id })
	if !ok || at < 0 {
		return wechat.Template{}, false
	}
	return list[at], true
}

// templateAnswer is a template as GET /api/wx/templates shows it.
type templateAnswer struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Content  string          `json:"content"`
	Example  string          `json:"example"`
	OneOff   bool            `json:"oneOff"` // a yes is good for one message
	Keywords []keywordAnswer `json:"keywords"`
}

type keywordAnswer struct {
	Key  string   `json:"key"`
	Type string   `json:"type"`
	Name string   `json:"name"`
	Enum []string `json:"enum,omitempty"`
}

// ListTemplates handles GET /api/wx/templates?appid=&fresh= for superusers: the templates that the mini program has taken at WeChat, at
// most ten minutes old, or new with fresh=1.
func (s *Subscribe) ListTemplates(e *core.RequestEvent) error {
	query := e.Request.URL.Query()
	app, err := s.Accounts.Settings.App(query.Get("appid"))
	if err != nil {
		return answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), accounts.CallTimeout)
	defer cancel()
	list, err := s.templatesOf(ctx, app, query.Get("fresh") == "1")
	if err != nil {
		return answer.FromWechat(err)
	}
	answer := []templateAnswer{}
	for _, t := range list {
		shown := templateAnswer{
			ID: t.ID, Title: t.Title, Content: t.Content, Example: t.Example, OneOff: t.Type == wechat.OneOff, Keywords: []keywordAnswer{},
		}
		for _, k := range t.Keywords {
			shown.Keywords = append(shown.Keywords, keywordAnswer{Key: k.Key, Type: string(k.Type), Name: k.Name, Enum: k.Enum})
		}
		answer = append(answer, shown)
	}
	return e.JSON(http.StatusOK, map[string]any{"appid": app.AppID, "templates": answer})
}

// templatesOf asks WeChat, or remembers; many who ask at once cost one call.
func (s *Subscribe) templatesOf(ctx context.Context, app settings.App, fresh bool) ([]wechat.Template, error) {
	asked := s.Now()
	unlock, err := s.Locks.LockContext(ctx, "templates/"+app.AppID)
	if err != nil {
		return nil, answer.Fail(answer.WxBusy, err)
	}
	defer unlock()
	if list, ok := s.templates.get(app.AppID, s.Now()); ok && (!fresh || s.templates.since(app.AppID).After(asked)) {
		return list, nil
	}
	list, err := s.Accounts.Wechat(app).Templates(ctx)
	if err != nil {
		return nil, err
	}
	s.templates.put(app.AppID, list, s.Now())
	return list, nil
}

// since tells when a list was asked for.
func (c *templateCache) since(appID string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists[appID].at
}

// CheckTemplateKeys refuses keys that no template has.
func CheckTemplateKeys(data map[string]string) error {
	for key := range data {
		if !templateKey.MatchString(key) {
			return validation.Errors{"data": validation.NewError("data_invalid", "keys are those of the template at WeChat, such as thing1 or amount2")}
		}
	}
	return nil
}

// templateKey is a key of a template as WeChat makes it: a type and a number.
var templateKey = regexp.MustCompile(`^[a-z_]+[0-9]+$`)

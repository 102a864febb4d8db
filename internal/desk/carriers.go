package desk

import (
	"context"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// carriersLife is how long WeChat's list of delivery companies is remembered.
const carriersLife = 24 * time.Hour

// Carrier is a delivery company, by the id that shipping information names.
type Carrier struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// carriers remembers the list.
type carriers struct {
	kit

	ask func(context.Context) ([]Carrier, error) // WeChat

	mu   sync.Mutex
	list []Carrier
	at   time.Time
}

// listCarriers handles GET /api/wx/admin/carriers.
func (c *carriers) listCarriers(e *core.RequestEvent) error {
	list, err := c.get(e.Request.Context(), c.Now())
	if err != nil {
		return asAnswer(err)
	}
	return answerItems(e, list)
}

// get asks WeChat once a day; when it does not answer, the list of yesterday serves.
func (c *carriers) get(ctx context.Context, now time.Time) ([]Carrier, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list != nil && now.Before(c.at.Add(carriersLife)) {
		return c.list, nil
	}
	list, err := c.ask(ctx)
	if err != nil && c.list != nil {
		return c.list, nil
	}
	if err == nil {
		c.list, c.at = list, now
	}
	return list, err
}

package order

import (
	"encoding/json"
	"fmt"
)

// ParseItems reads the lines of an order as the field orders.items keeps them, a JSON list.
func ParseItems(text string) ([]Item, error) {
	var items []Item
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("read items: %w", err)
	}
	return items, nil
}

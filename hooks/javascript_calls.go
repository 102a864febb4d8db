package hooks

import (
	"context"

	"wxbase/internal/accounts"
	"wxbase/internal/codes"
	"wxbase/internal/subscribe"
)

// Code makes a code as POST /api/wx/codes does, and answers the same: {user?, appid?, kind?, page?, payload?, scene?, ...}. Without a user
// it is nobody's, and so is one with a plain scene.
func (s *Script) Code(form map[string]any) (map[string]any, error) {
	var f codes.CodeForm
	if err := readForm(form, &f); err != nil {
		return nil, err
	}
	user, _ := form["user"].(string)
	record, reused, err := s.plugin.codes.Make(context.Background(), user, f)
	if err != nil {
		return nil, err
	}
	return codes.DescribeCode(record, reused), nil
}

// SendSubscribeMessage sends a message as POST /api/wx/messages does and returns WeChat's id of it.
func (s *Script) SendSubscribeMessage(form map[string]any) (string, error) {
	var f subscribe.MessageForm
	if err := readForm(form, &f); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), accounts.CallTimeout)
	defer cancel()
	return s.plugin.subscribe.SendMessage(ctx, f.Message())
}

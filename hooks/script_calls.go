package hooks

import (
	"context"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
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
	app, err := s.plugin.accounts.Settings.App(f.AppID)
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	user, _ := form["user"].(string)
	plan, err := codes.PlanCode(app, user, f)
	if err != nil {
		return nil, err
	}
	record, reused, err := s.plugin.codes.ObtainCode(context.Background(), s.plugin.app, plan)
	if err != nil {
		return nil, answer.Or(err, answer.Busy)
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

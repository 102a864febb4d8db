package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upSettings, downSettings)
}

// upSettings closes what PocketBase leaves open on a fresh data folder. The limits are per address, and a whole carrier can sit
// behind one address, so they are wide for the routes that phones call; WeChat's own servers, which come from few addresses, are
// not throttled at all. Only the superusers' password is held tight.
//
// note: the slice is assigned whole, so that up, down, up does not double a rule.
func upSettings(app core.App) error {
	s := app.Settings()
	s.Meta.AppName = "wxbase"
	s.Logs.MaxDays = 7
	s.Logs.LogAuthId = true
	s.RateLimits.Enabled = true
	s.RateLimits.Rules = []core.RateLimitRule{
		{Label: "/api/wx/notify/", MaxRequests: 100_000, Duration: 10},
		{Label: "/api/wx/push/", MaxRequests: 100_000, Duration: 10},
		{Label: "POST /api/wx/login", MaxRequests: 1_000, Duration: 60},
		{Label: "GET /api/realtime", MaxRequests: 2_000, Duration: 60},
		{Label: "_superusers:authWithPassword", MaxRequests: 10, Duration: 60},
		{Label: "*:auth", MaxRequests: 300, Duration: 60},
		{Label: "/api/", MaxRequests: 5_000, Duration: 10},
	}
	return app.Save(s)
}

// downSettings gives back the settings as PocketBase makes them.
func downSettings(app core.App) error {
	s := app.Settings()
	s.Meta.AppName = "Acme"
	s.Logs.MaxDays = 5
	s.Logs.LogAuthId = false
	s.RateLimits.Enabled = false
	s.RateLimits.Rules = []core.RateLimitRule{
		{Label: "*:auth", MaxRequests: 2, Duration: 3},
		{Label: "*:create", MaxRequests: 20, Duration: 5},
		{Label: "/api/batch", MaxRequests: 3, Duration: 1},
		{Label: "/api/", MaxRequests: 300, Duration: 10},
	}
	return app.Save(s)
}

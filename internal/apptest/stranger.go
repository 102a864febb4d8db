package apptest

import "net/http"

// Stranger makes a person with a simulated phone who has never logged in. Fields are those of POST /_sim/people.
func (a *App) Stranger(fields map[string]any) Person {
	a.tb.Helper()
	made := a.Must(http.MethodPost, "/_sim/people", "", fields)
	return Person{ID: made.Text("id"), app: a}
}

// LoginWith posts body to /api/wx/login.
func (a *App) LoginWith(body any) Answer {
	a.tb.Helper()
	return a.Call(http.MethodPost, "/api/wx/login", "", body)
}

// Again logs the person in once more, with a fresh code, and has to work. Note that WeChat changes the session key of a person
// who logs in more than five seconds after the last time.
func (p Person) Again() Answer {
	p.app.tb.Helper()
	return p.app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": p.LoginCode()})
}

// Phone asks the simulated phone for something under /_sim/people/{id}, such as userinfo.
func (p Person) Phone(what string, body map[string]any) Answer {
	p.app.tb.Helper()
	if body == nil {
		body = map[string]any{}
	}
	return p.app.Must(http.MethodPost, "/_sim/people/"+p.ID+"/"+what, "", body)
}

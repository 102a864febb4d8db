package vitals

import (
	"net/http"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/explain"
	"wxbase/internal/redact"
)

// Health handles GET /api/wx/health: 200 when the work can be done, also while something is not as it should be (`degraded`); 503 when
// nothing can be written or nobody carries out what was queued. `configured` tells whether a mini program is set up; what exactly is
// wrong or missing is told to superusers and in the log, not to strangers.
func (k *Vitals) Health(e *core.RequestEvent) error {
	var one int
	if err := e.App.DB().NewQuery("SELECT 1").Row(&one); err != nil {
		return answer.Fail(answer.NotReady, err)
	}
	apps, err := k.Accounts.Settings.Apps()
	if err != nil {
		return answer.Fail(answer.NotReady, err)
	}
	state := k.ready(e.Request.Context())
	if state.stops() {
		return k.unready(e, state)
	}
	status := "ok"
	if len(state.Problems) > 0 {
		status = "degraded"
	}
	reply := map[string]any{"status": status, "configured": len(apps) > 0, "simulated": k.Simulated}
	if e.HasSuperuserAuth() {
		reply["problems"] = append([]string{}, state.Problems...)
		reply["backlog"] = map[string]any{"due": state.Backlog, "oldestSeconds": int(state.Oldest.Seconds())}
		reply["disk"] = map[string]any{"freeMB": state.Free / megabyte}
		if r := k.Replica(); r.On {
			files := map[string]any{"copied": !r.FilesOff, "lagSeconds": r.FilesLag.Seconds(), "problem": r.FilesProblem}
			reply["replica"] = map[string]any{"place": r.Place, "lagSeconds": r.Lag.Seconds(), "problem": r.Problem, "files": files}
		}
		reply["advice"] = append(k.Advice(), k.Scripts()...)
		if reply["alerts"], err = k.Books.Alerts(e.App, dbx.HashExp{"closedAt": ""}, "since ASC"); err != nil {
			return answer.Fail(answer.NotReady, err)
		}
	}
	return e.JSON(http.StatusOK, reply)
}

// unready is the answer of a server that cannot do its work. Superusers are told why.
func (k *Vitals) unready(e *core.RequestEvent, state readiness) error {
	answer := answer.Fail(answer.NotReady, state.Writer)
	if e.HasSuperuserAuth() {
		answer.Data["problems"] = state.Problems
		if state.Writer != nil {
			answer.Data["reason"] = explain.OneLine(redact.Text(state.Writer.Error()))
		}
	}
	return answer
}

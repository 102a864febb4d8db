package privacy

import (
	"archive/zip"
	"bufio"
	"context"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// exportsPerDay limits a person's exports in a day in Beijing: an export reads every table.
const exportsPerDay = 3

// exportTime is how long an export may take, on a slow line too.
const exportTime = 30 * time.Minute

// ExportMe handles GET /api/wx/me/export: application/zip with data.json and the files. It may be asked for three times a day.
// Errors: export_limit_reached, server_busy.
func (p *Privacy) ExportMe(e *core.RequestEvent) error {
	user, err := userByID(e.App, e.Auth.Id)
	if err != nil {
		return err
	}
	conclude, err := p.Books.SpendDaily(e.App, p.Books.Daily("exports", user.Id, exportsPerDay), 1, answer.ExportLimit, "day")
	if err != nil {
		return err
	}
	err = p.export(e, user)
	conclude(nil)
	return err
}

// ExportUser handles GET /api/wx/admin/users/{id}/export: the same file, for the shop to hand over.
func (p *Privacy) ExportUser(e *core.RequestEvent) error {
	user, err := userByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return err
	}
	p.About(e, user.Id, user.GetString("name"))
	return p.export(e, user)
}

// export gathers first, so that what fails is answered as an error, and then streams. What fails later tears the connection: a file that ends
// too early must not look whole.
func (p *Privacy) export(e *core.RequestEvent, user *core.Record) error {
	release, err := p.place(e.Request.Context())
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	defer release()
	who, err := tracesOf(e.App, user)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	g, err := gather(e.App, who)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	head := e.Response.Header()
	head.Set("Content-Type", "application/zip")
	head.Set("Content-Disposition", `attachment; filename="personal-data.zip"`)
	head.Set("Cache-Control", "no-store")
	_ = http.NewResponseController(e.Response).SetWriteDeadline(time.Now().Add(exportTime)) // a test's recorder has none
	buffer := bufio.NewWriterSize(e.Response, 64<<10)
	x := &exporter{gatherer: g, ctx: e.Request.Context(), out: zip.NewWriter(buffer), now: p.Now()}
	if err := x.write(); err != nil {
		e.App.Logger().Error("an export broke off", "user", user.Id, "error", err.Error())
		panic(http.ErrAbortHandler)
	}
	return buffer.Flush()
}

// place waits until few enough exports are being written.
func (p *Privacy) place(ctx context.Context) (release func(), err error) {
	select {
	case p.exporting <- struct{}{}:
		return func() { <-p.exporting }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

package sim

import (
	"embed"
	"net/http"
	"path"

	"github.com/labstack/echo/v5"
)

//go:embed panel/index.html panel/panel.js panel/panel.css
var panelFiles embed.FS

// servePanel gives the one page of the panel and its two files.
func servePanel(c *echo.Context) error {
	name, contentType := "index.html", "text/html; charset=utf-8"
	switch path.Base(c.Request().URL.Path) {
	case "panel.js":
		name, contentType = "panel.js", "text/javascript; charset=utf-8"
	case "panel.css":
		name, contentType = "panel.css", "text/css; charset=utf-8"
	}
	body, err := panelFiles.ReadFile("panel/" + name)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"img-src 'self' data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	return c.Blob(http.StatusOK, contentType, body)
}

package sim

import (
	"embed"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v5"
)

//go:embed panel
var panelFiles embed.FS

// servePanel serves the panel's page and files.
func servePanel(c *echo.Context) error {
	name := path.Base(c.Request().URL.Path)
	if strings.HasSuffix(c.Request().URL.Path, "/") {
		name = "index.html"
	}
	body, err := panelFiles.ReadFile("panel/" + name)
	if err != nil {
		return controlNotFound(c)
	}
	contentType := map[string]string{".html": "text/html", ".js": "text/javascript", ".css": "text/css"}[path.Ext(name)] + "; charset=utf-8"
	c.Response().Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"img-src 'self' data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	return c.Blob(http.StatusOK, contentType, body)
}

package hooks

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/desk"
	"wxbase/ui"
)

// shopPolicy is the Content-Security-Policy of the shop's pages: scripts and requests are our own, nothing is evaluated, and only our own
// pages, such as PocketBase's dashboard, may show them in a frame. Element Plus sets style attributes. The avatars come from WeChat.
const shopPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; connect-src 'self'; font-src 'self'; " +
	"img-src 'self' data: blob: https://thirdwx.qlogo.cn https://wx.qlogo.cn https://mmbiz.qpic.cn; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

// serveShop serves the shop's pages at /shop/, and puts them into PocketBase's dashboard. The pages are open to everybody and hold no data:
// the routes that they call check who asks.
func serveShop(e *core.ServeEvent) {
	const path = "/shop/{path...}"
	if e.Router.HasRoute(http.MethodGet, path) {
		return // an embedder has taken it
	}
	pages := e.Router.Group("").Bind(apis.Gzip(), apis.SkipSuccessActivityLog())
	pages.BindFunc(shopHeaders)
	pages.GET(path, apis.Static(ui.Pages(), false))
	e.UIExtensions = append(e.UIExtensions, core.UIExtension{Name: "wxbase", FS: ui.Extension()})
	// note: the last one, for it is the only one that nothing else may miss
	e.UIExtensions = append(e.UIExtensions, core.UIExtension{Name: "wxbase-chinese", FS: chineseDashboard{ui.Chinese(), e.App}})
}

// chineseDashboard is the extension that shows PocketBase's own screens in Chinese, until the owner switches it off: then its main.js, which
// PocketBase looks for at each visit, is not there.
type chineseDashboard struct {
	fs.FS

	app core.App
}

// Open is that of fs.FS.
func (c chineseDashboard) Open(name string) (fs.File, error) {
	if name == "main.js" {
		if chosen, err := desk.LoadPreferences(c.app); err != nil || chosen.EnglishDashboard {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	return c.FS.Open(name)
}

// shopHeaders lets browsers keep what has its content in its name, and ask again for the rest.
func shopHeaders(e *core.RequestEvent) error {
	h := e.Response.Header()
	h.Set("Content-Security-Policy", shopPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(e.Request.URL.Path, "/shop/assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return e.Next()
}

package hooks

import (
	"net/http"
	"strings"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/ui"
)

// shopPolicy is the Content-Security-Policy of the shop's pages: scripts and requests are our own, nothing is evaluated, and only our own
// pages, such as PocketBase's dashboard, may show them in a frame. Element Plus sets style attributes. The avatars come from WeChat.
const shopPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; connect-src 'self'; font-src 'self'; " +
	"img-src 'self' data: blob: https://thirdwx.qlogo.cn https://wx.qlogo.cn https://mmbiz.qpic.cn; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

// serveShop serves the shop's pages at /shop/, and puts them into PocketBase's dashboard. The pages are open to everybody and hold no data:
// the routes that they call check who asks.
func (p *Plugin) serveShop(e *core.ServeEvent) {
	const path = "/shop/{path...}"
	if e.Router.HasRoute(http.MethodGet, path) {
		return // an embedder has taken it
	}
	pages := e.Router.Group("").Bind(apis.Gzip(), apis.SkipSuccessActivityLog())
	pages.BindFunc(shopHeaders)
	pages.GET(path, apis.Static(ui.Pages(), false))
	e.UIExtensions = append(e.UIExtensions, core.UIExtension{Name: "wxbase", FS: ui.Extension()})
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

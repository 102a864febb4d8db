package hooks

import (
	"net/http"
	"os"

	"wxbase/internal/folder"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
)

// welcomePage is what stands at / when there is nothing else to serve.
const welcomePage = `<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>wxbase</title>
<style>
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#ededed;color:#191919;font:16px/1.7 -apple-system,"PingFang SC","Microsoft YaHei",sans-serif}
main{background:#fff;border-radius:12px;padding:32px 40px;max-width:34rem;margin:16px}
h1{margin:0 0 8px;color:#07c160}p{margin:8px 0}a{color:#07c160}code{background:#f3f3f3;border-radius:4px;padding:1px 5px}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}main{background:#1e1e1e}code{background:#2b2b2b}}
</style>
<main>
<h1>wxbase</h1>
<p>微信小程序后端正在运行。管理后台在 <a href="/_/">/_/</a>，健康检查在 <a href="/api/wx/health">/api/wx/health</a>。</p>
<p>想先看看效果？用 <code>wxbase serve --sim</code> 启动，本机自带一个模拟微信，不需要 AppID 和商户号。</p>
<p lang="en">The backend of your WeChat mini program is running. The dashboard is at <a href="/_/">/_/</a>. Start it with
<code>--sim</code> to see a whole paid order on this machine. Put a folder <code>pb_public</code> beside the program to serve your own pages here.</p>
</main></html>
`

// servePublic serves / : the demo with the simulator, else the user's own folder, else a page that says what this is.
func (c *Config) servePublic(e *core.ServeEvent) error {
	const path = "/{path...}"
	if e.Router.HasRoute(http.MethodGet, path) {
		return nil // an embedder has taken it
	}
	switch {
	case c.Sim && c.Demo != nil:
		demo := e.Router.Group("").Bind(apis.Gzip(), apis.SkipSuccessActivityLog())
		demo.BindFunc(noCache)
		demo.GET(path, apis.Static(c.Demo, false))
		if c.SDK != nil {
			demo.GET("/sdk"+path, apis.Static(c.SDK, false))
		}
	case folder.Exists(c.PublicDir):
		e.Router.GET(path, apis.Static(os.DirFS(c.PublicDir), true)).Bind(apis.Gzip())
	default:
		e.Router.GET("/{$}", func(e *core.RequestEvent) error { return e.HTML(http.StatusOK, welcomePage) })
	}
	return nil
}

// noCache lets a newer binary show its newer demo.
func noCache(e *core.RequestEvent) error {
	e.Response.Header().Set("Cache-Control", "no-cache")
	return e.Next()
}

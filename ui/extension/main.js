// The entry of the shop's pages in PocketBase's dashboard. The server runs this as the body of a function before the router starts.
// The pages stand in a frame of their own, so that neither side's styles reach the other; they take the superuser's token from the dashboard.
try {
  const label = /^zh/i.test(localStorage.getItem("wxbase.language") || navigator.language) ? "微信\u00a0WeChat" : "WeChat\u00a0微信";
  app.store.headerLinks.push({
    href: "#/wechat",
    icon: "ri-wechat-line",
    label,
    isActive: () => location.hash === "#/wechat" || location.hash.startsWith("#/wechat/"),
  });

  const page = () => {
    app.store.title = label;
    const at = location.hash.replace(/^#\/wechat/, "") || "/";
    const frame = t.iframe({ title: label, src: app.pb.buildURL("/shop/") + "#" + at });
    frame.style.cssText = "border:0;width:100%;flex:1 1 auto;min-height:0;display:block";
    const box = t.div({ className: "page" }, frame);
    box.style.cssText = "display:flex;flex-direction:column;padding:0;overflow:hidden;height:100%";
    return box;
  };
  app.routes.superuserOnly("#/wechat", page);
  app.routes.superuserOnly("#/wechat/{rest...}", page);
} catch (err) {
  console.error("wxbase: the entry of the shop is missing:", err);
}

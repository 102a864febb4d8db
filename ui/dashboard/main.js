// Chinese for PocketBase's own screens, the login page too: this runs as the body of a function before the dashboard's router starts. It is
// not there when the shop has switched it off. NB! nothing is awaited here, because the extensions behind this one would come too late.
try {
  const KEPT = "wxbase.language";
  const kept = localStorage.getItem(KEPT);
  const first = navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag)) ?? "en";
  const chinese = kept === "zh-CN" || (kept !== "en" && /^zh/i.test(first));
  const asset = (name) => app.pb.buildURL("/_/extensions/wxbase-chinese/" + name);

  if (chinese) {
    document.documentElement.lang = "zh-CN";
    import(asset("translate.js")).then(({ start }) => start(asset("words.zh.json"), () => app.store.collections ?? [])).catch((err) => console.error("wxbase: no Chinese:", err));
  }
  // the switch stands in the menu of who is signed in, and is remembered for the shop's pages too
  document.addEventListener("mount:loggedUserDropdown", ({ detail }) => {
    if (detail.querySelector("[data-wxbase-language]")) return;
    const change = () => {
      localStorage.setItem(KEPT, chinese ? "en" : "zh-CN");
      location.reload();
    };
    const label = t.span({ className: "txt", lang: chinese ? "en" : "zh-CN" }, chinese ? "English" : "中文");
    const button = t.button({ type: "button", className: "dropdown-item", "html-data-wxbase-language": "", onclick: change }, t.i({ className: "ri-translate-2", ariaHidden: true }), label);
    detail.append(button);
  });
} catch (err) {
  console.error("wxbase: the language of the dashboard:", err);
}

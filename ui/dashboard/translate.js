// Shows PocketBase's texts in Chinese: what stands in the page, in placeholders, titles and labels, as it comes. What people have written is
// never touched: records, names of collections and fields, code.

const ATTRIBUTES = ["placeholder", "title", "aria-label", "aria-description", "data-placeholder", "alt"];

// where people's own words stand, and code; elsewhere the names of collections, fields and choices are left alone
export const DATA = [
  "code, pre, textarea, script, style, [contenteditable=true], .code-editor, .tox, .erd",
  ".record-field-view:not(.field-type-bool), .record-summary, .formatted-date, .collections-list .nav-item",
  ".records-table thead th:not(.col-meta), .record-preview-table th, .sql-console-table, .log-view-table, .logs-table td:not([colspan])",
].join(", ");

// where only PocketBase's words stand, though somebody may have named a field so
const OURS = ".app-header, .btn, .toasts-container, .dropdown-item:not(.select-option), .page-sidebar .nav-item[href]";

/** translator gives a text in Chinese, with the spaces that it had around it; undefined for one that is not in the dictionary. */
export function translator(words) {
  const exact = new Map();
  const shapes = [];
  for (const [english, chinese] of Object.entries(words)) {
    if (!/\{\d\}/.test(english)) exact.set(english, chinese);
    else shapes.push([shapeOf(english), chinese]);
  }
  const kept = new Map();
  const find = (plain) => {
    const word = exact.get(plain);
    if (word !== undefined) return word;
    for (const [shape, chinese] of shapes) {
      const found = shape.exec(plain);
      if (found) return chinese.replace(/\{(\d)\}/g, (_, at) => find(found[Number(at) + 1]) || found[Number(at) + 1]);
    }
    return "";
  };
  return (text) => {
    const plain = text.replace(/\s+/g, " ").trim();
    if (plain.length > 600 || !/[A-Za-z]/.test(plain)) return undefined;
    if (!kept.has(plain)) {
      if (kept.size > 5000) kept.clear(); // people's own texts come by here too
      kept.set(plain, find(plain));
    }
    const chinese = kept.get(plain);
    return chinese ? /^\s*/.exec(text)[0] + chinese + /\s*$/.exec(text)[0] : undefined;
  };
}

// shapeOf is a text with places as a pattern; the places stand for anything but nothing
function shapeOf(english) {
  const quoted = english.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&");
  return new RegExp(`^${quoted.replace(/\\\{\d\\\}/g, "(.+)")}$`);
}

/** namesOf are the words with which people have named their collections, fields and choices. */
export function namesOf(collections) {
  const names = new Set();
  for (const one of collections) {
    names.add(one.name);
    for (const field of one.fields ?? []) [field.name, field.help, ...(field.values ?? [])].forEach((word) => word && names.add(word));
  }
  return names;
}

/** start translates what is there and all that comes. collections gives PocketBase's, once somebody has signed in. */
export async function start(address, collections) {
  const { pages, server } = await (await fetch(address)).json();
  const translate = translator({ ...server, ...pages });
  let names; // read once for each batch of changes, and only when there is something to translate

  // the settings have nobody's words
  const isOurs = (element) => location.hash.startsWith("#/settings") || element.closest(OURS) || (element.closest(".modal-header") && element.tagName !== "STRONG");
  const isTheirs = (text, element) => !isOurs(element) && (names ??= namesOf(collections())).has(text.trim());
  const isData = (element) => Boolean(element.closest(DATA));

  function changeText(node) {
    const element = node.parentElement;
    if (!element) return;
    if (element.tagName === "TITLE") return changeTitle(node);
    const chinese = translate(node.nodeValue);
    if (chinese === undefined || isData(element) || isTheirs(node.nodeValue, element)) return;
    node.nodeValue = chinese;
  }
  // the title of the window is "what - where", and the last part is the name of the application
  function changeTitle(node) {
    const parts = node.nodeValue.split(" - ");
    const next = parts.map((part, at) => (at < parts.length - 1 ? (translate(part) ?? part) : part)).join(" - ");
    if (next !== node.nodeValue) node.nodeValue = next;
  }
  function changeAttribute(element, name) {
    const text = element.getAttribute(name);
    const chinese = text && translate(text);
    if (!chinese || (!name.endsWith("placeholder") && isData(element)) || isTheirs(text, element)) return;
    element.setAttribute(name, chinese);
  }
  function changeAll(root) {
    if (root.nodeType === Node.TEXT_NODE) return changeText(root);
    if (root.nodeType !== Node.ELEMENT_NODE) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = root; node; node = walker.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) changeText(node);
      else for (const name of ATTRIBUTES) if (node.hasAttribute(name)) changeAttribute(node, name);
    }
  }
  new MutationObserver((changes) => {
    names = undefined;
    for (const { type, target, addedNodes, attributeName } of changes) {
      if (type === "childList") addedNodes.forEach(changeAll);
      else if (type === "characterData") changeText(target);
      else changeAttribute(target, attributeName);
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES });
  changeAll(document.documentElement);
}

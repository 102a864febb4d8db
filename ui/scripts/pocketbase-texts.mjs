// The texts of PocketBase's dashboard, read from its sources in the module cache: what stands between its tags, in its placeholders,
// titles and tooltips, and what it says in notes and questions. A place for a value is {0}, {1} and so on.
// `node scripts/pocketbase-texts.mjs` prints them with the files that have them.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(import.meta.dirname, '../..');

/** sources is the folder of PocketBase's dashboard, of the version that go.mod names. */
export function sources() {
  const folder = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', 'github.com/pocketbase/pocketbase'], { cwd: root, encoding: 'utf8' }).trim();
  return path.join(folder, 'ui/src');
}

// properties that a person reads; every other property is for programs
const READ = new Set(['title', 'placeholder', 'ariaLabel', 'ariaDescription', 'aria-label', 'label', 'html-data-placeholder', 'textOrElem', 'noText', 'description', 'help', 'text', 'before', 'after', 'emptyText', 'yesButton', 'noButton', 'textContent', 'tooltip', 'toggleLabel', 'btnText', 'noItemsText', 'alt']);
// calls whose texts a person reads
const SAID = /^(app\.(toasts\.(info|success|error)|attrs\.tooltip|modals\.confirm)|window\.app\.(toasts\.\w+|modals\.confirm)|t\.\w+|checkApiError|confirm|alert|app\.checkApiError)$/;
// assignments whose texts a person reads
const NAMED = /(\.title|noticeText|[lL]abel|[tT]ext|[mM]essage|tooltip)$/;

/** textsOf is a Map of a text to the files that have it. */
export function textsOf(folder) {
  const found = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.js')) continue;
    const file = path.join(entry.parentPath, entry.name);
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
    const visit = (node) => {
      const text = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) ? node.text : ts.isTemplateExpression(node) ? shapeOf(node) : '';
      const plain = text.replace(/\s+/g, ' ').trim();
      const key = keyOf(node);
      if (key) found.set(key, [...new Set([...(found.get(key) ?? []), path.relative(folder, file)])]);
      if (plain && reads(plain) && isRead(node, source)) found.set(plain, [...new Set([...(found.get(plain) ?? []), path.relative(folder, file)])]);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

// keyOf is the key of an object whose keys are shown: the groups of the settings, the tabs of a collection, the pages of the API preview
function keyOf(node) {
  const shown = (name) => /^(docs|settingsNavGroups|tabs)$/.test(name ?? '');
  if (ts.isPropertyAssignment(node) || ts.isMethodDeclaration(node) || ts.isShorthandPropertyAssignment(node)) {
    const holder = node.parent.parent;
    return shown(holder?.name?.text) ? node.name.text : '';
  }
  if (ts.isElementAccessExpression(node) && shown(node.expression.text) && ts.isStringLiteral(node.argumentExpression)) return node.argumentExpression.text;
  return '';
}

// shapeOf is a template with numbered places
const shapeOf = (node) => node.head.text + node.templateSpans.map((span, at) => `{${at}}${span.literal.text}`).join('');

// reads tells whether there are words in it
const reads = (text) => /[A-Za-z]{2}/.test(text.replace(/\{\d\}/g, '')) && !/^(https?:|\{ "|import |curl |# |const |[:*@/]|-----)/.test(text);

// isRead follows a text to where it goes: into a tag, a property that is shown, or a call that shows it
function isRead(node, source) {
  let child = node;
  for (let at = node.parent; at; child = at, at = at.parent) {
    if (ts.isConditionalExpression(at) && child === at.condition) return false;
    if (ts.isBinaryExpression(at)) {
      const sign = at.operatorToken.kind;
      if (sign === ts.SyntaxKind.EqualsToken) return child === at.right && NAMED.test(at.left.getText(source));
      if (![ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.PlusToken].includes(sign)) return false;
      continue;
    }
    if (ts.isPropertyAssignment(at)) return child === at.initializer && READ.has(at.name.text ?? at.name.getText(source));
    if (ts.isVariableDeclaration(at)) return NAMED.test(at.name.getText(source));
    if (ts.isCallExpression(at)) {
      const called = at.expression.getText(source);
      if (/^(JSON|console|document|localStorage|import)\b/.test(called) || /\.(startsWith|endsWith|includes|indexOf|split|join|replace|replaceAll|get|has|push|classList|addEventListener|toggle|match|querySelector\w*|closest)$/.test(called)) return false;
      if (/^t\.(code|pre|script|style|link)$/.test(called)) return false;
      if (/^t\./.test(called)) return at.arguments.indexOf(child) > 0;
      return SAID.test(called) && at.arguments[0] === child;
    }
    if (ts.isNewExpression(at) || ts.isElementAccessExpression(at) || ts.isIfStatement(at) || ts.isCaseClause(at) || ts.isImportDeclaration(at)) return false;
    if (ts.isMethodDeclaration(at) || ts.isFunctionDeclaration(at) || ts.isGetAccessorDeclaration(at)) return /[tT]ext|[lL]abel|[tT]itle/.test(at.name?.getText(source) ?? '');
  }
  return false;
}

/** messagesOf is a Map of what PocketBase's server says about a request or a field to the files that say it, read from its Go sources. */
export function messagesOf(folder) {
  const found = new Map();
  const home = path.join(folder, '../..');
  const said = /(?:BadRequest|NotFound|Forbidden|Unauthorized|InternalServer|TooManyRequests)Error\("([^"]+)"|NewError\(\s*"validation_\w+",\s*(?:fmt\.Sprintf\()?"([^"]+)"/g;
  for (const part of ['apis', 'core', 'forms', 'core/validators'].filter((one) => existsSync(path.join(home, one)))) {
    for (const entry of readdirSync(path.join(home, part), { withFileTypes: true })) {
      if (!entry.isFile() || !/^(?!.*_test).*\.go$/.test(entry.name)) continue;
      for (const [, problem, field] of readFileSync(path.join(home, part, entry.name), 'utf8').matchAll(said)) {
        const text = sentence(problem ?? field);
        if (reads(text)) found.set(text, [`${part}/${entry.name}`]);
      }
    }
  }
  return found;
}

// sentence is a message as the server sends it: with numbered places, a capital and a full stop; what follows "Raw error:" is a place too
function sentence(text) {
  let at = 0;
  const plain = text.replace(/\\n/g, ' ').replace(/\{\{\.\w+\}\}|%[dsvq]/g, () => `{${at++}}`).replace(/\s+/g, ' ');
  const isOpen = /(: ?| - | by | provider )$/.test(plain); // something is added behind it
  const whole = isOpen ? `${plain.trim()} {${at}}` : plain.trim();
  const ends = /[.?!]$/.test(whole) || /: \{\d\}$/.test(whole);
  return whole[0].toUpperCase() + whole.slice(1) + (ends ? '' : '.');
}

if (process.argv[1] === import.meta.filename) {
  for (const [text, files] of [...textsOf(sources())].sort(([, a], [, b]) => (a[0] < b[0] ? -1 : 1))) console.log(`${files[0]}\t${text}`);
}

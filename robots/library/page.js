// What acts on a page runs here, in an isolated world: one call finds a target, checks it and says where
// to click. Elements never leave the page; `held` is the one that the last call settled on.
const crosswalk = globalThis.crosswalk = {};
let held = null;

const fold = (text) => (text || '').normalize('NFC').replace(/[\s\u00a0]+/g, ' ').trim();
const plain = (text) => fold(text).replace(/[\s:*]+$/, '');
const textOf = (el) => fold(el.innerText ?? el.textContent);
const list = (root, selector) => Array.from(root.querySelectorAll(selector));
const fieldSelector = 'input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=image]):not([type=reset]), select, textarea';
const buttonSelector = 'button, input[type=submit], input[type=button], input[type=image], input[type=reset], [role=button]';

function matches(text, wanted) {
  if (wanted.regex) return new RegExp(wanted.regex, wanted.flags).test(fold(text));
  return plain(text) === plain(wanted.exact);
}

function visible(el) {
  if (el.tagName === 'OPTION' || el.tagName === 'OPTGROUP') el = el.closest('select') || el;
  const style = getComputedStyle(el);
  if (style.visibility !== 'visible' || style.display === 'none') return false;
  const box = el.getBoundingClientRect();
  if (box.width > 0 && box.height > 0) return true;
  return el.getClientRects().length > 0 && Array.from(el.children).some(visible);
}

function describe(el) {
  const parts = [el.tagName.toLowerCase()];
  for (const name of ['type', 'name', 'id']) if (el.getAttribute(name)) parts.push(`${name}=${el.getAttribute(name)}`);
  const text = nameOf(el) || textOf(el);
  return `<${parts.join(' ')}>${text ? ` "${text.slice(0, 60)}"` : ''}`;
}

// nameOf is what a person would call a button or link.
function nameOf(el) {
  const labelled = (el.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
    .map((id) => el.ownerDocument.getElementById(id)).filter(Boolean).map(textOf).join(' ');
  if (labelled) return labelled;
  if (el.getAttribute('aria-label')) return fold(el.getAttribute('aria-label'));
  if (el.tagName === 'INPUT' && ['submit', 'button', 'reset'].includes(el.type)) return fold(el.value);
  const image = el.tagName === 'INPUT' || el.tagName === 'IMG' ? el : el.querySelector('img[alt]');
  return textOf(el) || (image ? fold(image.getAttribute('alt')) : '') || fold(el.getAttribute('title'));
}

// ---- labels: forms of old applications have none, so the text where a person would look counts ----

function labelsOf(field) {
  const labels = Array.from(field.labels || []).map(textOf);
  for (const id of (field.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)) {
    const el = field.ownerDocument.getElementById(id);
    if (el) labels.push(textOf(el));
  }
  if (field.getAttribute('aria-label')) labels.push(field.getAttribute('aria-label'));
  if (labels.some((text) => plain(text))) return labels;
  const before = textBefore(field);
  const cell = labelCellOf(field);
  return [before, cell ? textOf(cell) : ''].filter((text) => plain(text));
}

// textBefore is the text between the previous field, line break or block and this field.
function textBefore(field) {
  let text = '';
  for (let node = field; node; node = node.parentNode) {
    for (let prior = node.previousSibling; prior; prior = prior.previousSibling) {
      if (prior.nodeType === Node.TEXT_NODE) { text = prior.textContent + text; continue; }
      if (prior.nodeType !== Node.ELEMENT_NODE) continue;
      if (prior.matches(`${fieldSelector}, ${buttonSelector}, br, table, p, div, tr, td, th, hr, ul, ol, h1, h2, h3, form`)) return fold(text);
      if (prior.querySelector(`${fieldSelector}, br, table`)) return fold(text);
      text = prior.textContent + text;
    }
    if (node.parentNode && node.parentNode.matches && node.parentNode.matches('td, th, p, div, li, form, body, fieldset, center')) break;
  }
  return fold(text);
}

// labelCellOf is the cell with text to the left, or else above. A table that holds nothing but the field
// is layout, and the search goes on around it.
function labelCellOf(field) {
  let cell = field.closest('td, th');
  for (let level = 0; cell && level < 4; level++) {
    for (let left = cell.previousElementSibling; left; left = left.previousElementSibling) {
      if (left.querySelector(fieldSelector)) break;
      if (textOf(left)) return left;
    }
    const table = cell.closest('table');
    const above = cellAbove(cell, table);
    if (above && !above.querySelector(fieldSelector) && textOf(above)) return above;
    if (!table || table.querySelectorAll(fieldSelector).length > 1) return null;
    cell = table.parentElement && table.parentElement.closest('td, th');
  }
  return null;
}

function cellAbove(cell, table) {
  if (!table) return null;
  const rows = grid(table);
  for (let r = 1; r < rows.length; r++) {
    const c = rows[r].indexOf(cell);
    if (c >= 0) return rows[r - 1][c] || null;
  }
  return null;
}

// valuesOf finds what stands beside a label that labels no field: the next cell, the cell below a heading,
// the definition of a term, or the rest of a line "Label: value".
function valuesOf(root, wanted) {
  const found = [];
  const used = list(root, fieldSelector).map(labelCellOf); // labels of fields are not labels of values too
  for (const cell of list(root, 'td, th')) {
    if (used.includes(cell) || cell.querySelector('td, th') || cell.querySelector(fieldSelector) || !matches(textOf(cell), wanted) || !visible(cell)) continue;
    const value = valueCell(cell);
    if (value && !value.querySelector(fieldSelector)) found.push({ el: value, text: cellText(value) });
  }
  for (const term of list(root, 'dt')) {
    const value = term.nextElementSibling;
    if (matches(textOf(term), wanted) && value && value.tagName === 'DD' && visible(term)) found.push({ el: value, text: textOf(value) });
  }
  for (const block of list(root, 'td, th, p, div, li, form, fieldset, center, body').concat(root.tagName === 'BODY' ? [root] : [])) {
    for (const line of linesOf(block)) {
      const colon = line.indexOf(':');
      if (colon > 0 && fold(line.slice(colon + 1)) && matches(line.slice(0, colon), wanted) && visible(block)) found.push({ el: block, text: fold(line.slice(colon + 1)) });
    }
  }
  return found;
}

function valueCell(cell) {
  const row = cell.parentElement;
  const alone = row.cells.length === 1;
  const headings = !alone && Array.from(row.cells).every((c) => c.tagName === 'TH');
  if (!alone && !headings) {
    let next = cell.nextElementSibling;
    while (next && next.nextElementSibling && isSpacer(next)) next = next.nextElementSibling;
    return next;
  }
  const rows = grid(cell.closest('table'));
  for (let r = 0; r + 1 < rows.length; r++) {
    const c = rows[r].indexOf(cell);
    if (c >= 0 && rows[r + 1][c] !== cell) return rows[r + 1][c] || null;
  }
  return null;
}

// isSpacer recognises a cell that was only made to keep a distance. An empty one of no declared width is an
// empty value: to take the cell after it would read another label.
function isSpacer(cell) {
  const width = parseInt(cell.getAttribute('width') || cell.style.width || '1000', 10);
  return width <= 20 && !textOf(cell) && !cell.querySelector(fieldSelector);
}

// linesOf is the text directly within a block, cut at line breaks and at blocks inside it.
function linesOf(block) {
  const lines = [''];
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) lines[lines.length - 1] += child.textContent;
      else if (child.nodeType !== Node.ELEMENT_NODE || /^(SCRIPT|STYLE|NOSCRIPT|SELECT|TEXTAREA)$/.test(child.tagName)) continue;
      else if (/^(BR|TABLE|P|DIV|UL|OL|LI|FORM|HR|H[1-6]|CENTER|FIELDSET|DL)$/.test(child.tagName)) lines.push('');
      else walk(child);
    }
  };
  walk(block);
  return lines;
}

// ---- tables ----

function grid(table) {
  const rows = Array.from(table.rows).slice(0, 5000);
  const cells = rows.map(() => []);
  rows.forEach((row, r) => {
    let c = 0;
    for (const cell of row.cells) {
      while (cells[r][c]) c++;
      const down = cell.rowSpan || rows.length;
      for (let i = r; i < Math.min(rows.length, r + down); i++) for (let j = c; j < c + Math.min(cell.colSpan, 100); j++) cells[i][j] = cell;
      c += Math.min(cell.colSpan, 100);
    }
  });
  return cells;
}

function cellText(cell) {
  const fields = list(cell, fieldSelector);
  if (fields.length === 1) return valueOf(fields[0]);
  const text = textOf(cell);
  if (text) return text;
  const image = cell.querySelector('img[alt]');
  return image ? fold(image.getAttribute('alt')) : '';
}

// tablesWith finds the tables that have a row with all these headings; the innermost ones, as outer
// tables are layout.
function tablesWith(root, headers) {
  const found = [];
  for (const table of list(root, 'table')) {
    if (!visible(table)) continue;
    const rows = grid(table);
    for (let r = 0; r < Math.min(rows.length, 50); r++) {
      const texts = rows[r].map((cell) => (cell && !cell.querySelector('table') ? plain(textOf(cell)) : null));
      const columns = {};
      let complete = true, twice = '';
      for (const header of headers) {
        const at = texts.map((text, c) => (text === plain(header) && rows[r][c] !== rows[r][c - 1] ? c : -1)).filter((c) => c >= 0);
        if (at.length === 0) complete = false;
        if (at.length > 1) twice = header;
        columns[header] = at[0];
      }
      if (!complete) continue;
      let first = r + 1;
      while (first < rows.length && headers.some((h) => rows[first][columns[h]] === rows[r][columns[h]])) first++;
      found.push({ table, rows, columns, first, twice, texts });
      break;
    }
  }
  return found.filter((a) => !found.some((b) => a !== b && a.table.contains(b.table)));
}

function dataRows(found, headers) {
  const out = [];
  for (let r = found.first; r < found.rows.length; r++) {
    const cells = headers.map((h) => found.rows[r][found.columns[h]]);
    const present = cells.filter(Boolean);
    if (present.length === 0 || !visible(present[0])) continue;
    if (present.some((cell, i) => present.indexOf(cell) !== i)) continue; // one cell across several columns: a title or total
    if (headers.length === 1 && cells[0].colSpan > 1 && cells[0].colSpan >= found.rows[r].length) continue;
    const texts = cells.map((cell) => (cell ? cellText(cell) : ''));
    if (texts.every((text) => !text)) continue;
    if (texts.every((text, i) => plain(text) === plain(headers[i]))) continue; // the headings again
    out.push({ index: r, texts, cells });
  }
  return out;
}

function oneTable(root, headers) {
  const found = tablesWith(root, headers);
  if (found.length === 0) return { status: 'none', detail: headersSeen(root) };
  if (found.length > 1) return { status: 'many', detail: `${found.length} tables have these headings` };
  if (found[0].twice) return { status: 'split', detail: `the heading "${found[0].twice}" is there twice` };
  return { status: 'found', found: found[0] };
}

function headersSeen(root) {
  const rows = list(root, 'tr').filter((row) => row.cells.length > 1 && !row.querySelector('table') && visible(row)).slice(0, 3);
  return rows.length ? `rows seen: ${rows.map((row) => Array.from(row.cells).map(textOf).join(' | ')).join(' // ').slice(0, 300)}` : 'no table is shown';
}

// ---- targets ----

class Unclear extends Error { constructor(status, detail) { super(detail); this.status = status; } }

// find returns the visible elements that a target means, each with the text that reading it gives.
function find(root, target, want) {
  let scope = root;
  if (target.in) scope = single(find(root, target.in, 'see'), 'the place given by in').el;
  let found = target.any ? vote(scope, target.any, want) : byKind(scope, target, want);
  found = found.filter((f, i) => visible(f.el) && found.findIndex((g) => g.el === f.el && g.text === f.text) === i);
  if (target.has) found = found.filter((f) => find(f.el, target.has, 'see').length > 0);
  if (target.near) found = nearest(found, single(find(root, target.near, 'see'), 'the place given by near').el);
  return found;
}

function single(found, what) {
  if (found.length === 1) return found[0];
  throw new Unclear(found.length ? 'many' : 'none', found.length ? `${what} is there ${found.length} times` : `${what} is not there`);
}

// nearest keeps what lies in the smallest block around the anchor that holds any candidate.
function nearest(found, anchor) {
  for (let block = anchor; block; block = block.parentElement) {
    const inside = found.filter((f) => block.contains(f.el));
    if (inside.length) return inside;
  }
  return [];
}

// vote lets alternatives speak: those that find something must all find the same one element.
function vote(root, alternatives, want) {
  const voices = alternatives.map((target) => find(root, target, want)).filter((found) => found.length);
  if (voices.some((found) => found.length > 1)) throw new Unclear('many', 'one of the alternatives fits several elements');
  const chosen = voices.map((found) => acting(found[0].el, want));
  const other = chosen.find((el) => el !== chosen[0]);
  if (other) throw new Unclear('split', `the alternatives disagree: ${describe(chosen[0])} and ${describe(other)}`);
  return voices.length ? [voices[0][0]] : [];
}

function byKind(root, target, want) {
  const text = (el) => ({ el, text: readingOf(el) });
  switch (target.kind) {
    case 'label': {
      const fields = list(root, fieldSelector).filter((field) => labelsOf(field).some((label) => matches(label, target.text))).map(text);
      return want === 'read' || want === 'see' ? fields.concat(valuesOf(root, target.text)) : fields;
    }
    case 'field': return list(root, 'input, select, textarea').filter((el) => el.name === target.text.exact).map(text);
    case 'button': return list(root, buttonSelector).filter((el) => matches(nameOf(el), target.text)).map(text);
    case 'link': return list(root, 'a[href], a[onclick], area[href], [role=link]').filter((el) => matches(nameOf(el), target.text)).map(text);
    case 'option': return list(root, 'option').filter((el) => matches(el.textContent, target.text)).map(text);
    case 'text': return byText(root, target.text).map(text);
    case 'role': return byRole(root, target).map(text);
    case 'css': return list(root, target.value).map(text);
    case 'xpath': return byXPath(root, target.value).map(text);
    case 'cell': return cellsOf(root, target).map((el) => ({ el, text: cellText(el) }));
  }
  throw new Unclear('none', `unknown kind of target ${target.kind}`);
}

function byText(root, wanted) {
  const longest = wanted.regex ? 2000 : wanted.exact.length * 3 + 100;
  const fits = list(root, '*').filter((el) => !/^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|HEAD|TITLE|OPTION)$/.test(el.tagName) &&
    (el.textContent.length <= longest && matches(el.textContent, wanted) || hasLine(el, wanted)));
  return fits.filter((el) => !fits.some((inner) => inner !== el && el.contains(inner)));
}

// hasLine says whether a line directly within the element, between breaks and blocks, is the text.
function hasLine(el, wanted) {
  const direct = Array.from(el.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && fold(node.textContent));
  return direct && linesOf(el).some((line) => fold(line) && line.length <= 2000 && matches(line, wanted));
}

const roles = {
  button: buttonSelector, link: 'a[href]', textbox: 'input:not([type]), input[type=text], input[type=search], input[type=email], input[type=tel], input[type=url], textarea',
  combobox: 'select:not([multiple])', listbox: 'select[multiple]', checkbox: 'input[type=checkbox]', radio: 'input[type=radio]', heading: 'h1, h2, h3, h4, h5, h6',
  cell: 'td', columnheader: 'th', row: 'tr', table: 'table', img: 'img', listitem: 'li', option: 'option', dialog: 'dialog',
};

function byRole(root, target) {
  const all = list(root, `[role="${CSS.escape(target.role)}"]${roles[target.role] ? `, ${roles[target.role]}` : ''}`);
  return target.text ? all.filter((el) => matches(nameOf(el), target.text) || labelsOf(el).some((label) => matches(label, target.text))) : all;
}

function byXPath(root, path) {
  const found = document.evaluate(path, root, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
  const elements = [];
  for (let i = 0; i < found.snapshotLength; i++) if (found.snapshotItem(i).nodeType === Node.ELEMENT_NODE) elements.push(found.snapshotItem(i));
  return elements;
}

function cellsOf(root, target) {
  const headers = Array.from(new Set([...target.row.map((key) => key.header), target.column]));
  const table = oneTable(root, headers);
  if (table.status === 'none') return [];
  if (table.status !== 'found') throw new Unclear(table.status, table.detail);
  return dataRows(table.found, headers)
    .filter((row) => target.row.every((key) => matches(row.texts[headers.indexOf(key.header)], key.text)))
    .map((row) => row.cells[headers.indexOf(target.column)]).filter(Boolean);
}

function valueOf(field) {
  if (field.tagName === 'SELECT') return Array.from(field.selectedOptions).map((o) => fold(o.textContent)).join(', ');
  if (field.type === 'checkbox' || field.type === 'radio') return String(field.checked);
  return field.type === 'password' ? '' : field.value;
}

function readingOf(el) {
  return /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName) && !['submit', 'button'].includes(el.type) ? valueOf(el) : textOf(el) || nameOf(el);
}

// acting is the element that a click or input really goes to: the only link or field of a cell, the link
// around a text.
function acting(el, want) {
  if (want === 'click') {
    const around = el.closest('a, button, label');
    if (around) return around;
    if (/^(TD|TH)$/.test(el.tagName)) {
      const inner = list(el, `a[href], a[onclick], ${buttonSelector}, input`).filter(visible);
      if (inner.length > 1) throw new Unclear('many', 'the cell holds several links or buttons');
      if (inner.length === 1) return inner[0];
    }
  }
  if (want === 'fill' || want === 'select') {
    if (el.matches(fieldSelector)) return el;
    const inner = list(el, fieldSelector).filter(visible);
    if (inner.length === 1) return inner[0];
  }
  return el;
}

// ---- what Go calls ----

function attempt(work) {
  if (document.readyState === 'loading') return { status: 'loading' };
  try {
    return work();
  } catch (error) {
    if (error instanceof Unclear) return { status: error.status, detail: error.message };
    throw error;
  }
}

function one(target, want) {
  const found = find(document.documentElement, target, want);
  if (found.length === 0) throw new Unclear('none', 'nothing on the page fits');
  const elements = Array.from(new Set(found.map((f) => acting(f.el, want))));
  if (elements.length > 1 || (want === 'read' && found.length > 1)) {
    throw new Unclear('many', `${Math.max(elements.length, found.length)} places fit: ${elements.slice(0, 3).map(describe).join(', ')}`);
  }
  return { el: elements[0], text: found[0].text };
}

// see counts what a target means now.
crosswalk.see = ({ target }) => attempt(() => ({ status: 'found', count: find(document.documentElement, target, 'see').length }));

// seeAll counts several targets at once; null is none.
crosswalk.seeAll = ({ targets }) => attempt(() => ({
  status: 'found',
  counts: targets.map((target) => {
    if (!target) return 0;
    try { return find(document.documentElement, target, 'see').length; } catch (error) { if (error instanceof Unclear) return error.status === 'none' ? 0 : 1; throw error; }
  }),
}));

// read returns the text of the one place that a target means.
crosswalk.read = ({ target }) => attempt(() => {
  const { el, text } = one(target, 'read');
  held = el;
  return { status: 'found', text: text ?? '', element: describe(el) };
});

// resolve settles on the one element to act on and says where the pointer must go.
crosswalk.resolve = async ({ target, want }) => {
  const first = attempt(() => {
    const { el } = one(target, want);
    const refused = usable(el, want);
    if (refused) return refused;
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    return { status: 'found', el };
  });
  if (first.status !== 'found') return first;
  const { el } = first;
  if (want === 'click') {
    const before = boxOf(el);
    await frames(2);
    if (!el.isConnected) return { status: 'moving', detail: 'it was replaced' };
    if (JSON.stringify(before) !== JSON.stringify(boxOf(el))) return { status: 'moving', detail: `${describe(el)} is moving` };
  }
  const point = pointOf(el);
  if (point.status) return point;
  held = el;
  return { status: 'found', x: point.x, y: point.y, element: describe(el) };
};

function usable(el, want) {
  if (el.matches(':disabled') || el.getAttribute('aria-disabled') === 'true') return { status: 'disabled', detail: `${describe(el)} is disabled` };
  if (want === 'fill') {
    if (!/^(INPUT|TEXTAREA)$/.test(el.tagName)) return { status: 'wrong', detail: `${describe(el)} is no field to type in` };
    if (el.readOnly) return { status: 'disabled', detail: `${describe(el)} is read-only` };
  }
  if (want === 'select' && el.tagName !== 'SELECT') return { status: 'wrong', detail: `${describe(el)} is no list to select from` };
  return null;
}

const boxOf = (el) => { const b = el.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; };

const frames = (count) => new Promise((resolve) => {
  const late = setTimeout(resolve, 250); // pages that are not painted have no animation frames
  const next = () => (count-- > 0 ? requestAnimationFrame(next) : (clearTimeout(late), resolve()));
  next();
});

// pointOf is the middle of the element in the coordinates of the page, if nothing lies over it there.
function pointOf(el) {
  const box = el.getClientRects()[0] || el.getBoundingClientRect();
  let x = box.left + box.width / 2, y = box.top + box.height / 2;
  let hit = document.elementFromPoint(x, y);
  if (!hit || !(hit === el || el.contains(hit) || (hit.tagName === 'LABEL' && hit.contains(el)))) {
    return { status: 'covered', detail: `${describe(el)} is covered by ${hit ? describe(hit) : 'nothing that can be clicked'}` };
  }
  for (let inner = window; inner !== inner.top; inner = inner.parent) {
    let holder = null;
    try { holder = inner.frameElement; } catch { /* of another site */ }
    if (!holder) return { status: 'wrong', detail: 'it is in a frame of another site, in which robots cannot act' };
    const around = holder.getBoundingClientRect();
    x += around.left + holder.clientLeft;
    y += around.top + holder.clientTop;
    hit = holder.ownerDocument.elementFromPoint(x, y);
    if (hit !== holder) return { status: 'covered', detail: `the frame is covered by ${hit ? describe(hit) : 'nothing that can be clicked'}` };
  }
  return { x, y };
}

// type prepares the held field for typing; fields with a format of their own are set at once.
crosswalk.type = ({ value }) => {
  const el = held;
  el.focus();
  if (['number', 'date', 'time', 'month', 'week', 'datetime-local', 'color', 'range'].includes(el.type)) {
    el.value = value;
    el.dispatchEvent(new Event('input', { bubbles: true }));
    el.dispatchEvent(new Event('change', { bubbles: true }));
    return { done: true };
  }
  el.select();
  if (el.value !== '') document.execCommand('delete');
  return { done: value === '' };
};

// holds compares what a field holds with what was meant to be in it.
crosswalk.holds = ({ value }) => {
  const same = held.type === 'number' ? held.value !== '' && Number(held.value) === Number(value)
    : held.value.replace(/\r\n/g, '\n') === value.replace(/\r\n/g, '\n');
  return { same, held: held.type === 'password' ? '' : held.value };
};

crosswalk.blur = () => { if (held) held.blur(); return {}; };
crosswalk.focus = () => { held.focus(); return {}; };

// select chooses the one option with exactly this label or value.
crosswalk.select = ({ value }) => {
  const fits = Array.from(held.options).filter((o) => plain(o.textContent) === plain(value) || o.value === value);
  if (fits.length !== 1) return { status: fits.length ? 'many' : 'none', detail: `options: ${Array.from(held.options).slice(0, 20).map((o) => fold(o.textContent)).join(', ')}` };
  if (fits[0].disabled) return { status: 'disabled', detail: 'the option is disabled' };
  held.selectedIndex = fits[0].index;
  held.dispatchEvent(new Event('input', { bubbles: true }));
  held.dispatchEvent(new Event('change', { bubbles: true }));
  return { status: held.selectedIndex === fits[0].index ? 'found' : 'wrong' };
};

// table reads the rows of the one table with these headings.
crosswalk.table = ({ headers, within }) => attempt(() => {
  const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
  const table = oneTable(root, headers);
  if (table.status !== 'found') return table;
  const rows = dataRows(table.found, headers);
  held = table.found.table;
  return {
    status: 'found', headings: table.found.texts.filter((text) => text),
    rows: rows.map((row) => ({ index: row.index, texts: row.texts })),
  };
});

// cell settles on a cell of the table read before, to click the link in it.
crosswalk.cell = async ({ headers, within, index, header, texts }) => {
  const first = attempt(() => {
    const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
    const table = oneTable(root, headers);
    if (table.status !== 'found') return table;
    const row = dataRows(table.found, headers).find((r) => r.index === index);
    if (!row || JSON.stringify(row.texts) !== JSON.stringify(texts)) return { status: 'none', detail: 'the list is not the one that was read before' };
    const el = acting(row.cells[headers.indexOf(header)], 'click');
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    return { status: 'found', el };
  });
  if (first.status !== 'found') return first;
  await frames(2);
  const point = pointOf(first.el);
  if (point.status) return point;
  held = first.el;
  return { status: 'found', x: point.x, y: point.y, element: describe(first.el) };
};

// still lets everything run that an event has put on the page's queue, such as the submit of a form.
crosswalk.still = () => new Promise((resolve) => setTimeout(() => setTimeout(() => resolve({}), 0), 0));

// mask hides what a picture must not show: passwords, texts that hold a secret, and what the robot names.
let masked = [];
crosswalk.mask = ({ secrets, targets }) => {
  const hide = new Set(list(document, 'input[type=password]'));
  for (const el of list(document, '*')) {
    const own = Array.from(el.childNodes).filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.textContent).join('') + (el.value || '');
    if (typeof own === 'string' && secrets.some((secret) => own.includes(secret))) hide.add(el);
  }
  for (const target of targets || []) {
    try { for (const f of find(document.documentElement, target, 'read')) hide.add(f.el); } catch (error) { if (!(error instanceof Unclear)) throw error; }
  }
  masked = Array.from(hide).map((el) => [el, el.style.getPropertyValue('visibility'), el.style.getPropertyPriority('visibility')]);
  for (const [el] of masked) el.style.setProperty('visibility', 'hidden', 'important');
  return { count: masked.length };
};

crosswalk.unmask = () => {
  for (const [el, value, priority] of masked) value ? el.style.setProperty('visibility', value, priority) : el.style.removeProperty('visibility');
  masked = [];
  return {};
};

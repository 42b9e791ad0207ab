// A target becomes the elements that it means; whoever calls decides whether several will do.

class Unclear extends Error { constructor(status, detail) { super(detail); this.status = status; } }

// find returns the visible elements that a target means, each with the text that reading it gives.
function find(root, target, want) {
  let scope = root;
  if (target.in) scope = single(find(root, target.in, 'see'), 'the place given by in').el;
  let found = target.any ? vote(scope, target.any, want) : byKind(scope, target, want);
  const shown = found.filter((f) => visible(f.el));
  // A field for files is often hidden behind a button; where none is seen, it is that one.
  found = shown.length === 0 && want === 'file' ? found.filter((f) => isFile(f.el)) : shown;
  found = found.filter((f, i) => found.findIndex((g) => g.el === f.el && g.text === f.text) === i);
  if (target.has) found = found.filter((f) => find(f.el, target.has, 'see').length > 0);
  if (target.near) found = nearest(found, single(find(root, target.near, 'see'), 'the place given by near').el);
  if (target.around) found = found.filter((f) => aroundOf(acting(f.el, want), meantBy(root, target.meant, want)) === target.around);
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
  const several = voices.find((found) => found.length > 1);
  if (several) throw new Unclear('many', `one of the alternatives fits several elements: ${several.slice(0, 3).map((found) => describe(found.el)).join(', ')}`);
  const chosen = voices.map((found) => acting(found[0].el, want));
  const other = chosen.find((el) => el !== chosen[0]);
  if (other) throw new Unclear('split', `the alternatives disagree: ${describe(chosen[0])} and ${describe(other)}`);
  return voices.length ? [voices[0][0]] : [];
}

// lostVoices are the alternatives that found nothing while others found the element: they will be missed one day.
function lostVoices(target, want) {
  if (!target.any) return [];
  const silent = [];
  target.any.forEach((alternative, i) => { try { if (!find(document.documentElement, alternative, want).length) silent.push(i); } catch (error) { if (!(error instanceof Unclear)) throw error; silent.push(i); } });
  return silent;
}

function byKind(root, target, want) {
  const text = (el) => ({ el, text: readingOf(el) });
  switch (target.kind) {
    case 'label': {
      const fields = list(root, fieldSelector).filter((field) => labelsOf(field).some((label) => isLabel(label, target.text))).map(text);
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
  return target.text ? all.filter((el) => matches(nameOf(el), target.text) || labelsOf(el).some((label) => isLabel(label, target.text))) : all;
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
  if (want === 'fill' || want === 'select' || want === 'tick' || want === 'file') {
    if (el.matches(fieldSelector)) return el;
    const inner = list(el, fieldSelector).filter(visible);
    if (inner.length === 1) return inner[0];
  }
  return el;
}

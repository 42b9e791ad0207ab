// What a page is made of, without what people have written on it: headings, forms, tables and the ways on.

const digitsIn = (text) => /\d/.test(text);
const labelText = (text) => { text = fold(text); return text.length <= 60 && !digitsIn(text) ? text : '…'; };

// pathOf is an address without what tells sessions apart: * stands for parts that look like a token.
const tokenLike = (part) => part.length >= 16 && /\d/.test(part) && /^[\w.~%+=-]+$/.test(part);
function pathOf(address, data = tokenLike) {
  try {
    const u = new URL(address, location.href);
    const path = u.pathname.split('/').map((part) => { part = part.split(';')[0]; return part && data(part) ? '*' : part; }).join('/');
    return u.origin === location.origin ? path : u.origin + path;
  } catch { return ''; }
}
// shapeOf is a path with its plain words only: the others say of whom it is.
const plainWord = (part) => part.length <= 40 && part.split(/[._~-]/).every((word) => word.length <= 24 && /^([A-Z]*|[A-Z]?[a-z]+([A-Z]{1,3}[a-z]{2,})*[A-Z]{0,3})$/.test(word));
const shapeOf = (address) => pathOf(address, (part) => !plainWord(part));

// dataTables are those with at least two rows below a row of headings.
function dataTables(root) {
  const found = [];
  for (const table of list(root, 'table')) {
    if (!visible(table) || table.querySelector('table')) continue;
    const rows = grid(table);
    let head = -1;
    for (let r = 0; r < Math.min(rows.length, 10) && head < 0; r++) {
      const texts = rows[r].map((cell) => (cell ? plain(textOf(cell)) : ''));
      const distinct = new Set(texts);
      const isHead = texts.length >= 2 && texts.every((text) => text && text.length <= 40 && !/^[\d.,\s-]+$/.test(text)) && distinct.size === texts.length && !rows[r].some((cell) => cell.querySelector(fieldSelector));
      if (isHead && (rows[r].every((cell) => cell.tagName === 'TH') || rows.length - r > 2 || rows[r].some((cell) => cell.tagName === 'TH'))) head = r;
    }
    if (head < 0) continue;
    const headings = rows[head].map((cell) => plain(textOf(cell)));
    const columns = Object.fromEntries(headings.map((h, i) => [h, i]));
    found.push({ table, headings, titled: rows[head].every((cell) => cell.tagName === 'TH' || cell.closest('thead')), get rows() { return dataRows({ rows, columns, first: head + 1 }, headings); } });
  }
  return found;
}

// ofLabels says that a table is no list: each of its rows is a label and a value.
const ofLabels = (table) => Array.from(table.rows).every((row) => row.cells.length === 2 && textOf(row.cells[0]).endsWith(':'));

// labelled are the labels beside which the page shows a value, each by which that value alone is found.
function labelled(root) {
  const inLists = dataTables(root).map((t) => t.table).filter((table) => !ofLabels(table));
  const cells = list(root, 'td, th, dt').filter((el) => !inLists.some((t) => t.contains(el)) && (el.tagName !== 'TD' || textOf(el).endsWith(':')));
  const names = Array.from(new Set(cells.map((el) => plain(textOf(el))))).filter((name) => name && name.length <= 40 && !/\d/.test(name));
  return names.filter((name) => valuesOf(root, { exact: name, flags: '' }).filter((f) => visible(f.el)).length === 1).slice(0, 30);
}

// columnOver is the heading over a field in a row of a list; empty for one that has a label of its own. What stands beside it in
// its row is data.
function columnOver(el) {
  const cell = el && el.matches(fieldSelector) && el.closest('td'), row = cell && cell.parentElement;
  const own = cell && (el.labels && el.labels.length > 0 || el.hasAttribute('aria-label') || el.hasAttribute('aria-labelledby'));
  if (!cell || own || !inList(row) || !(ofRow(el) || manyTexts(row))) return '';
  const table = row.closest('table'), at = grid(table)[Array.from(table.rows).indexOf(row)].indexOf(cell);
  return dataTables(table.parentElement).find((one) => one.table === table).headings[at] || '';
}

// namesOf are the names by which a person or the application knows a field, each of which fits it alone.
function namesOf(el, want) {
  if (!el || !el.matches(fieldSelector)) return [];
  const label = columnOver(el) ? '' : plain(labelsOf(el)[0] || '');
  const names = [{ kind: 'label', text: label.length <= 60 ? label : '' }, { kind: 'field', text: el.name || '' }];
  return names.filter((name) => name.text && find(document.documentElement, { kind: name.kind, text: { exact: name.text, flags: '' } }, want).length === 1);
}

// sendsOf is what a button or a link that posts the form back, as WebForms make them, adds to the form.
function sendsOf(el) {
  if (el.matches('input[type=submit], button') && el.name && el.value && el.type === 'submit') return { field: el.name, value: el.value };
  const back = /__doPostBack\(\s*\\?['"]([^'"\\]+)/.exec(`${el.getAttribute('href') || ''} ${el.getAttribute('onclick') || ''}`);
  return back ? { field: '__EVENTTARGET', value: back[1] } : {};
}

// survey says what the page offers. Samples are the first rows of its tables, for somebody who looks at the page now.
crosswalk.survey = ({ samples }) => attempt(() => {
  const root = document.documentElement, tables = dataTables(root);
  const forms = list(root, 'form').map((form) => ({
    action: pathOf(form.getAttribute('action') || location.href), method: (form.getAttribute('method') || 'get').toUpperCase(),
    fields: list(form, fieldSelector).filter(visible).slice(0, 200).map((field) => ({ name: field.name, type: field.type, label: labelText(labelsOf(field)[0] || ''), required: !!field.required })),
    buttons: list(form, buttonSelector).filter(visible).slice(0, 50).map((button) => labelText(nameOf(button))),
  }));
  const out = list(root, 'a[href], a[onclick], ' + buttonSelector).filter(visible).find((el) => /^(log ?(out|off)|sign ?(out|off)|abmelden|ausloggen|logout|déconnexion|se déconnecter|cerrar sesión|salir|esci|afmelden|uitloggen)$/i.test(nameOf(el)));
  return {
    status: 'found', title: labelText(document.title), path: pathOf(location.href),
    headings: list(root, 'h1, h2, h3, legend, caption').filter(visible).slice(0, 50).map((el) => labelText(textOf(el))),
    forms, links: list(root, 'a[href], a[onclick]').filter(visible).filter((a) => !a.closest('td') || !tables.some((t) => t.table.contains(a))).slice(0, 200).map((a) => labelText(nameOf(a))),
    tables: tables.filter((t) => !samples || !ofLabels(t.table)).map((t) => ({ headings: t.headings, count: samples ? t.rows.length : 0, rows: samples ? t.rows.slice(0, 5).map((row) => row.texts) : [] })),
    labels: samples ? labelled(root) : [],
    logout: out ? { kind: out.tagName === 'A' ? 'link' : 'button', text: nameOf(out) } : null,
  };
});

// voices says for each alternative how many elements it means now, and what the first is.
crosswalk.voices = ({ targets, want }) => attempt(() => ({
  status: 'found',
  voices: targets.map((target) => {
    try {
      const elements = Array.from(new Set(find(document.documentElement, target, want).map((f) => acting(f.el, want))));
      const el = elements[0];
      const form = el && (el.form || el.closest('form'));
      return { count: elements.length, names: elements.length === 1 ? namesOf(el, want) : [], column: elements.length === 1 ? columnOver(el) : '', type: el ? (el.tagName === 'SELECT' ? 'select' : el.tagName === 'INPUT' ? el.type : '') : '', post: form && (form.getAttribute('method') || '').toUpperCase() === 'POST' ? pathOf(form.getAttribute('action') || location.href) : '', sends: el ? sendsOf(el) : {} };
    } catch (error) {
      if (error instanceof Unclear) return { count: error.status === 'none' ? 0 : 2, type: '', post: '' };
      throw error;
    }
  }),
}));

// printOf is what an element that is acted on is like, with its form and its page: names, and no data.
// The labels of fields in the rows of a list are another one in each row, and none of it.
// inList says that a row is one of a list below headings, and not a label beside its field: where the headings are cells like
// all others, only a row with two texts side by side is no label.
const inList = (row) => {
  const table = row.closest('table'), of = dataTables(table.parentElement).find((one) => one.table === table);
  return !!of && !ofLabels(table) && (of.titled || manyTexts(row));
};
const manyTexts = (row) => {
  const isText = (cell) => !!cell && !cell.querySelector(fieldSelector) && plain(textOf(cell)) !== '';
  return Array.from(row.cells).some((cell) => isText(cell) && isText(cell.nextElementSibling));
};
const ofRow = (el) => {
  const row = el.closest('tr'), name = undigit(el.getAttribute('name'));
  return !!row && !!name && inList(row) && Array.from(row.parentElement.children).some((other) => other !== row && list(other, fieldSelector).some((field) => field.type === el.type && undigit(field.name) === name));
};
const undigit = (text) => (text || '').replace(/\d+/g, '#');
// columnLabel is the label of a field. One of a further row, over which the heading does not stand, is called as the one of its
// numbered name in the same column of the same table that has a label.
function columnLabel(el) {
  const own = el.closest('td'), table = own && own.closest('table'), name = undigit(el.name), label = labelsOf(el)[0];
  if (label || !table || !name) return label || '';
  const above = list(table, fieldSelector).find((other) => {
    const cell = other.closest('td');
    return other !== el && cell && cell.cellIndex === own.cellIndex && cell.closest('table') === table && undigit(other.name) === name && visible(other) && labelsOf(other)[0];
  });
  return above ? labelsOf(above)[0] : '';
}
function printOf(el) {
  const form = el.form || el.closest('form');
  const required = form ? list(form, fieldSelector).filter((field) => (field.required || field.getAttribute('aria-required') === 'true') && visible(field)).map((field) => undigit(field.name)) : [];
  return {
    tag: el.tagName.toLowerCase(), type: /^(INPUT|BUTTON)$/.test(el.tagName) ? el.type : '', name: undigit(el.getAttribute('name')),
    label: ofRow(el) ? '…' : labelText(el.matches(fieldSelector) && !/^(submit|button|image|reset)$/.test(el.type) ? columnLabel(el) : nameOf(el)),
    action: form ? shapeOf(form.getAttribute('action') || location.href) : '', method: form ? (form.getAttribute('method') || 'get').toUpperCase() : '',
    required: Array.from(new Set(required)), headings: list(document, 'h1, h2, h3, legend, caption').filter(visible).slice(0, 20).map((h) => labelText(textOf(h))).filter((text) => text),
  };
}

// hintsOf is what a field to type in says about what may be put into it; fields of dates write them as machines do.
const hintsOf = (el) => {
  if (!el.matches('input, textarea') || !/^(text|search|tel|number|textarea)$/.test(el.type)) return null;
  const says = (name) => (el.getAttribute(name) || '').slice(0, 200);
  const behind = el.nextSibling ? fold(el.nextSibling.textContent).slice(0, 40) : '';
  return { pattern: says('pattern'), mode: says('inputmode'), placeholder: says('placeholder'),
    dates: ['data-date-format', 'data-dateformat', 'data-format', 'placeholder', 'title'].map(says).concat(labelsOf(el).map((text) => text.slice(0, 200)), behind, el.defaultValue.slice(0, 40)) };
};

// shownBeside are the names of the fields that a person sees in the form of an element.
const shownBeside = (el) => {
  const form = el.form || el.closest('form');
  return form ? Array.from(new Set(Array.from(form.elements).filter((field) => field.name && field.matches(fieldSelector) && visible(field)).map((field) => field.name))).slice(0, 500) : [];
};

// skeleton is the page as it could be kept: what a robot finds its way by, and none of the data. Headings, links and options
// are often people: only those that are named are kept.
crosswalk.skeleton = ({ hide, named, data }) => attempt(() => {
  const kept = ['id', 'name', 'type', 'class', 'for', 'role', 'aria-label', 'aria-labelledby', 'title', 'alt', 'colspan', 'rowspan', 'method', 'width', 'placeholder', 'border'];
  const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }[c]));
  const inData = new Set();
  for (const { rows } of dataTables(document.documentElement)) for (const row of rows) for (const cell of row.cells) if (cell) inData.add(cell);
  const labelCells = new Set(list(document, fieldSelector).map(labelCellOf).filter(Boolean));
  const hidden = new Set();
  const texts = new Set((named || []).map(fold));
  const mayBePeople = (node) => /^(A|OPTION|H[1-6]|LEGEND|CAPTION|IMG)$/.test(node.tagName);
  const shown = (text) => ((data || []).some((one) => text.includes(one)) ? '…' : labelText(text));
  for (const target of hide || []) {
    try { for (const f of find(document.documentElement, target, 'read')) hidden.add(f.el); } catch (error) { if (!(error instanceof Unclear)) throw error; }
  }
  let size = 0;
  const walk = (node, naming) => {
    if (size > 400000) return '';
    if (node.nodeType === Node.TEXT_NODE) {
      const text = fold(node.textContent);
      if (!text) return node.textContent ? ' ' : '';
      return escape(naming || text.endsWith(':') || text.endsWith('*') ? shown(text) : '…');
    }
    if (node.nodeType !== Node.ELEMENT_NODE || /^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|LINK|META|SVG|OBJECT|EMBED|HEAD)$/i.test(node.tagName) || !(node.tagName === 'OPTION' || node.tagName === 'BODY' || visible(node))) return '';
    const tag = node.tagName.toLowerCase();
    if (hidden.has(node) && !node.matches(fieldSelector)) return `<${tag}>…</${tag}>`;
    let attributes = '';
    for (const name of kept) {
      const value = node.getAttribute(name);
      if (value !== null && value.length <= 200) attributes += ` ${name}="${escape(!/^(title|alt|placeholder|aria-label)$/.test(name) ? value : (mayBePeople(node) || /^(title|alt)$/.test(name)) && !texts.has(fold(value)) ? '…' : shown(value))}"`;
    }
    if (node.hasAttribute('href')) attributes += ` href="${escape(shapeOf(node.getAttribute('href')))}"`;
    if (node.hasAttribute('action')) attributes += ` action="${escape(shapeOf(node.getAttribute('action')))}"`;
    if (tag === 'input' && ['submit', 'button', 'reset'].includes(node.type)) attributes += ` value="${escape(shown(node.value))}"`;
    for (const flag of ['disabled', 'readonly', 'required']) if (node.hasAttribute(flag)) attributes += ` ${flag}`;
    if (/^(input|br|hr|img|col)$/.test(tag)) return `<${tag}${attributes}>`;
    if (tag === 'textarea') return `<textarea${attributes}></textarea>`;
    const named = mayBePeople(node) ? texts.has(fold(textOf(node))) || (naming && tag === 'a') : naming || /^(label|button|th|dt)$/.test(tag) || labelCells.has(node);
    const names = (!inData.has(node) && named) || (tag === 'td' && texts.has(fold(textOf(node))));
    let inner = '';
    for (const child of node.childNodes) inner += walk(child, names);
    size += attributes.length + inner.length;
    return `<${tag}${attributes}>${inner}</${tag}>`;
  };
  return { status: 'found', html: walk(document.body || document.documentElement, false) };
});

// compare counts what two targets mean on a page, and says whether it is the same element.
crosswalk.compare = ({ before, after, want }) => attempt(() => {
  const elements = (target) => {
    try { return Array.from(new Set(find(document.documentElement, target, want).map((f) => acting(f.el, want)))); } catch (error) {
      if (error instanceof Unclear) return error.status === 'none' ? [] : [null, null];
      throw error;
    }
  };
  const was = elements(before), is = elements(after);
  return { status: 'found', before: was.length, after: is.length, same: was.length === 1 && is.length === 1 && was[0] === is[0] };
});

// Forms of old applications have no labels, so the text where a person would look counts.

// textOfLabel leaves out a list or text area that stands within the label: its options and lines are what it holds.
function textOfLabel(label) {
  if (!label.querySelector('select, textarea')) return textOf(label);
  const copy = label.cloneNode(true);
  list(copy, 'select, textarea').forEach((el) => el.remove());
  return fold(copy.textContent);
}

function labelsOf(field) {
  const labels = Array.from(field.labels || []).map(textOfLabel);
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

// Tables are found by their headings and read with merged cells filled in.

const mostRows = 5000;

function grid(table) {
  const rows = Array.from(table.rows).slice(0, mostRows);
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
  if (found.length === 0) return { status: 'none', detail: headersSeen(root, headers) };
  if (found.length > 1) return { status: 'many', detail: `${found.length} tables have these headings` };
  if (found[0].twice) return { status: 'split', detail: `the heading "${found[0].twice}" is there twice` };
  return { status: 'found', found: found[0] };
}

// headersSeen names the headings that there are. What stands in other rows is data, and no business of an error.
function headersSeen(root, headers) {
  const rows = list(root, 'tr').filter((row) => row.cells.length > 1 && !row.querySelector('table') && visible(row));
  const texts = (row) => Array.from(row.cells).map((cell) => plain(textOf(cell)));
  const heads = rows.filter((row) => Array.from(row.cells).every((cell) => cell.tagName === 'TH') || texts(row).some((text) => headers.some((header) => plain(header) === text))).slice(0, 3);
  if (heads.length) return `headings seen: ${heads.map((row) => texts(row).join(' | ')).join(' // ').slice(0, 300)}`;
  return rows.length ? `none of them is among the ${rows.length} rows that are shown` : 'no table is shown';
}

// unseen says why a table may have more rows than are in the page: a script puts them there while one scrolls. A list that
// is read page by page may count the rows of all its pages.
function unseen(table, paged) {
  if (table.rows.length > mostRows) return `the table has more than ${mostRows} rows`;
  const counted = table.closest('[aria-rowcount]');
  const count = counted && !paged && list(counted, 'table').length <= 1 ? Number(counted.getAttribute('aria-rowcount')) : 0;
  if (count > table.rows.length) return `only ${table.rows.length} of ${count} rows are in the page`;
  const height = (el) => Math.max(el.scrollHeight, el.getBoundingClientRect().height);
  const much = window.innerHeight / 2;
  const room = (el) => height(el) <= much ? 0 : height(el) - Array.from(el.rows).filter((row) => row.textContent.trim() || row.querySelector(`img, svg, canvas, ${fieldSelector}`)).reduce((sum, row) => sum + row.getBoundingClientRect().height, 0);
  const gap = Math.max(...Array.from(table.tBodies, room));
  return count < 0 || gap > much ? 'the table seems to have rows that are not in the page' : '';
}

// joinWrapped joins rows that go on in the next line: those that are empty under the heading that every record has.
function joinWrapped(rows, key) {
  if (key < 0) return rows;
  const out = [];
  for (const row of rows) {
    const last = out[out.length - 1];
    if (row.texts[key] || !last) { out.push({ ...row, texts: row.texts.slice() }); continue; }
    row.texts.forEach((text, i) => { if (text) last.texts[i] = fold(`${last.texts[i]} ${text}`); });
  }
  return out;
}

// What a person may choose from where a heading of a table has another name.

// mostRenamed is how many headings may have other names at once; of three, two at least must say which table it is.
const mostRenamed = 3;

// lacking are the headings that the only fitting table lacks, and that table.
function lacking(root, headers) {
  const sets = new Map();
  for (const table of list(root, 'table').filter(visible)) {
    for (const row of grid(table).slice(0, 50)) {
      const texts = new Set(row.map((cell) => (cell && !cell.querySelector('table') ? plain(textOf(cell)) : '')));
      const missing = headers.filter((header) => !texts.has(plain(header))), left = headers.length - missing.length;
      if (missing.length <= mostRenamed && left >= (missing.length === mostRenamed ? 2 : 1)) sets.set(missing.join('\n'), missing);
    }
  }
  const fewest = Math.min(...Array.from(sets.values(), (missing) => missing.length));
  const all = Array.from(sets.values()).filter((missing) => missing.length === fewest);
  if (all.length !== 1) return null;
  const found = tablesWith(root, headers.filter((header) => !all[0].includes(header)));
  return found.length === 1 && !found[0].twice ? { missing: all[0], table: found[0] } : null;
}

// headings are the columns that may be meant by the headings which the only fitting table lacks, with the values under them.
crosswalk.headings = ({ headers, within, wrapped }) => attempt(() => {
  const none = { status: 'found', missing: [], columns: [] };
  const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
  if (tablesWith(root, headers).length > 0) return none;
  const only = lacking(root, headers);
  if (!only) return none;
  const { missing, table } = only, shown = headers.filter((header) => !missing.slice(1).includes(header));
  const named = new Set(headers.map(plain)), columns = [];
  table.texts.forEach((text, c) => {
    const known = { ...table, columns: { ...table.columns, [missing[0]]: c } };
    if (!text || text.length > 80 || named.has(text) || table.texts.indexOf(text) !== table.texts.lastIndexOf(text)) return;
    columns.push({ heading: text, values: joinWrapped(dataRows(known, shown), shown.indexOf(wrapped)).slice(0, 100).map((row) => row.texts[shown.indexOf(missing[0])]) });
  });
  return { status: 'found', missing, columns: columns.slice(0, 40) };
});

// compareHeadings says in how many tables each of two lists of headings stands. One that has both lists has two columns.
crosswalk.compareHeadings = ({ before, after }) => attempt(() => ({
  status: 'found', before: tablesWith(document.documentElement, before).length, after: tablesWith(document.documentElement, after).length, same: false,
}));

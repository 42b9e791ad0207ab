// What a person may choose from where a heading of a table has another name.

// lacking are the headings that the only fitting table lacks, and that table: one, or else two of them.
function lacking(root, headers) {
  const without = (...missing) => ({ missing, found: tablesWith(root, headers.filter((header) => !missing.includes(header))) });
  const fits = ({ missing, found }) => missing.length < headers.length && found.length > 0;
  let all = headers.map((header) => without(header)).filter(fits);
  if (all.length === 0) all = headers.flatMap((one, i) => headers.slice(i + 1).map((other) => without(one, other))).filter(fits);
  return all.length === 1 && all[0].found.length === 1 && !all[0].found[0].twice ? { missing: all[0].missing, table: all[0].found[0] } : null;
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

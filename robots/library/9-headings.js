// What a person may choose from where a heading of a table has another name.

// headings are the columns that may be meant by the one heading which the only fitting table lacks, with the values under them.
crosswalk.headings = ({ headers, within, wrapped }) => attempt(() => {
  const none = { status: 'found', missing: '', columns: [] };
  const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
  if (tablesWith(root, headers).length > 0) return none;
  const all = headers.map((missing) => ({ missing, found: tablesWith(root, headers.filter((header) => header !== missing)) })).filter(({ found }) => found.length > 0);
  if (headers.length < 2 || all.length !== 1 || all[0].found.length !== 1 || all[0].found[0].twice) return none;
  const { missing, found: [table] } = all[0];
  const named = new Set(headers.map(plain)), columns = [];
  table.texts.forEach((text, c) => {
    const known = { ...table, columns: { ...table.columns, [missing]: c } };
    if (!text || text.length > 80 || named.has(text) || table.texts.indexOf(text) !== table.texts.lastIndexOf(text)) return;
    columns.push({ heading: text, values: joinWrapped(dataRows(known, headers), headers.indexOf(wrapped)).slice(0, 100).map((row) => row.texts[headers.indexOf(missing)]) });
  });
  return { status: 'found', missing, columns: columns.slice(0, 40) };
});

// compareHeadings says in how many tables each of two lists of headings stands. One that has both lists has two columns.
crosswalk.compareHeadings = ({ before, after }) => attempt(() => ({
  status: 'found', before: tablesWith(document.documentElement, before).length, after: tablesWith(document.documentElement, after).length, same: false,
}));

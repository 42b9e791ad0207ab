// What a person may choose from where a label that is read has another name.

// mostLooked bounds the names that are looked for, times the elements among which each is.
const mostLooked = 400000;

// readable are the labels on the page that mean one value each, with what reading them gives. Where the target itself means
// several places there is nothing to choose: another label is not meant then.
crosswalk.readable = ({ target, taken }) => attempt(() => {
  const root = document.documentElement;
  try { if (find(root, target, 'read').length) return { status: 'found', labels: [] }; } catch (error) { if (!(error instanceof Unclear)) throw error; if (error.status !== 'none') return { status: 'found', labels: [] }; }
  const other = new Set(taken.map(plain)), names = new Set();
  const add = (text) => { const label = plain(text); if (label && label.length <= 80 && !other.has(label)) names.add(label); };
  for (const cell of list(root, 'td, th').filter(visible)) {
    const [count, index, text] = [cell.parentElement.cells.length, cell.cellIndex, textOf(cell)];
    // In a row of one or two pairs every second cell is a label; in longer ones only what is written as one.
    if (cell.tagName === 'TH' || /:\s*$/.test(text) || ((count === 2 || count === 4) && index % 2 === 0)) add(text);
  }
  for (const term of list(root, 'dt').filter(visible)) add(textOf(term));
  for (const block of list(root, 'td, th, p, div, li, form, fieldset, center, body').filter(visible)) {
    for (const line of linesOf(block)) if (line.indexOf(':') > 0) add(line.slice(0, line.indexOf(':')));
  }
  for (const field of list(root, fieldSelector).filter(visible)) labelsOf(field).forEach(add);
  const parts = (text) => (text || '').toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const words = [];
  const collect = (t) => { if (!t) return; words.push(...parts(t.text && t.text.exact)); (t.any || []).forEach(collect); };
  collect(target);
  const alike = (a, b) => a === b ? 2 : a.length > 3 && b.length > 3 && (a.slice(0, 4) === b.slice(0, 4) || a.slice(-4) === b.slice(-4)) ? 1 : 0;
  const labels = [], near = (label) => parts(label).reduce((sum, part) => sum + Math.max(0, ...words.map((word) => alike(part, word))), 0);
  const likely = Array.from(names, (label) => ({ label, near: near(label) })).sort((a, b) => b.near - a.near);
  for (const { label, near } of likely.slice(0, Math.min(300, Math.max(8, mostLooked / list(root, '*').length)))) {
    try {
      const { text } = one({ kind: 'label', text: { exact: label, flags: '' } }, 'read');
      if (text) labels.push({ label, text, near });
    } catch (error) { if (!(error instanceof Unclear)) throw error; }
  }
  return { status: 'found', labels: labels.slice(0, 40) };
});

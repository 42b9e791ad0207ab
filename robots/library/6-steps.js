// What the further steps need: boxes to tick, files to hand over, frames of other sites.

// settle settles on the one element without a pointer: a field for files is often hidden behind a button.
crosswalk.settle = ({ target, want }) => attempt(() => {
  const { el } = one(target, want);
  if (want === 'file' && !(el.tagName === 'INPUT' && el.type === 'file')) return { status: 'wrong', detail: `${describe(el)} is no field for files` };
  if (el.matches(':disabled')) return { status: 'disabled', detail: `${describe(el)} is disabled` };
  held = el;
  return { status: 'found', element: describe(el) };
});

crosswalk.heldElement = () => held;
crosswalk.files = () => ({ names: Array.from(held.files || []).map((file) => file.name) });

// tick says whether the held box is ticked, or why it is none.
crosswalk.tick = ({ on, acts }) => {
  const role = held.getAttribute('role');
  if (isBox(held)) {
    if (held.checked === on) rememberTick(held, on, acts);
    return { status: 'found', on: held.checked, kind: held.type };
  }
  if (role === 'checkbox' || role === 'switch' || role === 'radio') return { status: 'found', on: held.getAttribute('aria-checked') === 'true', kind: role };
  return { status: 'wrong', detail: `${describe(held)} is no box to tick` };
};

// through carries a point of a frame of another site out of it: its holder is in this document.
globalThis.crosswalkThrough = (holder, x, y) => {
  holder.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
  const around = holder.getBoundingClientRect();
  x += around.left + holder.clientLeft;
  y += around.top + holder.clientTop;
  const hit = document.elementFromPoint(x, y);
  if (hit !== holder) return { status: 'covered', detail: `the frame is covered by ${hit ? describe(hit) : 'nothing that can be clicked'}` };
  return outward(x, y);
};

// outward carries a point to the outermost document of this site.
function outward(x, y) {
  let climbed = 0;
  for (let inner = window; inner !== inner.top; inner = inner.parent) {
    let holder = null;
    try { holder = inner.frameElement; } catch { /* of another site */ }
    if (!holder) return { status: 'found', x, y, outside: true, climbed };
    climbed++;
    const around = holder.getBoundingClientRect();
    x += around.left + holder.clientLeft;
    y += around.top + holder.clientTop;
    const hit = holder.ownerDocument.elementFromPoint(x, y);
    if (hit !== holder) return { status: 'covered', detail: `the frame is covered by ${hit ? describe(hit) : 'nothing that can be clicked'}` };
  }
  return { status: 'found', x, y };
}

// placeOf names an element by its place, as short as it fits that one alone.
function placeOf(el) {
  let path = '';
  for (let at = el; at && at.parentElement; at = at.parentElement) {
    const same = Array.from(at.parentElement.children).filter((child) => child.tagName === at.tagName);
    path = `${at.tagName.toLowerCase()}${same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ''}${path && ` > ${path}`}`;
    if (document.querySelectorAll(path).length === 1) break;
  }
  return path;
}

// candidates are the elements that may be meant where a target fits none or several, each with one name that fits it alone.
crosswalk.candidates = ({ target, want }) => attempt(() => {
  const root = document.documentElement;
  const all = list(root, want === 'click' ? `${buttonSelector}, a[href], a[onclick]` : want === 'select' ? 'select' : want === 'tick' ? 'input[type=checkbox], input[type=radio]' : fieldSelector).filter(visible);
  const words = new Set();
  const collect = (t) => { if (!t) return; for (const text of [t.text && t.text.exact, t.value]) for (const word of (text || '').toLowerCase().split(/[^\p{L}\p{N}]+/u)) if (word) words.add(word); (t.any || []).forEach(collect); };
  collect(target);
  const alone = (candidate, el) => { try { const found = find(root, candidate, want); return found.length === 1 && acting(found[0].el, want) === el; } catch (error) { if (error instanceof Unclear) return false; throw error; } };
  const fits = new Set(); // what the target means now, although it is not alone
  for (const one of target.any || [target]) try { for (const found of find(root, one, want)) fits.add(acting(found.el, want)); } catch (error) { if (!(error instanceof Unclear)) throw error; }
  const named = [];
  for (const el of all) {
    const name = want === 'click' ? nameOf(el) : labelsOf(el)[0] || '';
    const options = [];
    if (want === 'click' && name) options.push({ kind: el.matches(buttonSelector) ? 'button' : 'link', text: plain(name) });
    if (want !== 'click' && plain(name)) options.push({ kind: 'label', text: plain(name) });
    if (el.name && want !== 'click') options.push({ kind: 'field', text: el.name });
    if (el.id) options.push({ kind: 'css', text: `#${CSS.escape(el.id)}` });
    const text = `${name} ${el.name || ''} ${el.id || ''}`.toLowerCase();
    const near = Array.from(words).filter((word) => text.includes(word)).length + (fits.has(el) ? 100 : 0);
    if (el.name && want === 'click') options.push({ kind: 'css', text: `${el.tagName.toLowerCase()}[name="${CSS.escape(el.name)}"]` });
    if (near) options.push({ kind: 'css', text: placeOf(el) }); // better than not to be able to choose it
    const option = options.find((o) => alone(o.kind === 'css' ? { kind: 'css', value: o.text } : { kind: o.kind, text: { exact: o.text, flags: '' } }, el));
    if (!option) continue;
    named.push({ ...option, says: `${labelText(name) === '…' ? option.kind : labelText(name) || option.text} <${el.tagName.toLowerCase()}${el.name ? ` name=${el.name}` : ''}${el.id ? ` id=${el.id}` : ''}>`, near });
  }
  for (const says of new Set(named.map((one) => one.says))) { // in the order of the page
    const same = named.filter((one) => one.says === says);
    if (same.length > 1) same.forEach((one, i) => { one.says += `, number ${i + 1} of ${same.length} on the page`; });
  }
  named.sort((a, b) => b.near - a.near);
  return { status: 'found', candidates: named.slice(0, 8).map(({ kind, text, says }) => ({ kind, text, says })) };
});

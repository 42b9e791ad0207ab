// What the further steps need: boxes to tick, files to hand over, frames of other sites.

// settle settles on the one element without a pointer: a field for files is often hidden behind a button.
crosswalk.settle = ({ target, want, writes }) => attempt(() => {
  const { el } = one(target, want);
  if (want === 'file' && !(el.tagName === 'INPUT' && el.type === 'file')) return { status: 'wrong', detail: `${describe(el)} is no field for files` };
  if (el.matches(':disabled')) return { status: 'disabled', detail: `${describe(el)} is disabled` };
  held = el;
  return { status: 'found', element: describe(el), multiple: el.multiple === true, field: writes ? fieldOf(el, { id: idOf(el), value: '', acts: 0, spot: spotOf(el) }) : null };
});

crosswalk.heldElement = () => held;

// choosing has the held field take files next, and chosen tells which it took: pages empty it as soon as they have them.
let took = null;
const taking = (event) => { if (event.target === held && !took) took = namesIn(held); };
crosswalk.choosing = ({ value, acts, any }) => {
  took = null;
  remember(held, value, acts);
  if (any) crosswalk.becomes();
  for (const kind of ['input', 'change']) window.addEventListener(kind, taking, true);
  return {};
};
crosswalk.chosen = () => {
  for (const kind of ['input', 'change']) window.removeEventListener(kind, taking, true);
  return { names: took || (held && namesIn(held)) };
};

// tick says whether the held box is ticked, or why it is none; a page that has come since holds none.
crosswalk.tick = ({ on, acts }) => {
  if (!held) return { status: 'gone' };
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

// meantBy are the elements that a target means now, although it is not alone.
function meantBy(root, target, want) {
  const fits = new Set();
  for (const one of target.any || [target]) {
    try {
      const scope = target.any && target.in ? single(find(root, target.in, 'see'), 'the place given by in').el : root;
      let found = find(scope, one, want);
      if (target.any && target.has) found = found.filter((f) => find(f.el, target.has, 'see').length > 0);
      if (target.any && target.near) found = nearest(found, single(find(root, target.near, 'see'), 'the place given by near').el);
      for (const { el } of found) fits.add(acting(el, want));
    } catch (error) { if (!(error instanceof Unclear)) throw error; }
  }
  return fits;
}

// aroundOf is a digest of what a person sees around an element that only its place tells from its twins: another row in its
// place, or one twin more, is another choice.
function aroundOf(el, fits) {
  const blockOf = (one) => {
    let block = one;
    while (block.parentElement && !Array.from(fits).some((other) => other !== one && block.parentElement.contains(other))) block = block.parentElement;
    return block;
  };
  const short = (one) => one.value.length <= 20; // longer ones are tokens and states, of another value on each page
  const says = (block) => [fold(block.textContent), ...list(block, 'input[type=hidden]').filter(short).map((one) => `${one.name}=${one.value}`)].join('\n');
  const twin = fits.has(el) && fits.size > 1;
  const block = twin ? blockOf(el) : el.closest('tr, li, form, fieldset') || el.parentElement || el;
  const alike = twin && Array.from(fits).some((other) => other !== el && says(blockOf(other)) === says(block));
  const text = [fits.size, fits.has(el), nameOf(el), says(block), alike && block.parentElement ? says(block.parentElement) : ''].join('\n');
  let high = 0xdeadbeef, low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    high = Math.imul(high ^ text.charCodeAt(i), 2654435761);
    low = Math.imul(low ^ text.charCodeAt(i), 1597334677);
  }
  return `${(high >>> 0).toString(16)}-${(low >>> 0).toString(16)}`;
}

// candidates are the elements that may be meant where a target fits none or several, each with one name that fits it alone.
crosswalk.candidates = ({ target, want }) => attempt(() => {
  const root = document.documentElement;
  const all = list(root, want === 'click' ? `${buttonSelector}, a[href], a[onclick]` : want === 'select' ? 'select' : want === 'tick' ? 'input[type=checkbox], input[type=radio]' : fieldSelector).filter(visible);
  const words = new Set();
  const collect = (t) => { if (!t) return; for (const text of [t.text && t.text.exact, t.value]) for (const word of (text || '').toLowerCase().split(/[^\p{L}\p{N}]+/u)) if (word) words.add(word); (t.any || []).forEach(collect); };
  collect(target);
  const alone = (candidate, el) => { try { const found = find(root, candidate, want); return found.length === 1 && acting(found[0].el, want) === el; } catch (error) { if (error instanceof Unclear) return false; throw error; } };
  const fits = meantBy(root, target, want);
  const named = [];
  for (const el of all) {
    const column = want === 'click' ? '' : columnOver(el), name = want === 'click' ? nameOf(el) : column || labelsOf(el)[0] || '';
    const options = [];
    if (want === 'click' && name) options.push({ kind: el.matches(buttonSelector) ? 'button' : 'link', text: plain(name) });
    if (want !== 'click' && !column && plain(name)) options.push({ kind: 'label', text: plain(name) });
    if (el.name && want !== 'click') options.push({ kind: 'field', text: el.name });
    if (el.id) options.push({ kind: 'css', text: `#${CSS.escape(el.id)}` });
    const text = `${name} ${el.name || ''} ${el.id || ''}`.toLowerCase();
    const near = Array.from(words).filter((word) => text.includes(word)).length + (fits.has(el) ? 100 : 0);
    if (el.name && want === 'click') options.push({ kind: 'css', text: `${el.tagName.toLowerCase()}[name="${CSS.escape(el.name)}"]` });
    if (near) options.push({ kind: 'css', text: placeOf(el), placed: true }); // better than not to be able to choose it
    const option = options.find((o) => alone(o.kind === 'css' ? { kind: 'css', value: o.text } : { kind: o.kind, text: { exact: o.text, flags: '' } }, el));
    if (!option) continue;
    named.push({ ...option, around: option.placed || (fits.has(el) && fits.size > 1) ? aroundOf(el, fits) : '', says: `${labelText(name) === '…' ? option.kind : labelText(name) || option.text} <${el.tagName.toLowerCase()}${el.name ? ` name=${el.name}` : ''}${el.id ? ` id=${el.id}` : ''}>`, near });
  }
  for (const says of new Set(named.map((one) => one.says))) { // in the order of the page
    const same = named.filter((one) => one.says === says);
    if (same.length > 1) same.forEach((one, i) => { one.says += `, number ${i + 1} of ${same.length} on the page`; });
  }
  named.sort((a, b) => b.near - a.near);
  return { status: 'found', candidates: named.slice(0, 8).map(({ kind, text, around, says }) => ({ kind, text, around, says })) };
});

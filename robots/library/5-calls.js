// What Go calls. Each answers with a status: found, or why not.

function attempt(work) {
  if (document.readyState === 'loading') return { status: 'loading' };
  try {
    return beyond(work());
  } catch (error) {
    if (error instanceof Unclear) return beyond({ status: error.status, detail: error.message });
    throw error;
  }
}

// beyond says of what was not found that a part of the page lies where nothing is looked for.
function beyond(answer) {
  if (answer.status !== 'none') return answer;
  const host = list(document, '*').find((el) => el.shadowRoot && visible(el));
  if (!host) return answer;
  return { ...answer, detail: `${answer.detail}; a part of the page lies in a shadow root (of ${host.tagName.toLowerCase()}), and robots do not look into one` };
}

function one(target, want) {
  const found = find(document.documentElement, target, want);
  if (found.length === 0) throw new Unclear('none', 'nothing on the page fits');
  const elements = Array.from(new Set(found.map((f) => acting(f.el, want))));
  if (elements.length > 1 || (want === 'read' && found.length > 1)) {
    throw new Unclear('many', `${Math.max(elements.length, found.length)} places fit: ${elements.slice(0, 3).map(describe).join(', ')}`);
  }
  return { el: elements[0], text: found[0].text };
}

// see counts what a target means now.
crosswalk.see = ({ target }) => attempt(() => ({ status: 'found', count: find(document.documentElement, target, 'see').length }));

// seeAll counts several targets at once; null is none.
crosswalk.seeAll = ({ targets }) => attempt(() => ({
  status: 'found',
  counts: targets.map((target) => {
    if (!target) return 0;
    try { return find(document.documentElement, target, 'see').length; } catch (error) { if (error instanceof Unclear) return error.status === 'none' ? 0 : 1; throw error; }
  }),
}));

// read returns the text of the one place that a target means.
crosswalk.read = ({ target }) => attempt(() => {
  const { el, text } = one(target, 'read');
  held = el;
  return { status: 'found', text: text ?? '', element: describe(el) };
});

// resolve settles on the one element to act on and says where the pointer must go.
crosswalk.resolve = async ({ target, want, option, print, shown, writes }) => {
  aimed = null; // what was aimed at before and not pressed
  const first = attempt(() => {
    const { el } = one(target, want);
    const refused = usable(el, want);
    if (refused) return refused;
    if (want === 'select' && optionsOf(el, option).length !== 1) return unclearOption(el, option);
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    return { status: 'found', el };
  });
  if (first.status !== 'found') return first;
  const { el } = first;
  if (want === 'click') {
    const before = boxOf(el);
    await frames(2);
    if (!el.isConnected) return { status: 'moving', detail: 'it was replaced' };
    if (JSON.stringify(before) !== JSON.stringify(boxOf(el))) return { status: 'moving', detail: `${describe(el)} is moving` };
  }
  const point = pointOf(el);
  if (point.status) return point;
  held = el;
  if (want === 'click' || want === 'tick') aim(el);
  return { status: 'found', x: point.x, y: point.y, outside: point.outside, climbed: point.climbed, element: describe(el), kept: browserKept.includes(el.type), lost: lostVoices(target, want), print: print ? printOf(el) : null, hints: print ? hintsOf(el) : null, shown: shown ? shownBeside(el) : null, field: writes && el.matches(fieldSelector) && el.type !== 'password' ? fieldOf(el, { id: idOf(el), value: '', acts: 0, spot: spotOf(el) }) : null, sender: writes && want === 'click' ? senderOf(el) : null };
};

// senderOf is the button of a form that a click falls on, with what the other buttons of its name send.
const sends = (el) => /^(INPUT|BUTTON)$/.test(el.tagName) && el.type === 'submit' && el.name;
function senderOf(el) {
  const button = el.closest('button, input');
  if (!button || !sends(button)) return null;
  const others = list(document, 'button, input').filter((other) => sends(other) && other.name === button.name && other.value !== button.value);
  return { name: button.name, value: button.value, others: others.slice(0, 200).map((other) => other.value) };
}

function usable(el, want) {
  if (el.matches(':disabled') || el.getAttribute('aria-disabled') === 'true') return { status: 'disabled', detail: `${describe(el)} is disabled` };
  if (want === 'fill') {
    if (!/^(INPUT|TEXTAREA)$/.test(el.tagName)) return { status: 'wrong', detail: `${describe(el)} is no field to type in` };
    if (el.readOnly) return { status: 'disabled', detail: `${describe(el)} is read-only` };
  }
  if (want === 'file') return null;
  if (want === 'select' && el.tagName !== 'SELECT') return { status: 'wrong', detail: `${describe(el)} is no list to select from` };
  return null;
}

const boxOf = (el) => { const b = el.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; };

const frames = (count) => new Promise((resolve) => {
  const late = setTimeout(resolve, 250); // pages that are not painted have no animation frames
  const next = () => (count-- > 0 ? requestAnimationFrame(next) : (clearTimeout(late), resolve()));
  next();
});

// pointOf is the middle of the element in the coordinates of the page, if nothing lies over it there.
function pointOf(el) {
  const box = el.getClientRects()[0] || el.getBoundingClientRect();
  const x = box.left + box.width / 2, y = box.top + box.height / 2;
  const hit = document.elementFromPoint(x, y);
  if (!hit || !(hit === el || el.contains(hit) || (hit.tagName === 'LABEL' && hit.contains(el)))) {
    return { status: 'covered', detail: `${describe(el)} is covered by ${hit ? describe(hit) : 'nothing that can be clicked'}` };
  }
  const out = outward(x, y);
  return out.status === 'found' ? { x: out.x, y: out.y, outside: out.outside, climbed: out.climbed } : out;
}

// loaded waits for the page's own "load", at which old pages put the cursor into a field of theirs: what is being typed
// would go there. A page that does not get there is waited for once.
let waited = false;
const loaded = () => new Promise((resolve) => {
  if (waited || document.readyState === 'complete') { resolve(); return; }
  const late = setTimeout(() => { waited = true; resolve(); }, 5000);
  window.addEventListener('load', () => { clearTimeout(late); setTimeout(resolve, 0); }, { once: true });
});

// type prepares the held field for typing; fields with a format of their own are set at once.
const browserKept = ['number', 'date', 'time', 'month', 'week', 'datetime-local', 'color', 'range'];
crosswalk.type = async ({ value, secret, acts }) => {
  const el = held;
  if (!secret) remember(el, value, acts);
  await loaded();
  el.focus();
  if (browserKept.includes(el.type)) {
    el.value = value;
    el.dispatchEvent(new Event('input', { bubbles: true }));
    el.dispatchEvent(new Event('change', { bubbles: true }));
    return { done: true };
  }
  el.select();
  if (el.value !== '') document.execCommand('delete');
  return { done: value === '' };
};

// holds compares what a field holds with what was meant to be in it.
crosswalk.holds = ({ value }) => {
  if (!held) return { gone: true }; // of another page
  const same = held.type === 'number' ? held.value !== '' && Number(held.value) === Number(value)
    : held.value.replace(/\r\n/g, '\n') === value.replace(/\r\n/g, '\n');
  return { same, held: held.type === 'password' ? '' : held.value };
};

crosswalk.blur = () => { if (held) held.blur(); return {}; };
crosswalk.focus = () => { held.focus(); return {}; };

// select chooses the one option with exactly this label or value.
const optionsOf = (el, value) => Array.from(el.options).filter((o) => plain(o.textContent) === plain(value) || o.value === value);
const unclearOption = (el, value) => ({
  status: optionsOf(el, value).length ? 'many' : 'none',
  detail: `the option "${value}"; options: ${Array.from(el.options).slice(0, 20).map((o) => fold(o.textContent)).join(', ')}`,
});
crosswalk.select = ({ value, acts }) => {
  const fits = optionsOf(held, value);
  if (fits.length !== 1) return unclearOption(held, value);
  if (fits[0].disabled) return { status: 'disabled', detail: 'the option is disabled' };
  held.selectedIndex = fits[0].index;
  held.dispatchEvent(new Event('input', { bubbles: true }));
  held.dispatchEvent(new Event('change', { bubbles: true }));
  remember(held, fold(fits[0].textContent), acts);
  return { status: held.selectedIndex === fits[0].index ? 'found' : 'wrong', field: held.multiple || !filled.has(held) ? null : fieldOf(held, filled.get(held)) };
};

// table reads the rows of the one table with these headings.
crosswalk.table = ({ headers, within, wrapped, paged }) => attempt(() => {
  const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
  const table = oneTable(root, headers);
  if (table.status !== 'found') return table;
  const more = unseen(table.found.table, paged);
  if (more) return { status: 'partly', detail: more };
  const rows = joinWrapped(dataRows(table.found, headers), headers.indexOf(wrapped));
  held = table.found.table;
  return {
    status: 'found', headings: table.found.texts.filter((text) => text),
    rows: rows.map((row) => ({ index: row.index, texts: row.texts })),
  };
});

// cell settles on a cell of the table read before, to click the link in it.
crosswalk.cell = async ({ headers, within, wrapped, index, header, texts }) => {
  const first = attempt(() => {
    const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
    const table = oneTable(root, headers);
    if (table.status !== 'found') return table;
    const row = joinWrapped(dataRows(table.found, headers), headers.indexOf(wrapped)).find((r) => r.index === index);
    if (!row || JSON.stringify(row.texts) !== JSON.stringify(texts)) return { status: 'none', detail: 'the list is not the one that was read before' };
    const el = acting(row.cells[headers.indexOf(header)], 'click');
    el.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    return { status: 'found', el };
  });
  if (first.status !== 'found') return first;
  await frames(2);
  const point = pointOf(first.el);
  if (point.status) return point;
  held = first.el;
  aim(held);
  return { status: 'found', x: point.x, y: point.y, outside: point.outside, climbed: point.climbed, element: describe(first.el) };
};

// still lets everything run that an event has put on the page's queue, such as the submit of a form.
crosswalk.still = () => new Promise((resolve) => setTimeout(() => setTimeout(() => resolve({}), 0), 0));

// mask hides what a picture must not show: passwords, texts that hold a secret, and what the robot names.
let masked = [];
const isMasked = (el) => el.style.getPropertyValue('visibility') === 'hidden' && el.style.getPropertyPriority('visibility') === 'important';
crosswalk.mask = ({ secrets, targets }) => {
  const texts = [], before = new Set(masked.map(([el]) => el).filter(isMasked));
  crosswalk.unmask(); // else it would be taken for what the page itself hides
  const hide = new Set(list(document, 'input[type=password]'));
  const holds = (text) => secrets.some((secret) => text.includes(secret));
  for (const el of list(document, '*')) {
    const own = Array.from(el.childNodes).filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.textContent).join('');
    if ([own, el.value, el.placeholder, el.alt].some((text) => typeof text === 'string' && holds(text))) hide.add(el);
  }
  const split = (el) => { // over elements beside each other, none of which holds it whole
    const inner = Array.from(el.children).filter((child) => holds(child.textContent));
    inner.length ? inner.forEach(split) : hide.add(el);
  };
  if (holds(document.documentElement.textContent)) split(document.documentElement);
  for (const target of targets || []) {
    try { for (const f of find(document.documentElement, target, 'read')) { hide.add(f.el); if (fold(f.text)) texts.push(fold(f.text)); } } catch (error) { if (!(error instanceof Unclear)) throw error; }
  }
  masked = Array.from(hide).map((el) => [el, el.style.getPropertyValue('visibility'), el.style.getPropertyPriority('visibility')]);
  for (const [el] of masked) el.style.setProperty('visibility', 'hidden', 'important');
  return { count: masked.length, texts, fresh: masked.filter(([el]) => !before.has(el)).length };
};

crosswalk.unmask = () => {
  for (const [el, value, priority] of masked) {
    if (!isMasked(el)) continue; // the page has changed it since
    value ? el.style.setProperty('visibility', value, priority) : el.style.removeProperty('visibility');
  }
  masked = [];
  return {};
};

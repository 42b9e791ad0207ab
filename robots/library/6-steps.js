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
crosswalk.tick = () => {
  const role = held.getAttribute('role');
  if (held.tagName === 'INPUT' && (held.type === 'checkbox' || held.type === 'radio')) return { status: 'found', on: held.checked, kind: held.type };
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

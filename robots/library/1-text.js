// What acts on a page runs here, in an isolated world: one call finds a target, checks it and says where
// to click. Elements never leave the page; `held` is the one that the last call settled on.
const crosswalk = globalThis.crosswalk = {};
let held = null;

const fold = (text) => (text || '').normalize('NFC').replace(/[\s\u00a0]+/g, ' ').trim();
const plain = (text) => fold(text).replace(/[\s:*]+$/, '');
// bare is a label without what says that the field must or may be filled in.
const markBehind = /(?:[:*\s]+|\s*[(\[]\s*(?:\*|optional|required|mandatory|erforderlich|pflicht|pflichtfeld|pflichtangabe|freiwillig|facultati(?:f|ve)|obligatoire|requise?|opcional|obligatori[oa]|requerid[oa]|facoltativ[oa]|obbligatori[oa]|optioneel|verplicht|obrigatóri[oa])\s*[)\]])$/i;
const bare = (text) => {
  for (let rest = fold(text).replace(/^[*\s]+/, ''); ; rest = text) {
    text = rest.replace(markBehind, '');
    if (text === rest) return text;
  }
};
const textOf = (el) => fold(el.innerText ?? el.textContent);
const list = (root, selector) => Array.from(root.querySelectorAll(selector));
const fieldSelector = 'input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=image]):not([type=reset]), select, textarea';
const buttonSelector = 'button, input[type=submit], input[type=button], input[type=image], input[type=reset], [role=button]';

function matches(text, wanted) {
  if (wanted.regex) return new RegExp(wanted.regex, wanted.flags).test(fold(text));
  return plain(text) === plain(wanted.exact);
}

const isLabel = (label, wanted) => (wanted.regex ? matches(label, wanted) : bare(label) === bare(wanted.exact));

function visible(el) {
  if (el.tagName === 'OPTION' || el.tagName === 'OPTGROUP') el = el.closest('select') || el;
  const style = getComputedStyle(el);
  if (style.visibility !== 'visible' || style.display === 'none') return false;
  const box = el.getBoundingClientRect();
  if (box.width > 0 && box.height > 0) return true;
  return el.getClientRects().length > 0 && Array.from(el.children).some(visible);
}

function describe(el) {
  const parts = [el.tagName.toLowerCase()];
  for (const name of ['type', 'name', 'id']) if (el.getAttribute(name)) parts.push(`${name}=${el.getAttribute(name)}`);
  const text = nameOf(el) || textOf(el);
  return `<${parts.join(' ')}>${text ? ` "${text.slice(0, 60)}"` : ''}`;
}

// nameOf is what a person would call a button or link.
function nameOf(el) {
  const labelled = (el.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean)
    .map((id) => el.ownerDocument.getElementById(id)).filter(Boolean).map(textOf).join(' ');
  if (labelled) return labelled;
  if (el.getAttribute('aria-label')) return fold(el.getAttribute('aria-label'));
  if (el.tagName === 'INPUT' && ['submit', 'button', 'reset'].includes(el.type)) return fold(el.value);
  const image = el.tagName === 'INPUT' || el.tagName === 'IMG' ? el : el.querySelector('img[alt]');
  return textOf(el) || (image ? fold(image.getAttribute('alt')) : '') || fold(el.getAttribute('title'));
}

// What the robot has put into fields must still be there when it is sent, and a click must land where it was aimed.

const filled = new Map(); // field -> what was put in, and how many further steps there had been
let acts = 0;
const remember = (el, value) => filled.set(el, { value, acts });

// filled are the fields of this document that the robot has filled in, as they are now.
crosswalk.filled = () => {
  const forms = Array.from(document.forms);
  const fields = [];
  for (const [el, put] of filled) {
    if (!el.isConnected || el.disabled || el.type === 'password' || el.multiple) continue;
    const twin = el.form && el.name ? Array.from(el.form.elements).find((other) => other !== el && other.name === el.name && !other.disabled && other.value !== '' && other.value !== el.value &&
      (other.type === 'hidden' || (other.matches(fieldSelector) && !visible(other)))) : null;
    fields.push({ element: describe(el), name: el.name, value: put.value, held: el.tagName === 'SELECT' ? valueOf(el) : el.value, sends: el.value, later: acts > put.acts, form: forms.indexOf(el.form), twin: twin ? twin.value : '' });
  }
  return { fields };
};

// elsewhere finds another field that is called now what the held one was called before.
crosswalk.elsewhere = ({ name, label }) => {
  const other = list(document, fieldSelector).find((el) => el !== held && visible(el) && ((name && undigit(el.name) === name) || (label && labelText(labelsOf(el)[0] || '') === label)));
  return { element: other ? describe(other) : '' };
};

let aimed = null, strayed = '';
const looks = (el) => [describe(el), el.getAttribute('href') || '', el.getAttribute('value') || '', textOf(el.closest('tr') || el)].join('\n');

// aim has the next events of the mouse go to this element only: what a page puts in its place meanwhile is not pressed.
function aim(el) {
  acts++;
  strayed = '';
  aimed = { el, was: looks(el) };
}

function guard(event) {
  if (!aimed || !event.isTrusted || !(event.target instanceof Element)) return;
  const { el, was } = aimed, label = event.target.closest('label');
  if (el.contains(event.target) || event.target.contains(el) && event.target.tagName === 'LABEL') return;
  if (label && label.control === el || el.tagName === 'LABEL' && el.control === event.target) return;
  if (!el.isConnected && looks(event.target.closest(`a, label, ${buttonSelector}`) || event.target) === was) return; // drawn anew
  event.preventDefault();
  event.stopImmediatePropagation();
  strayed = strayed || describe(event.target);
}
for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'dblclick']) window.addEventListener(kind, guard, true);

// landed says where a click went instead, if it did.
crosswalk.landed = () => {
  aimed = null;
  return { strayed };
};

// further finds what leads to more pages of a list under another name than the robot knows.
const onwards = /^(next|next page|more|show more|load more|weiter|vor|nächste|nächste seite|mehr|mehr anzeigen|suivante?|page suivante|siguiente|successiva|avanti|volgende|[>›»→]{1,2}|2)$/i;
crosswalk.further = () => attempt(() => {
  const more = list(document, `a[href], a[onclick], ${buttonSelector}`).find((el) => visible(el) && usable(el, 'click') === null && !(el === held || held?.contains(el) && !el.closest('tfoot')) &&
    (el.getAttribute('rel') === 'next' || onwards.test(nameOf(el).replace(/^(.+?)\s*[>›»→]+$/, '$1'))));
  return { status: 'found', element: more ? describe(more) : '' };
});

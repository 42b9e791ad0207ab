// What the robot has put into fields must still be there when it is sent, and a click must land where it was aimed.

const filled = new Map(); // field -> what was put in, and how many clicks and keys of the run there had been
const ids = new WeakMap();
let put = 0;
const idOf = (el) => ids.get(el) || (ids.set(el, ++put), put);
// Where nothing is sent, acts is null and nothing is remembered.
const remember = (el, value, acts) => acts !== null && filled.set(el, { value, acts, id: idOf(el), element: describe(el), spot: spotOf(el), must: isFile(el) && !!el.name && !!el.form && !el.disabled });
const isFile = (el) => el.tagName === 'INPUT' && el.type === 'file';
const namesIn = (el) => Array.from(el.files || []).map((file) => file.name);
const isBox = (el) => el.tagName === 'INPUT' && (el.type === 'checkbox' || el.type === 'radio');
function rememberTick(el, on, acts) {
  // Of several choices the last one counts.
  for (const other of filled.keys()) if (el.type === 'radio' && other.type === 'radio' && other.name === el.name && other.form === el.form) filled.delete(other);
  remember(el, String(on), acts);
}
crosswalk.becomes = () => { if (filled.has(held)) filled.get(held).any = true; return {}; };
crosswalk.forget = () => { filled.clear(); return {}; };

// spotOf tells a field apart from the others of its document: by its name, else its label, and by its place among those that
// are called the same.
function spotOf(el) {
  const spot = { tag: el.tagName, type: el.type, name: el.name, label: bare(labelsOf(el)[0] || ''), id: el.id, box: isBox(el) ? el.value : '' };
  const all = alikeAt(spot);
  return { ...spot, index: all.indexOf(el), count: all.length };
}
function alikeAt(spot) {
  if (!spot.name && !spot.label && !spot.id) return [];
  return list(document, fieldSelector).filter((el) => el.tagName === spot.tag && el.type === spot.type && (isFile(el) || visible(el)) && (!spot.box || el.value === spot.box) &&
    (spot.name ? el.name === spot.name : spot.label ? bare(labelsOf(el)[0] || '') === spot.label : el.id === spot.id));
}

// atSpot is the field at a spot of this document. Where there are more or fewer of its name than there were, it is the one that
// holds the value, if any does.
function atSpot(spot, value) {
  const all = alikeAt(spot);
  return all.length === spot.count ? all[spot.index] : all.find((el) => (isFile(el) ? namesIn(el).join('\n') : valueOf(el)) === value) || null;
}

// carry has a document that has taken the place of another know what was put into a field of that one, if it has the field,
// or hands the value on in a hidden one. A box that is not there is not ticked. To look is not to have it known.
crosswalk.carry = ({ spot, value, sends, acts, look }) => {
  let el = atSpot(spot, value), wanted = value;
  const file = spot.type === 'file';
  if (!el && spot.name && !file) {
    const hidden = list(document, 'input[type=hidden]').filter((other) => other.name === spot.name);
    el = hidden.find((other) => other.value === sends) || hidden[0];
    wanted = sends || value;
  }
  if (!el) return { there: spot.box !== '' && value === 'false', shows: file && showsAll(value) };
  const put = filled.get(el);
  remember(el, wanted, acts);
  const field = fieldOf(el, filled.get(el));
  if (look) put ? filled.set(el, put) : filled.delete(el);
  return { there: true, shows: file && showsAll(value, el), field };
};

// again is the field itself, or what the page has put in its place since: a field at its spot, or, if nothing was clicked
// meanwhile, whatever sends something under its name.
function again(el, put, acts) {
  if (el.isConnected) return el;
  const at = atSpot(put.spot, put.value);
  if (at && (acts === put.acts || isBox(at) || bare(labelsOf(at)[0] || '') === put.spot.label)) return at;
  const named = put.spot.name && acts === put.acts ? list(document, 'input, select, textarea').filter((other) => other.name === put.spot.name && !isBox(other)) : [];
  return named.length === 1 ? named[0] : null;
}

// shows says whether the page has kept a value in some other way.
const shows = (value, but) => value !== '' && (textOf(document.body).includes(value) || list(document, 'input, textarea').some((el) => el !== but && el.value.includes(value)));

const showsAll = (names, but) => names.split('\n').every((name) => shows(name, but));

// twinsOf are the other fields that send something under the name of the one that is seen. Of several that are seen, and of
// rows that are kept as a pattern for further ones, it cannot be told which is meant.
function twinsOf(el) {
  if (!el.form || !el.name || el.name.endsWith('[]')) return [];
  const others = Array.from(el.form.elements).filter((other) => other !== el && other.name === el.name && !other.disabled && !(el.type === 'radio' && other.type === 'radio'));
  if (others.some((other) => other.matches(fieldSelector) && visible(other))) return [];
  return others.filter((other) => {
    if (other.value === '' || other.value === el.value || (/^(checkbox|radio)$/.test(other.type) && !other.checked)) return false;
    const row = other.closest('tr, li, fieldset, [class*="row" i], [class*="template" i]');
    if (row && !row.contains(el) && !visible(row)) return false;
    return other.type === 'hidden' || other.matches(fieldSelector);
  }).map((other) => other.value);
}

// othersOf is what the form sends under the name of a box beside the box itself.
const othersOf = (el) => Array.from(el.form ? el.form.elements : []).filter((other) => other !== el && other.name === el.name && !other.disabled && (!isBox(other) || other.checked)).map((other) => other.value);

// fieldOf is a field that the robot has filled in, as it is now. One that is disabled is sent by no form.
function fieldOf(el, put) {
  const select = el.tagName === 'SELECT', box = isBox(el);
  const first = select ? Array.from(el.options).find((o) => o.defaultSelected) || el.options[0] : null;
  return {
    id: put.id, element: describe(el), name: el.name, value: put.value, held: isFile(el) ? namesIn(el).join('\n') : select || box ? valueOf(el) : el.value, sends: el.value, acts: put.acts, form: el.disabled ? -1 : Array.from(document.forms).indexOf(el.form),
    initial: select ? fold(first ? first.textContent : '') : box ? String(el.defaultChecked) : el.defaultValue, twins: el.type === 'checkbox' || el.disabled ? [] : twinsOf(el), others: box ? othersOf(el) : [], kind: el.type, list: select, box,
    any: put.any === true, must: put.must === true, spot: put.spot, charset: (el.form && el.form.acceptCharset) || document.characterSet,
  };
}

// filled are the fields of this document that the robot has filled in.
crosswalk.filled = ({ acts }) => {
  const fields = [];
  for (const [was, put] of filled) {
    const el = again(was, put, acts);
    if (isFile(was)) {
      fields.push({ ...fieldOf(el || was, put), gone: !el, taken: showsAll(put.value, el) });
      continue;
    }
    if (el && el.type !== 'password' && !el.multiple) fields.push({ ...fieldOf(el, put), anew: el !== was, taken: el !== was && shows(put.value, el) });
    if (!el && acts === put.acts && !isBox(was) && !shows(put.value)) fields.push({ id: put.id, element: put.element, value: put.value, gone: true, any: put.any === true });
  }
  return { fields };
};

// intended is the held field as it will be when a value is put in.
crosswalk.intended = ({ value, acts }) => {
  const option = held.tagName === 'SELECT' ? optionsOf(held, value)[0] : null;
  remember(held, option ? fold(option.textContent) : value, acts);
  const field = fieldOf(held, filled.get(held));
  return { ...field, held: field.value, sends: option ? option.value : value };
};

// elsewhere finds another field that is called now what the held one was called before.
crosswalk.elsewhere = ({ name, label }) => {
  const labelled = (el) => !!label && bare(labelText(labelsOf(el)[0] || '')) === bare(label);
  const other = list(document, fieldSelector).find((el) => el !== held && visible(el) && ((name && undigit(el.name) === name) || labelled(el)));
  return { element: other ? describe(other) : '' };
};

let aimed = null, pressed = false, strayed = '';
const looks = (el) => [describe(el), el.getAttribute('href') || '', el.getAttribute('value') || '', textOf(el.closest('tr') || el)].join('\n');

// aim has the next events of the mouse go to this element only: what a page puts in its place meanwhile is not pressed.
function aim(el) {
  strayed = '';
  pressed = false;
  aimed = { el, was: looks(el) };
}

function guard(event) {
  if (!aimed || !event.isTrusted || !(event.target instanceof Element)) return;
  if (event.type === 'click' && event.detail === 0) return; // of a key
  if (event.type === 'pointerdown') pressed = false;
  if (isAimed(event.target)) {
    pressed = pressed || event.type.endsWith('down');
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!pressed) strayed = strayed || describe(event.target); // what the press itself has put there, such as a veil, is nobody's trick
}

function isAimed(target) {
  const { el, was } = aimed, label = target.closest('label');
  if (el.contains(target) || target.contains(el) && target.tagName === 'LABEL') return true;
  if (label && label.control === el || el.tagName === 'LABEL' && el.control === target) return true;
  return !el.isConnected && looks(target.closest(`a, label, ${buttonSelector}`) || target) === was; // drawn anew
}
for (const kind of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'dblclick']) window.addEventListener(kind, guard, true);

// landed says where a click went instead, if it did.
crosswalk.landed = () => {
  aimed = null;
  return { strayed };
};

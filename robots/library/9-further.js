// A list without the link to its next page may have another one to further pages. On a page that people can use there is much
// else that is called "2", "»" or "Next": where it cannot be told, there is none.

const nextWord = /^(next|next page|show more|load more|weiter|vor|nächste|nächste seite|mehr anzeigen|mehr laden|suivante?|page suivante|siguiente|successiva|avanti|volgende)$/i;
const nextArrow = /^[>›»→]{1,2}$/;
const pagerWord = /^(\d+|…|\.\.\.|[<>‹›«»←→|]{1,2}|first|last|prev|previous|previous page|back|erste|letzte|zurück|vorige|vorherige|vorherige seite|première|dernière|précédente?|anterior|precedente|vorige)$/i;
const clickable = `a[href], a[onclick], ${buttonSelector}`;
const wordOf = (el) => nameOf(el).replace(/^(.+?)\s*[>›»→]+$/, '$1').replace(/^[<‹«←]+\s*(.+)$/, '$1');
const isPager = (el) => !!el.querySelector('[rel=next]') || list(el, clickable).every((link) => pagerWord.test(wordOf(link)) || nextWord.test(wordOf(link)));

// ownBlock is what is around a table, up to what holds other tables or the ways through the application too.
function ownBlock(table) {
  const others = list(document, 'table, nav, [role=navigation], [role=menu], [role=menubar], [role=tablist], [role=grid]')
    .filter((other) => !table.contains(other) && !other.contains(table) && visible(other) && !((other.tagName !== 'TABLE' || other.rows.length <= 2) && isPager(other)));
  let block = table;
  while (block.parentElement && !others.some((other) => block.parentElement.contains(other))) block = block.parentElement;
  return block;
}

// besideOf are the texts of what stands together with a link and not with the table, cut where elements begin and end, and
// where among them the link's own is.
function besideOf(el, table) {
  let area = table.contains(el) ? el.closest('tfoot') : el;
  while (!area.parentElement.contains(table)) area = area.parentElement;
  const roots = area === el ? Array.from(el.parentNode.childNodes).filter((node) => !node.contains(table)) : [area];
  const texts = [];
  let own = -1;
  for (const root of roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = root.nodeType === Node.TEXT_NODE ? root : walker.nextNode(); node; node = walker.nextNode()) {
      const text = fold(node.textContent).replace(/^[\s|[(·•,-]+|[\s|\])·•,-]+$/g, '');
      if (el.contains(node) && own < 0) own = texts.length;
      if (text) texts.push({ text, node });
    }
  }
  return { texts, own };
}

const isCurrent = (node) => {
  const link = node.parentElement.closest('a[href], button');
  return !link || !!node.parentElement.closest('[aria-current]:not([aria-current=false]), .active, .current, .selected');
};

// tellsMore says that a text counts pages or rows, and there are more: "page 1 of 3", "1 - 20 of 57".
function tellsMore(text) {
  if (/step|schritt|étape|paso|passo|stap/i.test(text)) return false;
  const of = '\\s*(?:of|von|sur|de|di|van|out of|/)\\s*';
  const rows = text.match(new RegExp(`(?:^|\\D)1\\s*(?:-|–|to|bis|à|a)\\s*(\\d+)${of}(\\d+)(?![\\d./-])`, 'i'));
  if (rows) return Number(rows[2]) > Number(rows[1]);
  const pages = text.match(new RegExp(`(?:^|[^\\d./-])1${of}(\\d+)(?!\\s*[\\d./-])`, 'i'));
  return !!pages && Number(pages[1]) > 1;
}

// leadsToPages says whether an address is another page of this list, by its words.
function leadsToPages(el) {
  const href = el.getAttribute('href');
  if (!href) return false;
  if (/^(#|javascript:)/i.test(href)) return /page\$(2|next)/i.test(href);
  let to;
  try { to = new URL(href, location.href); } catch { return false; }
  if (to.origin !== location.origin || to.href.split('#')[0] === location.href.split('#')[0]) return false;
  return /([?&;](page|p|pg|pageno|page_?num(ber)?|seite|start|offset|skip|from|cursor|after)=|\/(page|seite)\/?)[^&/]*/i.test(to.pathname + to.search);
}

const isOff = (el, table) => {
  const off = el.closest('[class*=disabled i], [aria-disabled=true]');
  return !!off && !off.contains(table);
};

function leadsOn(el, table) {
  const word = wordOf(el), { texts, own } = besideOf(el, table);
  const numbers = texts.filter(({ text }) => /^\d{1,4}$/.test(text));
  if (word === '2') {
    if (numbers.length === 1) return leadsToPages(el);
    const before = own > 0 ? texts[own - 1] : null;
    return numbers.length < 28 && !!before && /(^|\D)1$/.test(before.text) && isCurrent(before.node); // else a calendar
  }
  if (!nextArrow.test(word) && !nextWord.test(word)) return el.getAttribute('rel') === 'next' && /^\S+( \S+)?$/.test(word);
  return el.getAttribute('rel') === 'next' || leadsToPages(el) || tellsMore(texts.map(({ text }) => text).join(' '));
}

// further finds what leads to more pages of a list under another name than the robot knows.
crosswalk.further = ({ headers, within }) => attempt(() => {
  const root = within ? single(find(document.documentElement, within, 'see'), 'the place given by in').el : document.documentElement;
  const answer = oneTable(root, headers);
  if (answer.status !== 'found') return { status: 'found', element: '' };
  const table = answer.found.table, block = ownBlock(table);
  const more = list(block, clickable).find((el) => visible(el) && usable(el, 'click') === null && !isOff(el, table) &&
    (!table.contains(el) || el.closest('tfoot')) && !(el.form && /^(submit|image|reset)$/.test(el.type)) && leadsOn(el, table));
  return { status: 'found', element: more ? describe(more) : '' };
});

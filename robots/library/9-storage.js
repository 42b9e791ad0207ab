// What the origin of a document keeps in the browser, where applications of one page keep their login.

const keptIn = (storage) => {
  const items = {};
  for (let i = 0; i < storage.length; i++) {
    const name = storage.key(i), value = storage.getItem(name);
    if (name.isWellFormed() && value.isWellFormed()) Object.defineProperty(items, name, { value, enumerable: true }); // a text, and no bytes in the dress of one
  }
  return items;
};

// storage is what the document's origin keeps, if that is no more than so many characters; a document may be allowed none.
crosswalk.storage = ({ most }) => {
  try {
    const local = keptIn(localStorage), session = keptIn(sessionStorage);
    const size = [local, session].flatMap((items) => Object.entries(items)).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    return size > most ? { status: 'large' } : { status: 'found', local, session };
  } catch { return { status: 'none' }; }
};

// keep makes it what it is given, and nothing else.
crosswalk.keep = ({ local, session }) => {
  for (const [storage, items] of [[localStorage, local], [sessionStorage, session]]) {
    storage.clear();
    for (const [name, value] of Object.entries(items || {})) storage.setItem(name, value);
  }
  return {};
};

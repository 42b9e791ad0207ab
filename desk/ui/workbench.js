// The workbench: a rule table as a grid. What is typed is checked by the server as it is typed, and kept as a draft; the
// file is written only by "Save to workspace". Nothing of the table is ever put into the page as HTML.
(() => {
  const bench = document.getElementById("bench");
  if (!bench) return;
  const at = (id) => document.getElementById(id);
  const address = "/api/rules/" + encodeURIComponent(bench.dataset.table);
  let table = { head: "", header: [], rows: [], above: [], below: "" };
  let kinds = [], facts = [], canSave = false;
  const past = [], future = [];
  const most = 200; // steps that can be taken back

  const make = (tag, attributes, ...content) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...content);
    return element;
  };
  const say = (message) => { at("said").textContent = message || ""; at("said").hidden = !message; };
  const state = (text) => { at("state").textContent = text; };
  const ask = async (act, body) => {
    const answer = await fetch(address + act, body === undefined ? { headers: { Accept: "application/json" } }
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const document = await answer.json().catch(() => ({ error: "The desk does not answer." }));
    if (!answer.ok) throw new Error(document.error || answer.statusText);
    return document;
  };
  const copy = () => JSON.parse(JSON.stringify(table));
  const remember = () => {
    past.push(copy());
    if (past.length > most) past.shift();
    future.length = 0;
    buttons();
  };
  const buttons = () => { at("undo").disabled = past.length === 0; at("redo").disabled = future.length === 0; };
  const travel = (from, to) => {
    if (from.length === 0) return;
    const { row, column } = document.activeElement.dataset;
    to.push(copy());
    table = from.pop();
    draw();
    if (row !== undefined) focus(Number(row), column || 0);
    buttons();
    changed();
  };

  // One timer for checking and one for keeping: what is typed meanwhile waits for the next.
  let checking = 0, keeping = 0, asked = 0, kept = Promise.resolve();
  const changed = () => {
    state("changed");
    clearTimeout(checking);
    clearTimeout(keeping);
    checking = setTimeout(check, 300);
    keeping = setTimeout(keep, 1000);
  };
  const check = async () => {
    const mine = ++asked;
    try {
      const found = await ask("/check", { table });
      if (mine === asked) show(found);
    } catch (error) { say(error.message); }
  };
  const keep = () => {
    keeping = 0;
    const content = { table: copy() };
    kept = kept.then(() => ask("/draft", content)).then(() => { if (!keeping) state("draft kept"); }, (error) => say(error.message));
    return kept;
  };

  const columnName = (i) => table.header[i] || "column " + (i + 1);
  const rowName = (r) => {
    const id = table.header.indexOf("id");
    return (id >= 0 && table.rows[r] && table.rows[r][id]) || "number " + (r + 1);
  };
  const input = (r, c) => {
    const field = make("input", { value: table.rows[r][c] || "", "aria-label": "Row " + rowName(r) + ", " + columnName(c), spellcheck: "false", autocomplete: "off" });
    field.dataset.row = r;
    field.dataset.column = c;
    field.size = Math.max(6, Math.min(32, (table.rows[r][c] || "").length + 1));
    return field;
  };
  const draw = () => {
    at("head").value = table.head;
    const heading = make("tr", {});
    table.header.forEach((name, i) => heading.append(make("th", { scope: "col", class: kinds[i] || "" }, name)));
    heading.append(make("th", { scope: "col" }, make("span", { class: "hidden" }, "What can be done")));
    at("grid").tHead.replaceChildren(heading);
    const body = document.createDocumentFragment();
    table.rows.forEach((row, r) => {
      const line = make("tr", {});
      table.header.forEach((_, c) => line.append(make("td", {}, input(r, c))));
      const acts = make("td", { class: "acts" });
      for (const [act, sign, words] of [["up", "↑", "Move up"], ["down", "↓", "Move down"], ["repeat", "+", "Repeat"], ["remove", "✕", "Take out"]]) {
        const button = make("button", { type: "button", class: "quiet", "aria-label": words + " row " + rowName(r), title: words }, sign);
        button.dataset.act = act;
        button.dataset.row = r;
        acts.append(button);
      }
      line.append(acts);
      body.append(line);
    });
    at("grid").tBodies[0].replaceChildren(body);
  };
  const cell = (r, c) => at("grid").querySelector(`input[data-row="${r}"][data-column="${c}"]`);
  const focus = (r, c) => { const field = cell(Math.max(0, Math.min(r, table.rows.length - 1)), c); if (field) field.focus(); };

  const show = (found) => {
    say("");
    if (found.ok) { kinds = found.kinds; if (JSON.stringify(facts) !== JSON.stringify(found.facts)) { facts = found.facts; drawFacts(); } }
    for (const field of at("grid").querySelectorAll("[aria-invalid]")) { field.removeAttribute("aria-invalid"); field.removeAttribute("title"); field.removeAttribute("aria-describedby"); }
    [...at("grid").tHead.rows[0].cells].forEach((heading, i) => { heading.className = kinds[i] || ""; });
    const list = at("problems");
    list.replaceChildren();
    found.problems.forEach((problem, i) => {
      let words = problem.message + (problem.hint ? " (" + problem.hint + ")" : "");
      const item = make("li", { id: "problem-" + i, class: problem.severity === "error" ? "bad" : "warn" });
      const field = problem.row !== undefined ? cell(problem.row, problem.column) : undefined;
      if (field) {
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("title", words);
        field.setAttribute("aria-describedby", item.id);
        const link = make("button", { type: "button", class: "link" }, "row " + rowName(problem.row) + ", " + columnName(problem.column));
        link.addEventListener("click", () => field.focus());
        item.append(link, ": ");
        words = words.replace("row " + rowName(problem.row) + ", " + columnName(problem.column) + ": ", "");
      } else if (problem.line) item.append("line " + problem.line + " above the rows: ");
      item.append(words);
      list.append(item);
    });
    for (const finding of found.findings || []) list.append(make("li", { class: finding.severity === "error" ? "bad" : "warn" }, finding.message + (finding.hint ? " (" + finding.hint + ")" : "")));
    if (list.children.length === 0) list.append(make("li", { class: "good" }, "Nothing is wrong."));
    if (canSave && at("save")) at("save").disabled = !found.ok;
  };

  const act = (what, r) => {
    const row = table.rows[r], above = table.above || (table.above = []);
    const column = document.activeElement.dataset.column || 0;
    remember();
    while (above.length < table.rows.length) above.push("");
    if (what === "add") { table.rows.splice(r + 1, 0, table.header.map(() => "")); above.splice(r + 1, 0, ""); r++; }
    if (what === "repeat") { table.rows.splice(r + 1, 0, row.map((text, c) => table.header[c] === "id" ? free(text) : text)); above.splice(r + 1, 0, ""); r++; }
    if (what === "remove") { table.rows.splice(r, 1); above.splice(r, 1); }
    const to = what === "up" ? r - 1 : r + 1;
    if ((what === "up" || what === "down") && to >= 0 && to < table.rows.length) {
      [table.rows[r], table.rows[to]] = [table.rows[to], table.rows[r]];
      [above[r], above[to]] = [above[to], above[r]];
      r = to;
    }
    draw();
    focus(r, column);
    changed();
  };
  // An id is never used twice.
  const free = (id) => {
    const column = table.header.indexOf("id");
    const taken = new Set(table.rows.map((row) => row[column]));
    for (let n = 2; ; n++) if (!taken.has(id + "-" + n)) return id + "-" + n;
  };

  const grid = at("grid");
  let before = null; // the table as it was when a cell was entered
  grid.addEventListener("focusin", (event) => { if (event.target.matches("input")) before = copy(); });
  grid.addEventListener("input", (event) => {
    const { row, column } = event.target.dataset;
    if (before) { past.push(before); if (past.length > most) past.shift(); future.length = 0; before = null; buttons(); }
    table.rows[row][column] = event.target.value;
    changed();
  });
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button) act(button.dataset.act, Number(button.dataset.row));
  });
  grid.addEventListener("keydown", (event) => {
    if (!event.target.matches("input")) return;
    const r = Number(event.target.dataset.row), c = event.target.dataset.column;
    const step = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[event.key];
    const altered = { ArrowUp: "up", ArrowDown: "down", Insert: "add", Delete: "remove", d: "repeat" }[event.key];
    if (event.altKey && altered) act(altered, r);
    else if (!event.altKey && step) focus(r + step, c);
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest("#try, #backtest, #head")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) travel(past, future);
    else if (key === "y" || key === "z") travel(future, past);
    else return;
    before = null;
    event.preventDefault();
  });
  at("undo").addEventListener("click", () => travel(past, future));
  at("redo").addEventListener("click", () => travel(future, past));
  at("add").addEventListener("click", () => act("add", table.rows.length - 1));
  at("head").addEventListener("focus", remember);
  at("head").addEventListener("input", () => { table.head = at("head").value; changed(); });

  const drawFacts = () => {
    const written = new Map([...at("facts").querySelectorAll("[name]")].map((field) => [field.name, field.value]));
    at("facts").replaceChildren();
    for (const fact of facts) {
      const id = "fact-" + fact.path;
      at("facts").append(make("label", { for: id }, (fact.title || fact.path) + " ", make("small", {}, (fact.required ? "" : "may be missing, ") + fact.type)));
      let field;
      const choices = fact.enum || (fact.type === "boolean" ? ["true", "false"] : null);
      if (choices) {
        field = make("select", { id, name: fact.path }, make("option", { value: "" }, ""));
        for (const one of choices) field.append(make("option", { value: one }, one));
      } else if (fact.type === "list" || fact.type === "record" || fact.type === "any") field = make("textarea", { id, name: fact.path, rows: 2, spellcheck: "false", placeholder: fact.type === "list" ? "JSON: [ ]" : "JSON: { }" });
      else field = make("input", { id, name: fact.path, type: fact.type === "date" ? "date" : "text", inputmode: fact.type === "number" ? "decimal" : undefined });
      field.value = written.get(fact.path) || "";
      at("facts").append(field);
    }
  };
  // The facts as JSON text: numbers stay exactly as they were typed.
  const factsText = () => {
    const tree = {};
    for (const fact of facts) {
      const field = at("facts").querySelector(`[name="${CSS.escape(fact.path)}"]`);
      const text = field.value.trim();
      if (text === "") continue;
      let value = JSON.stringify(text);
      if (fact.type === "number" && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) value = text;
      if (fact.type === "boolean" || fact.type === "list" || fact.type === "record" || fact.type === "any") value = text;
      let place = tree;
      const keys = fact.path.split(".");
      for (const key of keys.slice(0, -1)) place = place[key] = place[key] || {};
      place[keys.at(-1)] = { value };
    }
    const write = (node) => "value" in node && typeof node.value === "string" ? node.value
      : "{" + Object.entries(node).map(([key, inner]) => JSON.stringify(key) + ":" + write(inner)).join(",") + "}";
    return write(tree);
  };
  at("try").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const e = await ask("/try", { table, facts: factsText() });
      const list = make("table", { class: "grid rows" }, make("thead", {}, make("tr", {}, make("th", {}, "Row"), make("th", {}, "Why, or why not"))), make("tbody", {}));
      for (const row of e.rows) list.tBodies[0].append(make("tr", { class: row.verdict }, make("th", {}, row.row), make("td", {}, row.text)));
      const near = make("ul", { class: "near" });
      for (const one of e.near_misses) near.append(make("li", { class: one.changes ? "changes" : "" }, one.text));
      at("explained").replaceChildren(make("p", { class: e.error ? "bad" : "notice" }, e.text), make("div", { class: "scroll" }, list));
      if (e.near_misses.length > 0) at("explained").append(make("p", { class: "soft" }, "One value away:"), near);
    } catch (error) { at("explained").replaceChildren(make("p", { class: "bad" }, error.message)); }
  });
  const result = (one) => one.error ? "no decision: " + one.error : "row " + one.row + " " + JSON.stringify(one.outputs);
  at("backtest").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("flips").replaceChildren(make("p", { class: "soft" }, "Deciding again …"));
    try {
      const { report, cut } = await ask("/backtest", { table, from: at("from").value, to: at("to").value });
      const all = [make("p", { class: "notice" }, report.decisions === 0 ? "No decision of this table is recorded in this time."
        : report.decisions + " decisions: " + report.same + " the same, " + report.flipped + " change" + (report.failed ? ", " + report.failed + " cannot be evaluated any more" : "") + (cut ? ". There are more: choose a shorter time, or use crosswalk rules backtest" : ""))];
      for (const group of [...report.groups, ...report.failures]) {
        const cases = make("p", { class: "soft" });
        group.examples.forEach((one, i) => cases.append(i ? ", " : "", make("a", { href: "/cases/" + encodeURIComponent(one.case) }, (one.reference || one.case) + (one.value ? " (" + one.value + ")" : ""))));
        all.push(make("div", { class: "panel slim" }, make("strong", {}, String(group.count)), group.reason ? ": cannot be evaluated: " + group.reason : ": " + result(group.from) + " → " + result(group.to) + (group.total ? "; " + report.value + ": " + group.total : ""), cases));
      }
      at("flips").replaceChildren(...all);
    } catch (error) { at("flips").replaceChildren(make("p", { class: "bad" }, error.message)); }
  });

  at("test").addEventListener("click", async () => {
    try {
      const { tests, problems } = await ask("/tests", { table });
      const failed = tests.filter((one) => !one.ok);
      const list = make("ul", {});
      for (const text of problems) list.append(make("li", { class: "bad" }, text));
      for (const one of failed) list.append(make("li", { class: "bad" }, one.id + (one.note ? " (" + one.note + ")" : "") + ": " + one.failures.join("; ")));
      at("tested").replaceChildren(make("p", { class: failed.length + problems.length ? "bad" : "good" }, tests.length === 0 ? "There are no tests beside this table." : (tests.length - failed.length) + " of " + tests.length + " tests passed"), list);
    } catch (error) { at("tested").replaceChildren(make("p", { class: "bad" }, error.message)); }
  });

  at("upload").addEventListener("change", async () => {
    const file = at("upload").files[0];
    at("upload").value = "";
    if (!file) return;
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
      const answer = await ask("/upload", { file: file.name, content: btoa(text) });
      remember();
      table = answer.table;
      draw();
      show(answer.check);
      changed();
    } catch (error) { say(error.message); }
  });
  for (const button of document.querySelectorAll("[data-download]")) button.addEventListener("click", async () => {
    try {
      const { file, content } = await ask("/download/" + button.dataset.download, { table });
      const link = make("a", { href: "data:application/octet-stream;base64," + content, download: file });
      link.click();
    } catch (error) { say(error.message); }
  });
  at("discard").addEventListener("click", async () => {
    clearTimeout(keeping);
    clearTimeout(checking);
    try { await kept; await ask("/discard", {}); past.length = future.length = 0; buttons(); await load(); } catch (error) { say(error.message); }
  });
  if (at("save")) at("save").addEventListener("click", async () => {
    clearTimeout(keeping);
    try { await kept; const { saved } = await ask("/save", { table }); say(""); state("saved to " + saved); } catch (error) { say(error.message); }
  });
  const load = async () => {
    const answer = await ask("");
    table = answer.table;
    canSave = answer.can_save;
    kinds = answer.check.kinds;
    draw();
    show(answer.check);
    state(answer.drafted ? "your draft" : "as in the file");
  };
  load().catch((error) => { say(error.message); state("not loaded"); });
})();

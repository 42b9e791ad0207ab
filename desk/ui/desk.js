// A page that says data-live is brought up to date when its case changes. Without scripts it is still complete when
// it is loaded again.
(() => {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  const source = new EventSource(live.dataset.live);
  source.addEventListener("changed", async () => {
    if (document.activeElement && document.activeElement.closest("form")) return; // somebody is typing
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(live.id);
    const open = new Set([...live.querySelectorAll("details[open] > summary")].map((s) => s.textContent));
    live.replaceChildren(...fresh.childNodes);
    for (const summary of live.querySelectorAll("details > summary")) {
      if (open.has(summary.textContent)) summary.parentElement.open = true;
    }
  });
})();

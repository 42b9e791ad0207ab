// A page that says data-live is brought up to date when its case changes. Without scripts it is still complete when
// it is loaded again.
(() => {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  const busy = () =>
    live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select") ||
    [...live.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  let stale = false;
  const refresh = async () => {
    stale = busy(); // what somebody is typing is never thrown away
    if (stale) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = new Map([...live.querySelectorAll("details")].map((d) => [d.querySelector("summary").textContent, d.open]));
    live.replaceChildren(...fresh.getElementById(live.id).childNodes);
    document.querySelector("h1").textContent = fresh.querySelector("h1").textContent;
    for (const d of live.querySelectorAll("details")) {
      const was = open.get(d.querySelector("summary").textContent);
      if (was !== undefined) d.open = was;
    }
  };
  const source = new EventSource(live.dataset.live);
  source.addEventListener("changed", refresh);
  document.addEventListener("focusout", () => stale && setTimeout(refresh, 200));
})();

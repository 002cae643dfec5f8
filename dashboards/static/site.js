// Pages work without this file. With it they show times on the reader's own clock, and what is live stays so.
"use strict";
(() => {
  const main = document.getElementById("main");
  const two = (n) => String(n).padStart(2, "0");

  function localTimes(root) {
    for (const el of root.querySelectorAll("time[datetime]")) {
      const at = new Date(el.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      el.title = el.textContent;
      el.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
    }
  }

  function showPrint(root) {
    for (const el of root.querySelectorAll("[data-print]")) el.hidden = false;
  }

  document.addEventListener("click", (event) => {
    const el = event.target.closest("[data-print], [data-confirm]");
    if (!el) return;
    if (el.hasAttribute("data-print")) window.print();
    else if (!window.confirm(el.dataset.confirm)) event.preventDefault();
  });

  window.addEventListener("beforeprint", () => {
    for (const el of document.querySelectorAll("details:not([open])")) {
      el.open = true;
      el.dataset.opened = "";
    }
  });
  window.addEventListener("afterprint", () => {
    for (const el of document.querySelectorAll("details[data-opened]")) {
      el.open = false;
      delete el.dataset.opened;
    }
  });

  // Nothing is swapped under a reader's hands: not while something in it has the focus or is selected.
  function busy() {
    const focused = document.activeElement;
    const selection = window.getSelection();
    return (focused && focused !== main && main.contains(focused)) ||
      (selection && !selection.isCollapsed && main.contains(selection.anchorNode));
  }

  function swap(html) {
    const open = new Set([...main.querySelectorAll("details[open][id]")].map((el) => el.id));
    const shut = new Set([...main.querySelectorAll("details:not([open])[id]")].map((el) => el.id));
    const scrolled = new Map([...main.querySelectorAll(".scroll[aria-labelledby]")].map((el) => [el.getAttribute("aria-labelledby"), el.scrollLeft]));
    main.innerHTML = html;
    for (const el of main.querySelectorAll("details[id]")) {
      if (open.has(el.id)) el.open = true;
      if (shut.has(el.id)) el.open = false;
    }
    for (const el of main.querySelectorAll(".scroll[aria-labelledby]")) el.scrollLeft = scrolled.get(el.getAttribute("aria-labelledby")) || 0;
    localTimes(main);
    showPrint(main);
  }

  function keepLive(seconds) {
    const sign = document.querySelector("[data-live]");
    const address = new URL(window.location.href);
    address.hash = "";
    address.searchParams.delete("lang");
    address.searchParams.set("fragment", "main");
    let last = null;

    async function refresh() {
      if (document.hidden || busy()) return;
      try {
        const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(seconds * 900) });
        if (answer.status === 401) return window.location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        if (html !== last && !busy()) {
          swap(html);
          last = html;
        }
        sign.textContent = "";
      } catch {
        sign.textContent = sign.dataset.lost;
      }
    }
    window.setInterval(refresh, seconds * 1000);
    document.addEventListener("visibilitychange", refresh);
  }

  localTimes(document);
  showPrint(document);
  const seconds = Number(main.dataset.refresh || 0);
  if (seconds > 0) keepLive(seconds);
})();

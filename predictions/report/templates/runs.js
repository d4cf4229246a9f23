// Sorts and filters the table of runs, and opens a run's curves, settings and origin in it. The
// table is whole without this; what is added here is only what works.
(() => {
  "use strict";
  const table = document.getElementById("runs");
  const details = JSON.parse(document.getElementById("details").textContent);
  const source = table.dataset.source; // of what the page does not hold
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const text = (row, column) => row.cells[column].textContent.trim();

  // Sorting: a button in each heading; columns of numbers as numbers, what is empty last.
  const compare = (column, sign) => (one, other) => {
    const [a, b] = [text(one, column), text(other, column)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = one.cells[column].className === "number";
    return sign * (numbers ? Number(a) - Number(b) : a.localeCompare(b, "en"));
  };
  [...table.tHead.rows[0].cells].forEach((heading, column, all) => {
    const button = element("button", { type: "button" }, heading.textContent);
    heading.replaceChildren(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      all.forEach(other => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      close();
      body.append(...rows.sort(compare(column, down ? -1 : 1)));
    });
  });

  // Filtering: rows that have every word.
  const field = element("input", { type: "search", id: "find" });
  const count = element("span", { role: "status" });
  const label = element("label", { class: "find", for: "find" }, "Show runs with ", field, " ", count);
  table.closest(".scroll").before(label);
  if (source || Object.keys(details).length) {
    label.before(element("p", {}, "Open a run for its curves, settings and origin; sort by a heading."));
  }
  const show = () => {
    close();
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const has = row.textContent.toLowerCase();
      row.hidden = !words.every(word => has.includes(word));
      shown += !row.hidden;
    }
    count.textContent = words.length ? `${shown} of ${rows.length}` : "";
  };
  field.addEventListener("input", show);

  // One run at a time, below its row.
  function close() {
    body.querySelectorAll(".opened").forEach(row => row.remove());
    body.querySelectorAll("[aria-expanded=true]").forEach(b => b.setAttribute("aria-expanded", "false"));
  }
  let asked = 0;
  // A run that the page does not hold, or why it is not to be had.
  const fetched = async name => {
    try {
      return await fetch(source + name).then(answer => answer.json());
    } catch {
      return "The server has ended: start predictions view again.";
    }
  };
  const open = async (row, button) => {
    const again = button.getAttribute("aria-expanded") === "true";
    close();
    if (again) return;
    button.setAttribute("aria-expanded", "true");
    const mine = ++asked;
    const name = text(row, 0);
    const run = details[name] ?? await fetched(name);
    if (mine !== asked || button.getAttribute("aria-expanded") !== "true") return; // no longer wanted
    if (typeof run === "string") {
      row.after(element("tr", { class: "opened" },
        element("td", { colspan: row.cells.length }, element("p", {}, run))));
      return;
    }
    const settings = element("pre", { tabindex: "0" }, JSON.stringify(run.settings, null, 1));
    const cell = element("td", { colspan: row.cells.length }, pictures(run),
      element("details", {}, element("summary", {}, "All settings"), settings),
      element("p", {}, run.origin));
    row.after(element("tr", { class: "opened" }, cell));
  };
  for (const row of rows) {
    if (!source && !details[text(row, 0)]) continue;
    const name = row.cells[0].firstElementChild;
    const button = element("button", { type: "button", "aria-expanded": "false" });
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => open(row, button));
  }
})();

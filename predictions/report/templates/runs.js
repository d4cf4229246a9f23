// Sorts and filters the table of runs, and opens a run's curves, settings and origin in it. The
// table is whole without this; what is added here is only what works.
(() => {
  "use strict";
  const table = document.getElementById("runs");
  const details = JSON.parse(document.getElementById("details").textContent);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const text = (row, column) => row.cells[column].textContent.trim();
  const number = value => (value === "" ? NaN : Number(value));

  const element = (name, attributes = {}, ...children) => {
    const made = name === "svg" || name === "path" || name === "text"
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // Sorting: a button in each heading; numbers as numbers, what is empty last.
  const compare = (column, sign) => (one, other) => {
    const [a, b] = [text(one, column), text(other, column)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [number(a), number(b)];
    const both = !Number.isNaN(x) && !Number.isNaN(y);
    return sign * (both ? x - y : a.localeCompare(b, "en", { numeric: true }));
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
  if (Object.keys(details).length) {
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
  const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [320, 200, 44, 24, 24];
  const panel = (title, steps, curves, low, high) => {
    const x = step => LEFT + (WIDTH - LEFT - 8) * Math.log1p(step) / Math.log1p(steps.at(-1) || 1);
    const y = value => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low || 1);
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
    const frame = `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - 8}`;
    const short = value => Number(value.toPrecision(3)).toString();
    svg.append(
      element("path", { class: "frame", d: frame }),
      element("text", { x: LEFT - 4, y: TOP + 4, "text-anchor": "end" }, short(high)),
      element("text", { x: LEFT - 4, y: HEIGHT - BOTTOM, "text-anchor": "end" }, short(low)),
      element("text", { x: LEFT, y: HEIGHT - 6 }, "step 0, logarithmic"),
      element("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" },
        steps.at(-1).toLocaleString("en")));
    let along = LEFT;
    Object.entries(curves).forEach(([name, values], i) => {
      const line = values.map((v, k) => [steps[k], v]).filter(([, v]) => v !== null)
        .map(([s, v], k) => `${k ? "L" : "M"}${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      svg.append(element("path", { class: `c${i}`, d: line }),
        element("text", { class: `c${i}`, x: along, y: 14 }, name));
      along += 7 * name.length + 14;
    });
    return svg;
  };
  const pictures = run => {
    const found = element("div", { class: "curves" });
    for (const [title, curves] of Object.entries(run.panels)) {
      const values = Object.values(curves).flat().filter(v => v !== null);
      const share = title === "accuracy";
      found.append(panel(`${title} over steps: ${Object.keys(curves).join(", ")}`, run.steps, curves,
        share ? 0 : Math.min(...values), share ? 1 : Math.max(...values)));
    }
    return found;
  };
  function close() {
    body.querySelectorAll(".opened").forEach(row => row.remove());
    body.querySelectorAll("[aria-expanded=true]").forEach(b => b.setAttribute("aria-expanded", "false"));
  }
  const open = (row, button, run) => {
    const again = button.getAttribute("aria-expanded") === "true";
    close();
    if (again) return;
    button.setAttribute("aria-expanded", "true");
    const settings = element("pre", { tabindex: "0" }, JSON.stringify(run.settings, null, 1));
    const cell = element("td", { colspan: row.cells.length }, pictures(run),
      element("details", {}, element("summary", {}, "All settings"), settings),
      element("p", {}, run.origin));
    row.after(element("tr", { class: "opened" }, cell));
  };
  for (const row of rows) {
    const run = details[text(row, 0)];
    if (!run) continue;
    const name = row.cells[0].firstElementChild;
    const button = element("button", { type: "button", "aria-expanded": "false" });
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => open(row, button, run));
  }
})();

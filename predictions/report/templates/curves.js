// Draws curves over training steps: named ones in colours, or many alike (an array) under a title.
const { element, pictures } = (() => {
  "use strict";
  const element = (name, attributes = {}, ...children) => {
    const made = name === "svg" || name === "path" || name === "text"
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

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
    const alike = Array.isArray(curves);
    if (alike) svg.append(element("text", { x: LEFT, y: 14 }, title));
    let along = LEFT;
    Object.entries(curves).forEach(([name, values], i) => {
      // Where nothing was measured there is no line; what stands alone is a dot.
      const line = values.map((v, k) => (v === null ? "" :
        `${k && values[k - 1] !== null ? "L" : "M"}${x(steps[k]).toFixed(1)} ${y(v).toFixed(1)}h0`))
        .join("");
      svg.append(element("path", { class: alike ? "c0 alike" : `c${i}`, d: line }));
      if (alike) return;
      svg.append(element("text", { class: `c${i}`, x: along, y: 14 }, name));
      along += 7 * name.length + 14;
    });
    return svg;
  };

  const pictures = run => {
    const found = element("div", { class: "curves" });
    for (const [title, curves] of Object.entries(run.panels)) {
      const values = Object.values(curves).flat().filter(v => v !== null);
      const share = title.startsWith("accuracy");
      const names = Array.isArray(curves) ? "" : ` over steps: ${Object.keys(curves).join(", ")}`;
      found.append(panel(title + names, run.steps, curves,
        share ? 0 : Math.min(...values), share ? 1 : Math.max(...values)));
    }
    return found;
  };

  return { element, pictures };
})();

// Follows what is in training, every other second, and says when there is more to see.
(() => {
  "use strict";
  const words = document.getElementById("now");
  const place = document.getElementById("training");
  let first;
  const follow = async () => {
    let now;
    try {
      now = await fetch("now").then(answer => answer.json());
    } catch {
      words.textContent = "The server has ended; this is what was there.";
      return;
    }
    first ??= now.runs;
    words.textContent = now.words;
    if (now.runs !== first) {
      words.append(" ", element("a", { href: "" }, `${now.runs - first} more since: show them`));
    }
    const parts = now.groups.map(group => {
      const part = element("section", {}, element("h3", {}, group.words));
      if (group.steps) part.append(pictures(group));
      return part;
    });
    const heading = parts.length ? [element("h2", {}, "In training")] : [];
    place.replaceChildren(...heading, ...parts);
    setTimeout(follow, 2000);
  };
  follow();
})();

// Follows what is in training, every other second, and says when there is more to see.
(() => {
  "use strict";
  const words = document.getElementById("now");
  const place = document.getElementById("training");
  const first = Number(words.dataset.runs);
  let shown = "";
  const follow = async () => {
    let now;
    try {
      const answer = await fetch("now");
      now = answer.ok ? await answer.json() : null;
    } catch {
      words.textContent = "The server has ended; this is what was there.";
      return;
    }
    setTimeout(follow, 2000);
    // What has not changed is left as it is: it may be being read, or have the keyboard.
    if (now === null || JSON.stringify(now) === shown) return;
    shown = JSON.stringify(now);
    words.textContent = now.words;
    if (now.runs !== first) {
      words.append(" ", element("a", { href: "" }, "Other runs than are listed here: show them"));
    }
    const parts = now.groups.map(group => {
      const part = element("section", {}, element("h3", {}, group.words));
      if (group.steps) part.append(pictures(group));
      return part;
    });
    const heading = parts.length ? [element("h2", {}, "In training")] : [];
    place.replaceChildren(...heading, ...parts);
  };
  follow();
})();

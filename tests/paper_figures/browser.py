"""A real browser for tests: Debian's chromium, spoken to over a pipe.

The protocol is the one of https://chromedevtools.github.io/devtools-protocol/, messages of JSON
that end in a zero byte.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")


# The contrast of every piece of text with what is behind it (WCAG 2.2, 1.4.3), the smallest.
CONTRAST = """(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length == 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let smallest = 21;
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const element = walker.currentNode.parentElement;
    const pair = [light(channels(getComputedStyle(element).color)), light(behind(element))];
    smallest = Math.min(smallest, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
  }
  return smallest;
})()"""


class Page:
    """One page in a browser.

    Args:
        sender: File descriptor that the browser reads.
        receiver: File descriptor that it writes.
        width: Of the screen, in CSS pixels.
    """

    def __init__(self, sender: int, receiver: int, width: int) -> None:
        self._sender, self._receiver = sender, receiver
        self._read, self._sent, self._session = b"", 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844,
            deviceScaleFactor=2,
            mobile=True,
        )

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command."""
        self._sent += 1
        message: dict[str, Any] = {"id": self._sent, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._sender, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda found: found.get("id") == self._sent)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _until(self, wanted) -> dict[str, Any]:
        while True:
            while b"\0" not in self._read:
                more = os.read(self._receiver, 2**16)
                assert more, "the browser has ended"
                self._read += more
            text, self._read = self._read.split(b"\0", 1)
            message = json.loads(text)
            if wanted(message):
                return message

    def open(self, file: Path) -> None:
        """Load a file and everything that it shows."""
        self.go(file.resolve().as_uri())

    def go(self, address: str) -> None:
        """Load a page and everything that it shows."""
        self.call("Page.navigate", url=address)
        self._until(lambda found: found.get("method") == "Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript has as its value, nothing if that is nothing."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def violations(self) -> list[str]:
        """Return what axe-core finds against the rules of accessibility."""
        axe = importlib.resources.files("axe_core_python") / "axe.min.js"
        self.call("Runtime.evaluate", expression=axe.read_text(encoding="utf-8"))
        asked = (
            "axe.run(document).then(found => found.violations.map("
            "one => `${one.id}, ${one.nodes.length} times: ${one.nodes[0].html}`))"
        )
        answer = self.call(
            "Runtime.evaluate", expression=asked, awaitPromise=True, returnByValue=True
        )
        return answer["result"]["value"]

    def accessible(self) -> list[tuple[str, str]]:
        """Return (role, name) of everything that assistive technology is told of."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"] and "role" in node
        ]


@contextlib.contextmanager
def page(folder: Path, width: int) -> Iterator[Page]:
    """Return an empty page of this width; ``folder`` takes what the browser writes."""
    assert CHROMIUM is not None
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    command = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-pipe",
        f"--user-data-dir={folder}",
    ]
    # The browser reads file 3 and writes file 4.
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "browser", *command],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_out, ours_in, width)
    finally:
        os.close(ours_out)
        process.terminate()
        process.wait(timeout=30)
        os.close(ours_in)

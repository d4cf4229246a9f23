"""A store in a browser: what its pages say, to whom, and that nothing is written."""

from __future__ import annotations

import http.client
import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from efficiency.operations import OPERATIONS
from predictions.looks import write_look, write_plan
from predictions.registry import find
from predictions.stored import judge_stored
from predictions.variants import Variant
from predictions.view import Server
from predictions.view.pages import Pages
from runs import Store, StoreError
from tests.paper_figures import browser

pytestmark = pytest.mark.xdist_group("smoke")


@pytest.fixture
def planned(own_store):
    """The smoke store, with a plan of what is there."""
    store = Store(own_store)
    write_plan(store, find("ungrokking"), "smoke", [5])
    return store


@pytest.fixture
def served(planned):
    server = Server(planned)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asked(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    """Return the answer to a request, and its text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of all that is in a folder."""
    there = ((str(path), path.stat()) for path in folder.rglob("*"))
    return {name: (found.st_size, found.st_mtime_ns) for name, found in there}


def test_nobody_is_answered_who_does_not_know_the_word(served):
    word, port = served.word, served.server_port
    assert len(word) >= 20
    with Server(served.pages._store) as other:
        assert other.word != word
    for path in ("/", "/index.html", f"/{word[:-1]}/", f"/{word}x/", f"/{word}/../", "/%00/"):
        answer, text = asked(served, path)
        assert answer.status == 404, path
        assert "ungrokking" not in text
    # A page of another site whose name was made to stand for this machine.
    answer, text = asked(served, f"/{word}/", Host=f"somewhere.example:{port}")
    assert (answer.status, text) == (404, "There is nothing here.")
    assert asked(served, f"/{word}/", Host=f"localhost:{port}")[0].status == 200
    for method in ("POST", "PUT", "DELETE"):
        assert asked(served, f"/{word}/", method)[0].status == 501
    assert served.server_address[0] == "127.0.0.1"


def test_an_address_without_its_last_slash_leads_to_the_page(served):
    answer, _ = asked(served, f"/{served.word}")
    assert (answer.status, answer.headers["Location"]) == (301, f"/{served.word}/")


def test_pages_let_nothing_in_from_elsewhere(served):
    answer, text = asked(served, urlsplit(served.address).path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    (nonce,) = re.findall("script-src 'nonce-([^']+)'", policy)
    assert text.count(f'<script nonce="{nonce}">') == text.count("</script>") - 1  # the data's own
    assert nonce not in asked(served, urlsplit(served.address).path)[1]
    assert answer.headers["Cache-Control"] == "no-store"
    assert " src=" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_every_run_of_the_store_is_shown_as_it_is(served, planned):
    base = urlsplit(served.address).path
    _, text = asked(served, base)
    names = list(planned.identities())
    assert all(f"<code>{name[:12]}</code>" in text for name in names)
    answer, found = asked(served, f"{base}run/{names[3][:12]}")
    assert answer.status == 200
    assert json.loads(found)["settings"] == planned.load(names[3]).settings
    answer, told = asked(served, f"{base}run/{'0' * 12}")
    assert answer.status == 404
    assert "no run is or begins with" in told


def test_what_was_planned_is_judged_when_its_page_is_opened(served, planned):
    base = urlsplit(served.address).path
    _, text = asked(served, base)
    link = text.partition('<a href="verdict/')[2].partition('"')[0]
    answer, page = asked(served, f"{base}verdict/{link}")
    assert answer.status == 200, page
    assert "<title>Ungrokking, smoke: undecided</title>" in page
    assert "<svg" in page
    answer, table = asked(served, f"{base}verdict/{link}runs.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert set(pd.read_csv(io.StringIO(table))["run"]) == set(planned.identities())
    for wrong in (f"verdict/{link}other.csv", "verdict/none/", "verdict", "runs/x", "now/"):
        assert asked(served, f"{base}{wrong}")[0].status == 404, wrong


def test_looking_writes_nothing(served, planned):
    before = everything(planned.path)
    base = urlsplit(served.address).path
    _, text = asked(served, base)
    link = text.partition('<a href="verdict/')[2].partition('"')[0]
    for path in ("", "now", f"verdict/{link}", f"run/{next(planned.identities())}"):
        assert asked(served, base + path)[0].status == 200
    assert everything(planned.path) == before


def test_a_verdict_is_judged_again_after_another_look(own_store):
    store, prediction = Store(own_store), find("ungrokking")
    write_plan(store, prediction, "smoke", [3, 5])
    pages = Pages(store)
    (name,) = re.findall('<a href="verdict/([^/]+)/', pages.index())
    first = pages.verdict(name, "")
    for seeds in (3, 5):
        write_look(store, judge_stored(prediction, "smoke", store, seeds))
    second = pages.verdict(name, "")
    assert first != second
    assert second == Pages(store).verdict(name, "")
    assert len(pages._judged) == 1


def test_a_plan_is_judged_as_it_was_asked_or_says_that_it_is_not(own_store):
    store, prediction = Store(own_store), find("ungrokking")
    asked = type(prediction)(Variant(operation="multiplication", first_seed=6000))
    write_plan(store, asked, "smoke", [5])
    pages = Pages(store)
    (name,) = re.findall('<a href="verdict/([^/]+)/', pages.index())
    assert "multiplication" in pages.verdict(name, "")
    assert "Plans without a link" not in pages.index()


def test_a_plan_of_a_plug_in_that_is_not_there_has_no_page(own_store, monkeypatch):
    store, prediction = Store(own_store), find("ungrokking")
    write_plan(store, type(prediction)(Variant(operation="multiplication")), "smoke", [5])
    monkeypatch.delitem(OPERATIONS, "multiplication")
    page = Pages(store).index()
    assert "verdict/" not in page
    assert "Plans without a link" in page


def test_a_run_that_is_damaged_is_told_and_the_page_stays(planned):
    name = next(planned.identities())
    (planned.path / "runs" / name / "outcome.json").write_text("{")
    pages = Pages(planned)
    assert "1 are damaged or not understood here" in pages.index()
    (planned.path / "runs" / name / "history.parquet").write_bytes(b"")
    with pytest.raises(StoreError, match=name):
        pages.run(name)


def test_the_command_serves_until_it_is_interrupted(planned):
    # Interrupts may be ignored where tests run, in the background of a script for one.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from predictions.command import predictions; raise SystemExit(predictions())"
    words = ["view", "--store", str(planned.path)]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().split()[0])
        connection = http.client.HTTPConnection(address.netloc, timeout=60)
        connection.request("GET", address.path)
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_a_port_that_is_taken_and_a_store_that_is_not_there_are_told(
    planned, tmp_path, predictions
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = predictions("view", "--store", str(planned.path), "--port", port)
        assert told.code == 2
        assert f"--port {port} cannot be had" in told.err
    told = predictions("view", "--store", str(tmp_path / "none"))
    assert told.code == 2
    assert "there is no store" in told.err


@pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium")
def test_a_browser_follows_training_and_opens_runs_under_the_policy_of_the_pages(
    served, planned, begun, tmp_path
):
    store, _, _ = begun
    shutil.copytree(store.work, planned.work, dirs_exist_ok=True)
    with browser.page(tmp_path / "browser", 390) as page:
        page.go(served.address)
        until(page, "document.querySelectorAll('#training svg').length == 4")
        drawn = page.value("document.querySelectorAll('#training svg path.alike').length")
        assert drawn == 4 * 2
        assert "1 ensemble is in training" in page.value(
            "document.querySelector('#now').textContent"
        )
        # One that is not to be had says why; then it can be opened.
        torn = next(planned.identities())
        damaged = planned.path / "runs" / torn / "provenance.json"
        whole = damaged.read_bytes()
        damaged.write_text("{")
        buttons = "[...document.querySelectorAll('#runs tbody button')]"
        button = f"{buttons}.find(one => one.textContent == '{torn[:12]}')"
        page.value(f"{button}.click()")
        until(page, "document.querySelector('.opened')?.textContent.includes('cannot be used')")
        damaged.write_bytes(whole)
        page.value(f"{button}.click()")
        page.value(f"{button}.click()")
        until(page, "document.querySelectorAll('.opened svg').length == 2")
        assert page.value("document.documentElement.scrollWidth") == 390
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            page.call("Emulation.setEmulatedMedia", features=features)
            assert page.value(browser.CONTRAST) >= 4.5
            assert page.violations() == []
        # What ends is not asked for ever again in vain: the page says so.
        served.shutdown()
        served.server_close()
        until(page, "document.querySelector('#now').textContent.includes('has ended')")


def until(page: browser.Page, true: str) -> None:
    """Wait for an expression to become true."""
    for _ in range(200):
        if page.value(true):
            return
        time.sleep(0.1)
    raise AssertionError(true)

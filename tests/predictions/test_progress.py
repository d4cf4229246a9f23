"""What is said of how far a command has come."""

from __future__ import annotations

from predictions.cli.progress import Display
from runs.execution.progress import Progress


def test_the_time_to_go_is_told_by_the_pace_of_what_was_done_now(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("predictions.cli.progress.time.monotonic", lambda: now[0])
    display = Display()
    # Half was there; a tenth more took 60 s, so that the other four take 240 s.
    now[0] = 60.0
    display.update(
        Progress(
            runs_done=0,
            runs_total=4,
            seconds_done=60.0,
            seconds_total=100.0,
            activity="training",
            seconds_found=50.0,
        )
    )
    assert "about 4 min 00 s to go" in capsys.readouterr().err

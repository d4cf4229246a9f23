"""What is compiled, kept and loaded, and what is refused: nothing untested is ever called."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import time
from typing import Literal, get_args

import numpy as np
import pytest

from efficiency import engines, train
from efficiency.engines import CompiledEngine, LayeredEngine, binding, compiled, compiling, layered
from efficiency.engines.compiled import CODE
from efficiency.engines.subnormals import are_flushed
from efficiency.settings import (
    OneLayerTransformerSettings,
    SequenceTransformerSettings,
    SkipTrigramSettings,
)
from tests.build import SMALL, compiled_only, run_settings


@pytest.fixture
def fresh_compiler(monkeypatch, tmp_path):
    """Forget what was compiled, here and in the cache, for one test."""
    cached = (compiling._cache_folder, compiling._version)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # What is kept and refused does not depend on how fast the code is, but on how soon it is made.
    quick = tuple(flag.replace("-O3", "-O0") for flag in compiling._FLAGS)
    monkeypatch.setattr(compiling, "_FLAGS", quick)
    for function in cached:
        function.cache_clear()
    for code in (compiled.CODE, layered.CODE):
        code.forget()
    yield tmp_path / "cache" / "circuit-efficiency"
    for function in cached:
        function.cache_clear()
    for code in (compiled.CODE, layered.CODE):
        code.forget()


@pytest.fixture
def a_compiler(monkeypatch, tmp_path):
    """Let $CC be a script; the real compiler is gcc, or whatever was there."""
    real = compiling._compiler()[0]

    def named(body: str):
        script = tmp_path / "my-cc"
        script.write_text(f'#!/bin/sh\nreal="{real}"\n{body}\n')
        script.chmod(0o755)
        monkeypatch.setenv("CC", str(script))
        return script

    return named


def test_without_a_compiler_training_goes_on_in_the_other_engine(fresh_compiler, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("sysconfig.get_config_var", lambda name: None)
    for name, run in (("compiled", run_settings()), ("layered", run_settings(network=SMALL))):
        assert "no C compiler was found" in engines.ENGINES[name].missing("cpu")
        assert "no C compiler was found" in engines.without_compiled_code(run)
        assert engines.choose("auto", run, "cpu") == "stacked"
        with pytest.raises(ValueError, match="no C compiler was found; install gcc"):
            engines.choose(name, run, "cpu")
        with pytest.raises(ValueError, match="no C compiler was found; install gcc"):
            engines.require(name, "cpu")


@compiled_only
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            '[ "$1" = --version ] && exec $real "$@"; echo "out of ideas" >&2; exit 1',
            "my-cc.*out of ideas",
        ),
        ('[ "$1" = --version ] && exec $real "$@"; exit 0', "my-cc.*made nothing"),
        ("exit 1", r"my-cc, named in \$CC, is no C compiler that works here"),
        (
            '[ "$1" = --version ] && exec $real "$@"\n'
            'while [ "$1" != -o ]; do shift; done; $real -shared -x c /dev/null -o "$2"',
            "my-cc.*code that does not work.*undefined symbol",
        ),
        (
            'exec $real -Dsqrtf=fabsf "$@"',
            "my-cc.*code that does not work: the loss of a small network came out",
        ),
        ('exec $real "$@" -ffast-math', "a weight that is not a number|came out"),
        (
            '[ "$1" = --version ] && exec $real "$@"\n'
            'exec $real "-DNUM_PARTS=6 }; enum { MORE = 7" "$@"',
            "my-cc.*(its sizes are|failed)",
        ),
    ],
    ids=[
        "fails",
        "makes nothing",
        "is none",
        "makes something else",
        "makes wrong code",
        "loses NaN",
        "parts",
    ],
)
def test_a_compiler_that_cannot_be_trusted_is_named_and_its_code_not_kept(
    fresh_compiler, a_compiler, body, message
):
    a_compiler(body)
    assert re.search(message, CODE.problem(), re.DOTALL)
    assert layered.CODE.problem() is not None
    assert list(fresh_compiler.glob("*")) == []
    assert engines.choose("auto", run_settings(), "cpu") == "stacked"
    assert engines.choose("auto", run_settings(network=SMALL), "cpu") == "stacked"
    assert not are_flushed(), "code linked with -ffast-math changes the arithmetic of its process"


@compiled_only
def test_a_compiler_that_hangs_is_ended_with_all_that_it_started(
    fresh_compiler, a_compiler, monkeypatch, tmp_path
):
    monkeypatch.setattr(compiling, "COMPILE_SECONDS", 0.5)
    a_compiler(
        f'[ "$1" = --version ] && exec $real "$@"\nsleep 600 & echo $! > "{tmp_path}/child"; wait'
    )
    assert "was not done in 0 s and was ended" in CODE.problem()
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if subprocess.run(["ps", "-o", "stat=", "-p", str(child)], check=False).returncode:
            break
        time.sleep(0.05)
    else:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False
        )
        assert state.stdout.strip().startswith("Z"), state.stdout


@compiled_only
def test_a_compiler_that_does_not_say_its_version_is_used_all_the_same(fresh_compiler, a_compiler):
    a_compiler('[ "$1" = --version ] && exit 0; exec $real "$@"')
    assert CODE.problem() is None
    assert CODE.description().endswith("by a compiler that tells no version")


@compiled_only
def test_compiled_code_is_kept_for_the_next_process(fresh_compiler):
    first = CODE.compiled().code._name
    assert {file.suffix for file in fresh_compiler.iterdir()} == {".so", ".sha256"}
    made = os.stat(first).st_mtime_ns
    CODE.forget()
    assert CODE.compiled().code._name == first
    assert os.stat(first).st_mtime_ns == made


def cut_off(place, content):
    place.write_bytes(content[: len(content) // 2])


def flip_a_bit(place, content):
    place.write_bytes(content[:-900] + bytes([content[-900] ^ 1]) + content[-899:])


def lose_the_checksum(place, content):
    place.with_suffix(".sha256").unlink()


def let_others_write(place, content):
    place.chmod(0o666)


@compiled_only
@pytest.mark.parametrize("harm", [cut_off, flip_a_bit, lose_the_checksum, let_others_write])
def test_code_that_is_not_what_was_kept_is_made_again_with_a_word(fresh_compiler, harm, caplog):
    place = fresh_compiler / "kept.so"
    fresh_compiler.mkdir(parents=True, mode=0o700)
    command = [*compiling._compiler(), *compiling._FLAGS]
    compiling._made(command, CODE.source, place, lambda code: None)
    content = place.read_bytes()
    # Another file of that name: of the one that was just loaded pages are read until this process
    # ends, and half a library would end it by a signal.
    place.unlink()
    place.write_bytes(content)
    place.chmod(0o600)
    harm(place, content)
    assert compiling._kept(place, lambda code: None) is None
    assert "made anew" in caplog.text
    assert not place.exists()


@compiled_only
def test_a_cache_that_others_may_write_to_is_not_used(fresh_compiler, caplog):
    fresh_compiler.mkdir(parents=True)
    fresh_compiler.chmod(0o777)
    assert compiling._cache_folder() != fresh_compiler
    assert "others may write to it" in caplog.text


@compiled_only
def test_what_is_kept_is_used_again_whatever_the_umask(fresh_compiler):
    before = os.umask(0o002)
    try:
        first = CODE.compiled().code._name
        made = os.stat(first).st_mtime_ns
        CODE.forget()
        assert os.stat(CODE.compiled().code._name).st_mtime_ns == made
    finally:
        os.umask(before)


@compiled_only
def test_a_cache_that_cannot_be_written_is_said(fresh_compiler, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    assert CODE.problem() is None
    assert "made anew at every start" in caplog.text


class Longer(ctypes.Structure):
    """A shape with one number more."""

    _fields_ = [*compiled.Shape._fields_, ("more", ctypes.c_int64)]


@compiled_only
@pytest.mark.parametrize(
    ("code", "place", "value", "message"),
    [
        (compiled.CODE, (compiled, "VERSION"), 99, "its sizes are"),
        (compiled.CODE, (compiled, "PARAMETERS"), compiled.PARAMETERS[::-1], "it numbers"),
        (compiled.CODE, (compiled, "Shape"), Longer, "its sizes are"),
        (layered.CODE, (layered, "VERSION"), 99, "its sizes are"),
        (layered.CODE, (layered, "Shape"), Longer, "its sizes are"),
        (layered.CODE, (layered, "Layer"), Longer, "its sizes are"),
        (layered.CODE, (layered, "Kind"), Literal["linear", "embed"], "its sizes are"),
        (layered.CODE, (layered, "Kind"), Literal[get_args(layered.Kind)[::-1]], "it numbers"),
        *(
            (code, (binding, name), value, message)
            for code in (compiled.CODE, layered.CODE)
            for name, value, message in (
                ("PARTS", (*binding.PARTS, "one more"), "its sizes are"),
                ("READINGS", binding.READINGS[::-1], "it numbers"),
                ("Rule", Longer, "its sizes are"),
                ("Parameter", Longer, "its sizes are"),
                ("UPDATE", np.dtype([("keep", "f4")]), "its sizes are"),
            )
        ),
    ],
)
def test_code_that_means_something_else_is_refused_when_it_is_loaded(
    monkeypatch, code, place, value, message
):
    library = code.compiled().code
    assert code.problem_of(library) is None
    monkeypatch.setattr(*place, value)
    assert re.search(message, code.other_meaning(library))


@compiled_only
@pytest.mark.parametrize("column", [0, 1, "label"])
@pytest.mark.parametrize("wrong", [-1, 7, 10**6])
@pytest.mark.parametrize("engine", [CompiledEngine, LayeredEngine])
def test_nothing_that_is_no_symbol_reaches_the_compiled_code(engine, column, wrong):
    read = np.stack([np.arange(5, dtype=np.int32)] * 2)
    labels = np.arange(5, dtype=np.int32)[:, None]
    run = run_settings(network=OneLayerTransformerSettings() if engine is CompiledEngine else SMALL)
    among = (engine.CODE, engine.shape(run), 7)
    binding.ExampleSet(read, labels, *among)
    (labels.T[0] if column == "label" else read[column])[4] = wrong
    with pytest.raises(ValueError, match=rf"example 4 .*{wrong}.*among the symbols 0 … 6"):
        binding.ExampleSet(read, labels, *among)


@compiled_only
@pytest.mark.parametrize(("where", "wrong"), [("read", 8), ("read", -1), ("labels", 6)])
def test_of_sequences_neither_is_what_is_no_token_or_no_class(where, wrong):
    task = SkipTrigramSettings(
        num_triggers=6, num_others=2, num_positions=3, num_drawn=9, draw_seed=0
    )
    network = SequenceTransformerSettings(d_model=4, num_heads=2, d_mlp=0)
    run = run_settings(task=task, network=network, dataset_size=5)
    held = {"read": np.full((3, 5), 7, np.int32), "labels": np.full((5, 1), 5, np.int32)}
    among = (layered.CODE, LayeredEngine.shape(run), 6)
    binding.ExampleSet(held["read"], held["labels"], *among)
    held[where].T[-1] = wrong
    with pytest.raises(ValueError, match=rf"example \d .*{wrong}"):
        binding.ExampleSet(held["read"], held["labels"], *among)


@compiled_only
def test_the_processor_is_left_as_it_was():
    before = are_flushed()
    train([run_settings(num_steps=20)], engine="compiled")
    train([run_settings(num_steps=20, network=SMALL)], engine="layered")
    train([run_settings(num_steps=20)], engine="stacked")
    assert are_flushed() == before


SANITIZED = [("one_layer", 16), ("layers", 8)]
"""What sanitizers are set on in every run of the tests: each program, and two widths of vectors."""


def sanitized(tmp_path, which: str, *flags: str):
    program = tmp_path / "sanitized"
    command = [*compiling._compiler(), "-std=gnu11", "-Og", "-g1", "-fsanitize=address,undefined"]
    command += ["-fno-sanitize-recover=all", "-Wno-psabi", *flags, f"-I{compiling.FOLDER}"]
    built = subprocess.run(
        [*command, f"tests/efficiency/sanitized_{which}.c", "-o", str(program), "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "libasan" in built.stderr or "sanitize" in built.stderr:
        pytest.skip(f"this compiler has no sanitizers: {built.stderr.splitlines()[0]}")
    assert built.returncode == 0, built.stderr
    return subprocess.run([program, "1", "300"], capture_output=True, text=True, check=False)


@compiled_only
@pytest.mark.parametrize(
    ("which", "lanes"),
    [("one_layer", 4), ("one_layer", 8), ("one_layer", 16), ("layers", 8), ("layers", 16)],
)
def test_the_sanitizers_find_nothing_in_members_of_random_shapes(
    tmp_path, which, lanes, full_calibration
):
    if not full_calibration and (which, lanes) not in SANITIZED:
        pytest.skip("`make endurance` has every width; compiling each takes ten seconds")
    # Vectors of every processor on this one: the compiler makes them of what there is.
    flags = [*compiling._candidates()[0], f"-DLANES={lanes}", f"-DREGISTERS={2 * max(lanes, 8)}"]
    done = sanitized(tmp_path, which, *flags)
    assert (done.returncode, done.stdout) == (0, "300 members\n"), done.stderr


@compiled_only
def test_the_sanitizers_would_find_one_float_too_few(tmp_path):
    done = sanitized(tmp_path, "layers", "-DLACKING=1")
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr

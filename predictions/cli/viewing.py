"""The command that serves a store to a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from efficiency.errors import InvalidInputError
from predictions.cli.options import StoreOption, whole_number
from predictions.command import DONE


def view(
    *,
    store: StoreOption = Path("store"),
    port: Annotated[
        int,
        Parameter(
            help="Of 127.0.0.1; default: one that is free.",
            converter=whole_number,
            validator=Number(gte=0, lte=65535),
        ),
    ] = 0,
) -> int:
    """Show a store in a browser: its verdicts, its runs, and what is in training; write nothing.

    It prints an address of this machine with a random word in it, which nobody else knows, and
    serves it until Ctrl-C. From another machine: ssh -L PORT:127.0.0.1:PORT, with --port PORT.
    """
    from predictions.cli.running import existing
    from predictions.view import Server

    place = existing(store)
    try:
        server = Server(place, port)
    except OSError as error:
        raise InvalidInputError(
            f"--port {port} cannot be had ({error.strerror or error}); leave it out for one that "
            "is free"
        ) from error
    with server:
        print(f"{server.address} shows {place.path}; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print()
    return DONE

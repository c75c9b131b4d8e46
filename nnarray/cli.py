"""The command ``nnarray``, also ``python -m nnarray``."""

from __future__ import annotations

import json

import click

from nnarray._version import __version__
from nnarray.backends import examine, get_backend, report


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Neural networks written once against the Python array API standard."""


@main.command()
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(backends: tuple[str, ...], as_json: bool) -> None:
    """Say which array libraries work here, and what would mend those that do not.

    With one or more BACKENDs only these are looked at, and the exit code is 1 if one of them does not work.
    """
    try:
        for name in backends:
            get_backend(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = examine(*backends)
    click.echo(json.dumps(found, indent=2) if as_json else report(found))
    if backends and not all(backend["works"] for backend in found["backends"]):
        raise click.exceptions.Exit(1)

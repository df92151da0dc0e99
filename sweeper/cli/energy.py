"""``sweeper energy``: what can be measured here, what a command used, and whether it is right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweeper.model import Value

__all__ = ["energy"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OUTPUT = click.option(
    "--output", "-o", metavar="FILE", type=click.Path(dir_okay=False), help="Write JSON to FILE."
)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_GPU_W = click.option(
    "--gpu-w", metavar="W", type=_POSITIVE, help="Watts of one GPU where nothing can be read."
)
_CPU_W = click.option(
    "--cpu-w-per-core", metavar="W", type=_POSITIVE, help="Watts of one busy core, to estimate by."
)
_EXPERIMENTS = [f"V{number}" for number in range(9)]


@click.group()
def energy() -> None:
    """Measure energy: what is possible here, what a command uses, whether the figures hold."""


@energy.command()
@_GPU_W
@_CPU_W
@_JSON
def probe(*, gpu_w: float | None, cpu_w_per_core: float | None, as_json: bool) -> None:
    """Say what can be measured on this machine, how well, and what to do about the rest.

    Each call of the driver with its answer, the source that a sweep would use, the sensors'
    periods, the processes on the GPUs, and the CPU's counters. Nothing is changed. A few seconds.
    """
    from sweeper.compose.metering import probe as look

    told = look(gpu_w=gpu_w, cpu_w_per_core=cpu_w_per_core)
    click.echo(_as_json(told.document) if as_json else told.text)


@energy.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--gpus",
    metavar="none|LIST",
    help="Meter these GPUs: numbers or UUIDs with commas. Default: those that the command sees.",
)
@click.option("--region", help="Of the carbon intensity, as energy.region in a sweep file.")
@click.option("--pue", type=click.FloatRange(min=1), help="Power usage effectiveness of the site.")
@click.option("--price", metavar="MONEY", type=click.FloatRange(min=0), help="Per kWh.")
@click.option("--currency", default="USD", show_default=True, help="Of the price, ISO 4217.")
@click.option(
    "--gpu-idle-w", metavar="W", type=click.FloatRange(min=0), help="Watts that a GPU draws idle."
)
@_GPU_W
@_CPU_W
@click.option("--json", "as_json", is_flag=True, help="End standard error with a line of JSON.")
@_OUTPUT
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND")
@click.pass_context
def measure(
    ctx: click.Context,
    *,
    command: tuple[str, ...],
    gpus: str | None,
    gpu_w: float | None,
    gpu_idle_w: float | None,
    cpu_w_per_core: float | None,
    region: str | None,
    pue: float | None,
    price: float | None,
    currency: str,
    as_json: bool,
    output: str | None,
) -> None:
    """Run COMMAND and say on standard error what it used.

    Its input and output are untouched and its exit code is this one's: 128 + n after signal n, 127
    if it does not exist. Ctrl-C goes to the command, and the figure is still told.
    """
    from sweeper.cli.measured import measured_text
    from sweeper.compose import metering

    # What can be refused is refused before the command runs, for perhaps it runs long.
    factors = metering.site_factors(metering.Site(region, pue, price, currency))
    if output is not None:
        _write(output, "")
    settings = metering.MeasureSettings(gpus, gpu_w, gpu_idle_w, cpu_w_per_core)
    try:
        measured = metering.measure_command(command, settings)
    except metering.CommandNotStarted as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(error.code)
    document = _as_json(measured.to_json(factors))
    if output is not None:
        _write(output, document + "\n")
    click.echo(document if as_json else measured_text(measured, factors), err=True)
    ctx.exit(measured.exit_code)


@energy.command()
@click.option("--quick", is_flag=True, help="Two to three minutes instead of under ten.")
@click.option("--gpu", default="0", show_default=True, metavar="GPU", help="Number or UUID.")
@click.option(
    "--load",
    type=click.Choice(["auto", "torch", "cupy"]),
    default="auto",
    show_default=True,
    help="What keeps the GPU busy.",
)
@click.option(
    "--only", multiple=True, type=click.Choice(_EXPERIMENTS), help="This experiment; repeatable."
)
@_JSON
@_OUTPUT
@click.pass_context
def validate(
    ctx: click.Context,
    *,
    quick: bool,
    gpu: str,
    load: str,
    only: tuple[str, ...],
    as_json: bool,
    output: str | None,
) -> None:
    """Check the meter on a GPU of this machine: the protocol V0 to V8.

    The GPU is kept busy and read; no setting is changed. Ends by itself in under ten minutes, with
    exit code 0 if nothing failed.
    """
    from sweeper.compose.metering import validate as run

    if output is not None:
        _write(output, "")
    told = run(
        gpu=gpu, quick=quick, kind=load, only=only, tell=lambda line: click.echo(line, err=True)
    )
    document = _as_json(told.document)
    if output is not None:
        _write(output, document + "\n")
    click.echo(document if as_json else told.text)
    ctx.exit(0 if told.good else 1)


def _write(file: str, text: str) -> None:
    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise click.UsageError(f"--output {file}: cannot be written: {error.strerror}") from error


def _as_json(document: Value) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)

"""The command ``sweeper``: its verbs, its one error boundary, its log.

Owns: exit codes and how an error reaches a person. Heavy imports belong inside the verbs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import Any

import click

from sweeper import __version__
from sweeper.cli.cache import cache
from sweeper.cli.compare import compare
from sweeper.cli.energy import energy
from sweeper.cli.export import export
from sweeper.cli.plan import check, plan, schema
from sweeper.cli.report import report
from sweeper.cli.retrain import retrain
from sweeper.cli.retry import retry
from sweeper.cli.run import run
from sweeper.cli.show import show
from sweeper.cli.sweeps import ls, stop
from sweeper.cli.watch import watch
from sweeper.errors import ConfigError, SweeperError
from sweeper.places import log_file

__all__ = ["main"]

log = logging.getLogger("sweeper")

FAILED, USAGE, INTERRUPTED = 1, 2, 130

# What users of W&B type (https://docs.wandb.ai/ref/cli/wandb-sweep), and what does it here.
_HABITS: Mapping[str, str] = {
    "sweep": "`sweeper run FILE` runs a sweep; nothing has to be registered first",
    "agent": "`sweeper run FILE` starts the workers itself, as many as fit",
    "pause": "`sweeper stop SWEEP` lets running trials finish; `sweeper run FILE` goes on later",
    "resume": "`sweeper run FILE` goes on with a sweep that was stopped or interrupted",
    "cancel": "`sweeper stop SWEEP` lets running trials finish; to end them too, press Ctrl-C "
    "twice where it runs",
}


class _Boundary(click.Group):
    """Turns every error into one readable message and an exit code; the log has the rest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; answer a habit from W&B with what does it here."""
        if args[0] in _HABITS and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command '{args[0]}': {_HABITS[args[0]]}.")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            sys.stderr.close()  # the reader has gone, as in `sweeper ls | head`
            ctx.exit(FAILED)
        except SweeperError as error:
            log.debug("the command failed", exc_info=True)
            _say(str(error))
            ctx.exit(USAGE if isinstance(error, ConfigError) else FAILED)
        except Exception as error:  # the last resort: no traceback reaches a person
            log.exception("unexpected error")
            _say(
                f"unexpected {type(error).__name__}: {error}\n"
                f"this is a defect of sweeper; the details are in {log_file(os.environ)}"
            )
            ctx.exit(FAILED)


def _say(text: str) -> None:
    for line in text.splitlines() or [""]:
        click.echo(f"error: {line}", err=True)
    if click.get_current_context().find_root().params.get("debug"):
        traceback.print_exc()


def _start_log() -> None:
    """Log into a small rotating file; nowhere, if that cannot be written."""
    level = os.environ.get("SWEEPER_LOG", "INFO").upper()
    try:
        file = log_file(os.environ)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
        )
    except (OSError, RuntimeError):
        handler = logging.NullHandler()
    handler.handleError = lambda record: None  # type: ignore[method-assign] # a full disk: no words
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(level if level in logging.getLevelNamesMapping() else "INFO")
    log.propagate = False


_HELP = """Hyperparameter sweeps that count their joules.

Optuna chooses the trials, Ray trains them, the energy that each one used is measured, bad ones are
stopped early, and no configuration is trained twice: results stay in a store.

\b
  sweeper check sweep.yaml  is it valid, and what can each parameter be?
  sweeper plan sweep.yaml   what would it do and cost? nothing is trained
  sweeper run sweep.yaml    run a sweep, or go on with it
  sweeper ls                what was run
  sweeper show last         one sweep; `show last/7` is one trial of it
  sweeper compare A B       what each took; `compare sweep.yaml`: against grid search
  sweeper watch             a sweep that runs in another terminal
  sweeper report last       `--format model-card`: its emissions, for Hugging Face
  sweeper export last -o trials.csv    `.json`, `.parquet`; `.db`: for optuna-dashboard
  sweeper retry last        run the failed trials again, when what failed is mended
  sweeper retrain last/7    train it again: do the values agree?
  sweeper energy probe      what can be measured here; `energy measure -- COMMAND`
  sweeper cache status      the store of results; `cache explain last/7`: why it was trained
  sweeper schema            the JSON Schema of a sweep file, for editors
"""


@click.group(
    cls=_Boundary,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or file, 3 stopped, 130 interrupted.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="sweeper")
def main(debug: bool) -> None:
    """Start the log; the verbs do the rest."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, until a sweep runs
    _start_log()


main.add_command(check)
main.add_command(plan)
main.add_command(run)
main.add_command(ls)
main.add_command(show)
main.add_command(compare)
main.add_command(report)
main.add_command(export)
main.add_command(retrain)
main.add_command(retry)
main.add_command(watch)
main.add_command(stop)
main.add_command(schema)
main.add_command(energy)
main.add_command(cache)


if __name__ == "__main__":
    main()

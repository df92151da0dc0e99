"""The command ``sweeper``: its verbs, its one error boundary, its log.

Owns: exit codes and how an error reaches a person. Heavy imports belong inside the verbs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import traceback
from typing import Any

import click

from sweeper import __version__
from sweeper.cli.run import run
from sweeper.cli.sweeps import ls, show, stop
from sweeper.errors import ConfigError, SweeperError
from sweeper.places import log_file

__all__ = ["main"]

log = logging.getLogger("sweeper")

FAILED, USAGE, INTERRUPTED = 1, 2, 130


class _Boundary(click.Group):
    """Turns every error into one readable message and an exit code; the log has the rest."""

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
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(level if level in logging.getLevelNamesMapping() else "INFO")
    log.propagate = False


_HELP = """Hyperparameter sweeps that count their joules.

Optuna chooses the trials, Ray trains them, the energy that each one used is measured, bad ones are
stopped early, and no configuration is trained twice: results stay in a store.

\b
  sweeper run sweep.yaml    run a sweep, or go on with it
  sweeper ls                what was run
  sweeper show last         one sweep; `show last/7` is one trial of it
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
    _start_log()


main.add_command(run)
main.add_command(ls)
main.add_command(show)
main.add_command(stop)


if __name__ == "__main__":
    main()

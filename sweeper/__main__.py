"""``python -m sweeper``: the same as the command."""

from sweeper.cli.main import main

if __name__ == "__main__":
    main(prog_name="sweeper")

"""A YAML file as plain data that knows its lines.

Owns: reading bytes, and the YAML dialect, which is that of W&B: YAML 1.1 as PyYAML has it, except
that ``1e-4`` is a number. Knows no key of a sweep file. Imports ``yaml``: load this room lazily.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath

import yaml

from sweeper.config.problems import Problem, Several
from sweeper.config.yaml_nodes import TAG, Document, check_limits, plain
from sweeper.config.yaml_syntax import LINE_BREAK, explained

MAX_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with floats as in YAML 1.2 and bounded size and depth."""

    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, unless the document grows out of bounds."""
        self.nodes += 1
        self.depth += 1
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call] # PyYAML's
        check_limits(self.nodes, self.depth, line)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


# YAML 1.2 floats (https://yaml.org/spec/1.2.2/#1032-tag-resolution) that need no dot and no sign.
_Loader.add_implicit_resolver(
    TAG + "float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_bytes(path: FilePath) -> bytes:
    """Read a sweep file, refusing what cannot be one.

    Raises:
        Several: If it is missing, unreadable, a folder or larger than ``MAX_BYTES``.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        what = "there is no such file"
    except IsADirectoryError:
        what = "is a folder; name the sweep file in it"
    except (OSError, ValueError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        if len(content) <= MAX_BYTES:
            return content
        what = f"is larger than {MAX_BYTES >> 20} MiB and so no sweep file"
    raise Several([Problem((), what, line=0)])


def decoded(content: bytes) -> str:
    """Decode a file.

    Raises:
        Several: If it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(LINE_BREAK.findall(content[: error.start].decode())) + 1
        what = f"is not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        raise Several([Problem((), what, line=line)]) from error


def read_text(text: str) -> Document:
    """Read one YAML document.

    Raises:
        Several: If it is no YAML, empty, too large, too deep or contains itself.
    """
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = len(LINE_BREAK.findall(text[: found.start()])) + 1
        what = f"holds the control character U+{ord(found[0]):04X}; remove it"
        raise Several([Problem((), what, line=line)])
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise Several([explained(error, text)]) from error
    finally:
        loader.dispose()
    if node is None:
        raise Several([Problem((), "is empty", line=1)])
    return plain(node)

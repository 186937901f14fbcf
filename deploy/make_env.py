"""Makes a .env file out of .env.example, with new secrets: `python3 deploy/make_env.py [--demo]`.

Needs Python only, none of the project's packages, so that it runs on a host that has nothing but Docker.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
GENERATORS: dict[str, Callable[[], str]] = {
    "secret": lambda: secrets.token_hex(24),
    "fernet": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}
# NAME=  # made: secret
MADE = re.compile(r"^(\w+)=\s*# made(?: for the demo)?: (\w+)$")
FOR_DEMO = re.compile(r"^(\w+)=.*# demo: (\S+)$")


def fill_in(example: str, *, is_demo: bool) -> str:
    """Return the example with each secret that can be made up; a demo gets its own parts' addresses as well."""
    lines = []
    for line in example.splitlines():
        if (made := MADE.match(line)) and (is_demo or "for the demo" not in line):
            lines.append(f"{made[1]}={GENERATORS[made[2]]()}")
        elif is_demo and (place := FOR_DEMO.match(line)):
            lines.append(f"{place[1]}={place[2]}")
        else:
            # what is behind a value would be a part of it for some readers of such files
            lines.append(re.sub(r"^(\w+=\S*)\s+#.*$", r"\1", line))
    return "\n".join(lines) + "\n"


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 deploy/make_env.py", description=__doc__.splitlines()[0])
    parser.add_argument("--demo", action="store_true", help="for the profile demo: nothing is left to fill in")
    parser.add_argument("--file", type=Path, default=FOLDER / ".env", help="where to write (default: .env)")
    options = parser.parse_args()
    text = fill_in((FOLDER / ".env.example").read_text(encoding="utf-8"), is_demo=options.demo)
    try:
        # never over an older one: its keys are the only ones that can read the metadata database
        number = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{options.file} is there already and is left as it is.\n")
        return 1
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
    left = [line.removesuffix("=") for line in text.splitlines() if re.fullmatch(r"\w+=", line)]
    sys.stdout.write(
        f"Wrote {options.file}.\n" + (f"Left to fill in or to leave empty: {', '.join(left)}.\n" * bool(left))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

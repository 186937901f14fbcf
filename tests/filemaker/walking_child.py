"""A program that walks a layout and ends as it is told: `walking_child.py URL USER LAYOUT ENDING PAGES`.

The password comes on standard input. It prints a line after each page; after that many pages it ends normally,
by an exception or by sys.exit, or goes on until somebody stops it.
"""

from __future__ import annotations

import signal
import sys

from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.release import released_on_sigterm
from nexus_import.filemaker.walk import walk_layout

PAGE_SIZE_RECORDS = 3
EXIT_CODE = 3


def main(url: str, user: str, layout: str, ending: str, pages: str) -> None:
    client = FileMakerClient(url, "Clinic", user, sys.stdin.readline().rstrip("\n"), retry_wait_seconds=0.001)
    with client, released_on_sigterm(client.close):
        while True:
            for page in walk_layout(client, layout, "id", page_size=PAGE_SIZE_RECORDS):
                sys.stdout.write(f"page {page.number}\n")
                sys.stdout.flush()
                if page.number == int(pages):
                    if ending == "exception":
                        raise ValueError("the work failed")
                    if ending == "exit":
                        sys.exit(EXIT_CODE)
            if ending == "normal":
                return


if __name__ == "__main__":
    # A program that was started in the background of a shell ignores SIGINT otherwise.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(*sys.argv[1:])

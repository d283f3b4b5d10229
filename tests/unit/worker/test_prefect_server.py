"""A refused statement leaves no cursor for the garbage collector to free in the event loop's thread."""

import subprocess
import sys
from pathlib import Path

TRY = """
import asyncio, sqlite3, sys
import aiosqlite
from hydra.worker.prefect_server import close_refused_cursors

async def main() -> None:
    if sys.argv[2] == "mended":
        close_refused_cursors()
    holder = await aiosqlite.connect(sys.argv[1], isolation_level=None)
    other = await aiosqlite.connect(sys.argv[1], isolation_level=None, timeout=0.0)
    await holder.execute("BEGIN IMMEDIATE")
    cursor = await other.cursor()
    try:
        await cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as refused:
        print(refused)
    try:
        await cursor.fetchone()
        print("open")
    except sqlite3.ProgrammingError as closed:
        print(closed)
    await holder.close()
    await other.close()

asyncio.run(main())
"""


def test_the_cursor_of_a_refused_statement_is_closed_and_without_us_it_stays_open(tmp_path: Path) -> None:
    assert _told(tmp_path, "mended") == ["database is locked", "Cannot operate on a closed cursor."]
    assert _told(tmp_path, "as it is") == ["database is locked", "open"]


def _told(folder: Path, how: str) -> list[str]:
    argv = [sys.executable, "-c", TRY, str(folder / "some.db"), how]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()

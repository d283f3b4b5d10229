"""`prefect server` on SQLite, without its minute of standing still: `python -m hydra.demo.prefect_server`.

A statement that SQLite refuses (`database is locked`) leaves its cursor in the error's traceback. When the
garbage collector frees it, in the event loop's thread, that thread waits for the connection's mutex; the
connection's own thread holds it while it waits for the write lock; and who has the write lock waits for the
event loop. Only the busy timeout, a minute, ends it (measured: prefect 3.8.8, SQLAlchemy 2.0.58, aiosqlite
0.22.1; the loop's native stack: gc, cursor_dealloc, sqlite3_reset, pthread_mutex_lock). So a refused
statement's cursor is closed at once, by the thread that owns it. PostgreSQL has none of this.
"""

import runpy
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from aiosqlite.cursor import Cursor

Execute = Callable[..., Coroutine[Any, Any, Cursor]]


def close_refused_cursors() -> None:
    """From now on in this process, a cursor whose statement fails is closed by its connection's thread."""
    for name in ("execute", "executemany", "executescript"):
        setattr(Cursor, name, _closing(getattr(Cursor, name)))


def _closing(execute: Execute) -> Execute:
    @wraps(execute)
    async def closing(self: Cursor, *args: Any, **kwargs: Any) -> Cursor:
        try:
            return await execute(self, *args, **kwargs)
        except BaseException:
            # not awaited: a cancelled task must not wait until a locked database gives up
            self._conn._tx.put_nowait((None, self._cursor.close))
            raise

    return closing


if __name__ == "__main__":
    close_refused_cursors()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)

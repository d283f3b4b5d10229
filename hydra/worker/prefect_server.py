"""`prefect server` with two faults mended: `python -m hydra.worker.prefect_server server start`.

**It stands still for a minute on SQLite.** A statement that SQLite refuses (`database is locked`) leaves
its cursor in the error's traceback. When the garbage collector frees it, in the event loop's thread, that
thread waits for the connection's mutex; the connection's own thread holds it while it waits for the write
lock; and who has the write lock waits for the event loop. Only the busy timeout, a minute, ends it
(measured: prefect 3.8.8, SQLAlchemy 2.0.58, aiosqlite 0.22.1; the loop's native stack: gc,
cursor_dealloc, sqlite3_reset, pthread_mutex_lock). So a refused statement's cursor is closed at once, by
the thread that owns it. PostgreSQL has none of this.

**It answers strangers more than it must.** Its auth string leaves out `/api/ready` and the second page of the
API's description, and no setting names them. Here they are not found.
"""

import runpy
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from aiosqlite.cursor import Cursor
from prefect.server.api import server
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Execute = Callable[..., Coroutine[Any, Any, Cursor]]
CLOSED = ("/redoc", "/api/ready")


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


class Closed:
    """Answers 404 where Prefect would answer a stranger."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") in CLOSED:
            await PlainTextResponse("not found", 404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def close_doors() -> None:
    """From now on in this process, a server that is made has its doors closed."""
    create = server.create_app

    @wraps(create)
    def create_closed(*args: Any, **kwargs: Any) -> Any:
        app = create(*args, **kwargs)
        if app.middleware_stack is None:  # the server's own actions ask for the app again once it runs
            app.add_middleware(Closed)
        return app

    server.create_app = create_closed


if __name__ == "__main__":
    close_refused_cursors()
    close_doors()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)

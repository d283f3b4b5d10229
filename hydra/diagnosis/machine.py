"""This machine: data directory, latch, ledger, SQLite, time zones, libraries."""

import platform
from datetime import datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH

from hydra.bootstrap import open_ledger_of
from hydra.config import Settings, ensure_data_dir
from hydra.diagnosis.finding import Finding, fail, ok, warn
from hydra.domain.errors import HydraError
from hydra.persistence.sqlite import has_wal_reset_bug, library_version
from hydra.ports import Clock
from hydra.usecases.latch import LATCH_FILE, read_latch
from hydra.wiring import LEDGER_FILE

IB_ASYNC: Final = "2.1.0"
PREFECT_MIN: Final = (3, 6, 22)
FASTAPI_BELOW: Final = (0, 150)
SQLALCHEMY_BELOW: Final = (2, 1)
ZONES_YEARS_MAX: Final = 1
_SHOWN: Final = ("ib_async", "prefect", "fastapi", "sqlalchemy", "alembic", "pydantic")


def machine_findings(settings: Settings, clock: Clock) -> list[Finding]:
    """Everything that needs no network, but for a ledger on a server."""
    try:
        folder = ensure_data_dir(settings)
    except HydraError as problem:
        return [fail("data_dir", problem.what, problem.fix), *_software(clock.now())]
    return [
        ok("data_dir", f"{folder} can be written"),
        latch_finding(folder / LATCH_FILE),
        _ledger_finding(settings, clock),
        *_software(clock.now()),
    ]


def latch_finding(path: Path) -> Finding:
    """A kill that is still in force explains why nothing is sent."""
    held = read_latch(path)
    if not held:
        return ok("latch", "no kill is in force")
    told = "; ".join(f"{one.scope} by {one.by}: {one.reason}" for one in held)
    fix = f"`hydra trading set ACTIVE --scope {held[0].scope} --by NAME --reason TEXT` once it is understood"
    return warn("latch", f"nothing is sent: {told}", fix)


def _ledger_finding(settings: Settings, clock: Clock) -> Finding:
    if settings.ledger.url is None and not (settings.data_dir / LEDGER_FILE).exists():
        return ok("ledger", "there is none yet: the first session makes it")
    try:
        ledger = open_ledger_of(settings, clock, read_only=True)
    except HydraError as problem:
        return fail("ledger", problem.what, problem.fix)
    try:
        count = len(ledger.unfinished())
    except HydraError as problem:
        return fail("ledger", problem.what, problem.fix)
    finally:
        ledger.close()
    return ok("ledger", f"{ledger.where} can be read, {count} unfinished parent(s)")


def _software(now: datetime) -> list[Finding]:
    return [sqlite_finding(library_version()), zones_finding(now), *library_findings(_versions())]


def sqlite_finding(version: tuple[int, int, int]) -> Finding:
    """The WAL-reset bug can corrupt a file that two processes write and checkpoint at one instant."""
    shown = ".".join(map(str, version))
    if not has_wal_reset_bug(version):
        return ok("sqlite", f"SQLite {shown}")
    what = f"SQLite {shown} has the WAL-reset bug; the ledger makes no automatic checkpoints because of it"
    return warn("sqlite", what, "live: PostgreSQL (HYDRA_LEDGER_URL), also for Prefect's own database")


def zones_finding(now: datetime) -> Finding:
    """Which zone database counts: the system's wins over the package's."""
    found = _system_zones() or _packaged_zones()
    if found is None:
        return fail("tzdata", "there is no time zone database", "install the system's tzdata")
    source, release = found
    year = int(release[:4]) if release[:4].isdigit() else 0
    if now.year - year > ZONES_YEARS_MAX:
        fix = "update the system's tzdata: session hours and broker days depend on it"
        return warn("tzdata", f"release {release or 'unknown'} from {source} is old", fix)
    return ok("tzdata", f"release {release} from {source}")


def _system_zones() -> tuple[str, str] | None:
    for folder in map(Path, TZPATH):
        if not (folder / "America" / "Chicago").exists():
            continue
        for name in ("tzdata.zi", "+VERSION", "version"):
            try:
                first = (folder / name).read_text(errors="replace").split("\n", 1)[0]
            except OSError:
                continue
            return str(folder), first.removeprefix("# version").strip()
        return str(folder), ""
    return None


def _packaged_zones() -> tuple[str, str] | None:
    try:
        package = import_module("tzdata")
    except ModuleNotFoundError:
        return None
    return "the package tzdata", str(package.IANA_VERSION)


def library_findings(versions: dict[str, str]) -> list[Finding]:
    """`versions`: by distribution name, empty where it is not installed."""
    shown = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    findings = [ok("libraries", f"Python {platform.python_version()}, {shown}")]
    fix = "install exactly requirements.lock: `make setup`"
    if versions["ib_async"] != IB_ASYNC:
        what = f"ib_async is {versions['ib_async'] or 'missing'}, proven is {IB_ASYNC} only"
        findings.append(fail("ib_async", what, fix))
    if _numbers(versions["prefect"]) < PREFECT_MIN:
        what = f"Prefect {versions['prefect'] or 'missing'} lets strangers past its auth (CVE-2026-3514)"
        findings.append(fail("prefect_version", what, fix))
    if _numbers(versions["fastapi"]) >= FASTAPI_BELOW:
        what = f"fastapi {versions['fastapi']} breaks Prefect's server: below 0.150 is needed"
        findings.append(fail("fastapi", what, fix))
    if _numbers(versions["sqlalchemy"]) >= SQLALCHEMY_BELOW:
        what = f"with SQLAlchemy {versions['sqlalchemy']} no schedule of Prefect fires: below 2.1 is needed"
        findings.append(fail("sqlalchemy", what, fix))
    return findings


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in _SHOWN}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())

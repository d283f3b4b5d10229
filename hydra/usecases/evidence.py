"""The paper gate's evidence: what a session on a paper account showed, counted from the ledger."""

from datetime import date

from hydra.domain.events import PaperGateJudged, PaperSessionCounted
from hydra.domain.parent import ParentStatus
from hydra.execution.evidence import different_positions
from hydra.risk.paper_gate import SESSIONS_MIN, why_not_live
from hydra.usecases.desk import Desk


def count_paper_session(desk: Desk, session_on: date) -> PaperSessionCounted:
    """Write this session's evidence; a rerun counts again, and the latest count stands."""
    parents = desk.ledger.session(session_on)
    children = [child for parent in parents for child in parent.children]
    ours, theirs = desk.ledger.positions(), desk.broker_positions
    counted = PaperSessionCounted(
        session_on=session_on,
        build_id=desk.identity.build_id,
        parents=sum(parent.opened is not None for parent in parents),
        orders=len(children),
        executions=sum(len(child.executions) for child in children),
        connections=desk.broker.link.connection_no,
        in_doubt=sum(parent.status is ParentStatus.IN_DOUBT for parent in parents),
        findings=len(desk.halts_told),
        unequal_positions=len(different_positions(ours, theirs)),
    )
    desk.ledger.record([counted])
    return counted


def judge_paper_gate(desk: Desk, by: str) -> PaperGateJudged:
    """Judge the counted sessions and write the verdict; live trading asks for the latest one."""
    evidence = desk.ledger.paper_sessions()
    judged = PaperGateJudged(
        account=desk.broker.account,
        sessions=min(len(evidence), SESSIONS_MIN),
        reasons=why_not_live(evidence),
        build_id=desk.identity.build_id,
        by=by,
    )
    desk.ledger.record([judged])
    desk.log("hydra.gate.judged", passed=judged.is_passed, reasons=list(judged.reasons))
    return judged

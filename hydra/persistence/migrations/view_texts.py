"""The reports' views as each revision made them; prices are quoted points, amounts dollars, shares bps.

Texts that both databases understand. CAST AS NUMERIC is exact on PostgreSQL and a double on SQLite: reports
only; whoever decides on money folds the events with Decimal.
"""

from typing import Final

_FILLS: Final = """
CREATE VIEW fills AS
SELECT e.executed_at, e.exec_root, e.exec_id, e.revision, e.order_ref, s.parent_id, p.session_on,
       e.symbol, e.con_id, e.side, e.qty, e.px, e.commission_usd,
       s.step, s.slice_no, s.limit_px, s.mid_px, s.predicted_slippage_bps,
       CASE WHEN CAST(s.mid_px AS NUMERIC) <> 0 THEN
         10000.0 * (CASE e.side WHEN 'BUY' THEN 1 ELSE -1 END)
         * (CAST(e.px AS NUMERIC) - CAST(s.mid_px AS NUMERIC)) / ABS(CAST(s.mid_px AS NUMERIC))
       END AS slippage_bps
FROM executions e
JOIN sendings s ON s.order_ref = e.order_ref
JOIN parents p ON p.parent_id = s.parent_id
WHERE e.is_own = 1 AND e.qty <> 0
"""

_SHORTFALL: Final = """
CREATE VIEW shortfall AS
SELECT p.parent_id, p.session_on, p.symbol, p.con_id, p.side, p.order_qty, p.cum_qty, p.status,
       p.arrival_px, p.usd_per_point, f.lots, f.avg_px, f.commission_usd,
       (CASE p.side WHEN 'BUY' THEN 1 ELSE -1 END)
         * (f.value - f.lots * CAST(p.arrival_px AS NUMERIC)) * CAST(p.usd_per_point AS NUMERIC) AS cost_usd,
       CASE WHEN CAST(p.arrival_px AS NUMERIC) <> 0 AND p.order_qty > 0 THEN
         10000.0 * ((CASE p.side WHEN 'BUY' THEN 1 ELSE -1 END)
           * (f.value - f.lots * CAST(p.arrival_px AS NUMERIC)) * CAST(p.usd_per_point AS NUMERIC)
           + f.commission_usd)
         / (ABS(CAST(p.arrival_px AS NUMERIC)) * p.order_qty * CAST(p.usd_per_point AS NUMERIC))
       END AS executed_shortfall_bps
FROM parents p
JOIN (
  SELECT s.parent_id, SUM(e.qty) AS lots, SUM(e.qty * CAST(e.px AS NUMERIC)) AS value,
         SUM(e.qty * CAST(e.px AS NUMERIC)) / NULLIF(SUM(e.qty) * 1.0, 0) AS avg_px,
         SUM(COALESCE(CAST(e.commission_usd AS NUMERIC), 0)) AS commission_usd
  FROM executions e JOIN sendings s ON s.order_ref = e.order_ref
  WHERE e.is_own = 1
  GROUP BY s.parent_id
) f ON f.parent_id = p.parent_id
WHERE p.arrival_px IS NOT NULL
"""

# Cash in (positive) or out by executions. P&L of a contract = (cash + lots × mark) × usd − commission.
_CASH: Final = """
CREATE VIEW cash AS
SELECT e.con_id, e.symbol,
       SUM((CASE e.side WHEN 'BUY' THEN 1 ELSE -1 END) * e.qty) AS lots,
       -SUM((CASE e.side WHEN 'BUY' THEN 1 ELSE -1 END) * e.qty * CAST(e.px AS NUMERIC)) AS cash_points,
       SUM(COALESCE(CAST(e.commission_usd AS NUMERIC), 0)) AS commission_usd,
       (SELECT MAX(p.usd_per_point) FROM parents p WHERE p.con_id = e.con_id) AS usd_per_point
FROM executions e
GROUP BY e.con_id, e.symbol
"""

VIEWS_0001: Final = (_FILLS, _SHORTFALL, _CASH)

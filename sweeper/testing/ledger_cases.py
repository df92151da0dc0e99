"""What every ledger must do: derive a test class from ``LedgerCases`` and give it a ``bench``.

class TestMyLedger(LedgerCases):
    @pytest.fixture
    def bench(self) -> StoreBench: ...
"""

from __future__ import annotations

from sweeper.testing.ledger_row_cases import LedgerRowCases
from sweeper.testing.ledger_sweep_cases import LedgerSweepCases

__all__ = ["LedgerCases"]


class LedgerCases(LedgerRowCases, LedgerSweepCases):
    """The contract of ``seams.Ledger``."""

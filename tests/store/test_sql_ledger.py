from __future__ import annotations

import pytest

from sweeper.testing.ledger_cases import LedgerCases
from sweeper.testing.store_bench import StoreBench

from .conftest import SqlBench


class TestSqlLedger(LedgerCases):
    @pytest.fixture
    def bench(self, sql_bench: SqlBench) -> StoreBench:
        return sql_bench

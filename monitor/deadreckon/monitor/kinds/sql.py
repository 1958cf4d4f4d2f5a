"""Kind sql: a SELECT of the user's own, asked once for each window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from deadreckon.monitor.rule import Duration
from deadreckon.monitor.shapes import Bounded
from deadreckon.monitor.sqlrule import check_sql


class SqlRule(Bounded):
    """A SELECT, and bounds for its value."""

    kind: Literal["sql"] = Field(default="sql", description="a rule with sql need not say so")
    sql_: str = Field(
        alias="sql",
        description="a SELECT giving value, optionally n, and label columns; may use $window_start, $window_end",
    )
    window_: Duration = Field(alias="window", gt=0, description="how much time one evaluation looks at")

    @property
    def window(self) -> int:
        """Seconds that one evaluation looks at."""
        return self.window_

    @property
    def sql(self) -> str:
        """The SELECT."""
        return self.sql_

    @field_validator("sql_")
    @classmethod
    def _selects(cls, text: str) -> str:
        check_sql(text)
        return text

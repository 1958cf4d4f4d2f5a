"""Backtests: what the monitor would have said in the past, had cron run it then; the lake is only read."""

from __future__ import annotations

from deadreckon.backtest.known import Incident, Score, score, unfound, within
from deadreckon.backtest.replay import Backtest, backtest, moments
from deadreckon.backtest.told import Told, told
from deadreckon.backtest.trail import Change, Firing, Trail

__all__ = [
    "Backtest",
    "Change",
    "Firing",
    "Incident",
    "Score",
    "Told",
    "Trail",
    "backtest",
    "moments",
    "score",
    "told",
    "unfound",
    "within",
]

"""All faults at once, under load: the proof that the promises hold together."""

import os
import sys
from pathlib import Path

import pytest
from common.testing.faults.storm import Report, Storm
from common.testing.faults.system import System

pytestmark = pytest.mark.integration

SECONDS = float(os.environ.get("FAULTS_SECONDS", "20"))
SEED = int(os.environ.get("FAULTS_SEED", "1"))
PEAK_MEGABYTES = 160


def show(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """Always, since its numbers are what is asked for; and into a file if one is named."""
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
    if file := os.environ.get("FAULTS_REPORT"):
        Path(file).write_text(f"{report}\n")


async def test_a_storm_of_faults_loses_doubles_and_reorders_nothing(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """P1, P2, P5, P12, P13, P14."""
    report = await Storm(system, SEED, SECONDS).rage()

    show(report, capsys)
    assert report.findings.faultless, report.findings
    assert report.errors == [], "an API error while the database was there"
    assert {error.status for error in system.ledger.errors} <= {503}
    assert max(report.peak_megabytes.values()) <= PEAK_MEGABYTES

"""What synchronisation and channel estimation cost where they are hardest: the long run is benchmarks/phy_quick.py."""

import runpy
from pathlib import Path

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "phy_quick.py"


def test_multipath_at_0_db_loses_few_frames_more_than_a_genie_does():
    point = runpy.run_path(str(BENCHMARK))["measure"]("multipath", 0.0, frames=300, symbols=60, seed=1)
    lost, genie_lost = point["lost"].value, point["genie lost"].value
    assert 0.01 < genie_lost < 0.15  # else it would be no test
    assert lost <= genie_lost + 0.04
    assert 0.95 < point["calibration"].value < 1.05

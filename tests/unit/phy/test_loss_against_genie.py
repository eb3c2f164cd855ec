"""What synchronisation and channel estimation cost where they are hardest: the long run is `semcom bench phy`."""

from semcom_ota.experiments.bench.acquisition import count_headers
from semcom_ota.experiments.bench.exchange import TDL_A, Point


def test_multipath_at_0_db_loses_few_frames_more_than_a_genie_does():
    both, receiver_alone, genie_alone, none, wrong = count_headers(Point(TDL_A, 0.0, 60), 300, (1, 1))
    assert both + receiver_alone + genie_alone + none == 300 and wrong == 0
    assert 3 <= both + genie_alone <= 60  # else it would be no test
    assert receiver_alone <= genie_alone + 20

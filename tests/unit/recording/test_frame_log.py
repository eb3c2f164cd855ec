import os

import numpy as np
import pytest

from semcom_ota.recording.frame_log import FoundFrame, FrameLog, read_log
from semcom_ota.types import Csi, FrameHeader, ReceivedFrame

CSI = Csi(np.ones((2, 4), np.complex64), np.ones(4, np.float32), np.float32(6.5), -3.25, 1e6, 15625.0, 1.5)


def frame(number: int) -> ReceivedFrame:
    header = FrameHeader(codec=9, stream=4, message=number, message_symbols=2)
    return ReceivedFrame(
        header, np.zeros(2, np.complex64), np.ones(2, np.float32), CSI, 100 * number, 100 * number + 90, lost_samples=7
    )


def test_frames_are_read_as_they_were_written(tmp_path):
    log = FrameLog(tmp_path / "log", offset=5000)
    log.open()
    log.write(frame(3))
    log.close()
    assert list(read_log(tmp_path / "log")) == [FoundFrame(5300, 5390, 6.5, -3.25, 1.5, frame(3).header, 7)]


def test_no_file_is_no_frames(tmp_path):
    assert not list(read_log(tmp_path / "log"))


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_a_log_that_a_kill_cut_short_goes_on_with_a_whole_line(tmp_path, cut):
    for numbers, offset in ((range(3), 0), (range(2), 1000)):
        log = FrameLog(tmp_path / "log", offset)
        log.open()
        for number in numbers:
            log.write(frame(number))
        log.close()
        if not offset:
            os.truncate(tmp_path / "log", (tmp_path / "log").stat().st_size - cut)
    starts = [found.start for found in read_log(tmp_path / "log")]
    assert starts == [0, 100] + ([] if cut else [200]) + [1000, 1100]

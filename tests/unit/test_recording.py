import numpy as np
import sigmf

from semcom_ota.recording import FrameMark, write_meta


def test_annotations_land_on_the_frames_and_the_samples_come_back(tmp_path):
    samples = np.arange(1000).astype(np.complex64)
    data_file = tmp_path / "capture.sigmf-data"
    samples.tofile(data_file)
    marks = [FrameMark(500, 100, 1, 8, 0), FrameMark(10, 50, 0, 7, 2, snr_db=3.5)]
    recording = sigmf.fromfile(str(write_meta(data_file, 1e6, "a test", marks)))
    recording.validate()
    first, second = recording.get_annotations()
    assert (first["core:sample_start"], first["core:sample_count"], first["semcom:fragment"]) == (10, 50, 2)
    assert first["semcom:channel_snr_db"] == 3.5 and "semcom:channel_snr_db" not in second
    assert np.array_equal(recording.read_samples(start_index=500, count=100), samples[500:600])

from pathlib import Path

import numpy as np
import pytest
from gnuradio import blocks
from radio_bench import Collector, gr, post, wait_until
from semcom_blocks import ReportSink, ReportSource, pdu

from semcom_ota.transport.endpoint import ipc_endpoint
from semcom_ota.transport.messages import to_packet
from semcom_ota.types import LinkReport

pytestmark = pytest.mark.timeout(60)


def report(message: int) -> LinkReport:
    return LinkReport(3, message, 0, message, 4.5, 10.0, np.array([1.0, -2.0], np.float32), message % 7)


def test_reports_go_from_one_flowgraph_to_another(tmp_path: Path):
    endpoint = ipc_endpoint(tmp_path, "reports")
    receiver, transmitter, heard = gr.top_block(), gr.top_block(), Collector()
    sink, source = ReportSink(endpoint), ReportSource(endpoint)
    strobe = blocks.message_strobe(pdu.from_link_report(report(1)), 20)  # what nobody listens to yet is lost
    receiver.msg_connect(strobe, "strobe", sink, "in")
    transmitter.msg_connect(source, "out", heard, "in")
    for top in (receiver, transmitter):
        top.start()
    heard.wait(2)
    post(sink, "in", pdu.make({"not": "a report"}, np.zeros(3, np.uint8)))
    for number in range(20_000, 20_020):
        post(sink, "in", pdu.from_link_report(report(number)))
    wait_until(lambda: any(pdu.to_link_report(one).message == 20_019 for one in list(heard.messages)))
    for top in (receiver, transmitter):
        top.stop()
        top.wait()
    last = [one for one in map(pdu.to_link_report, heard.messages) if one.message >= 20_000]
    assert [one.message for one in last] == list(range(20_000, 20_020))
    assert to_packet(last[-1]).fields == to_packet(report(20_019)).fields
    assert last[-1].carrier_snr_db.tolist() == [1.0, -2.0]
    assert sink.dropped == 1

"""A failing block must end its process: GNU Radio itself goes on without it."""

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import numpy as np, pmt
    from gnuradio import blocks, gr
    from semcom_blocks import failure, pdu
    from semcom_ota.config import ConfigError

    class Failing(gr.sync_block):
        def __init__(self):
            gr.sync_block.__init__(self, "failing", [np.complex64], None)
            self.message_port_register_in(pmt.intern("in"))
            self.set_msg_handler(pmt.intern("in"), self.handle)

        @failure.ends_process
        def work(self, inputs, outputs):
            {work}
            return len(inputs[0])

        @failure.ends_process
        def handle(self, message):
            raise RuntimeError("the handler broke")

    top, source, failing = gr.top_block(), blocks.null_source(8), Failing()
    top.connect(source, failing)
    if {post}:
        failing.to_basic_block()._post(pmt.intern("in"), pmt.PMT_T)
    top.run()
"""


@pytest.mark.parametrize(
    ("work", "post", "status", "words"),
    [
        ("raise RuntimeError('work broke')", False, 70, "RuntimeError: work broke"),
        ("pass", True, 70, "RuntimeError: the handler broke"),
        ("raise ConfigError('This cannot work.')", False, 2, "This cannot work."),
    ],
)
def test_an_exception_in_a_block_ends_the_process(work: str, post: bool, status: int, words: str):
    script = textwrap.dedent(SCRIPT.format(work=work, post=post))
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == status
    assert ran.stderr.strip().splitlines()[-1] == words
    assert ("Traceback" in ran.stderr) == (status == 70)

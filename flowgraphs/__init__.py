"""The flowgraphs of semcom-ota, and the processes that run them."""

import sys

try:
    import gnuradio.gr  # noqa: F401
except ImportError as error:
    print(
        f"GNU Radio cannot be imported ({error}): run scripts/setup.sh, which installs it and makes a virtual"
        " environment that sees it.",
        file=sys.stderr,
    )
    sys.exit(2)

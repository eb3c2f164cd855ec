"""`python -m semcom_ota.cli` is `semcom`."""

from semcom_ota.cli import main

main()

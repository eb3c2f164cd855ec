"""The flowgraphs of semcom-ota, and the processes that run them."""

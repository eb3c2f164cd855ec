"""What a radio asks of its host: time, bursts, gaps, gain and an account of what went wrong. Pure; no GNU Radio."""

"""The benches: every figure that is claimed, measured beside its bound, with intervals."""

"""A software USRP: a device with its own clock, oscillator and faults, in a process of its own. Pure; no GNU Radio."""

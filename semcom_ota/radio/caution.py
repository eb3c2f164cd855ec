"""What whoever lets a device transmit has to mind."""

CAUTION = (
    "join TX and RX by a cable with 40 dB of attenuators or more (above -15 dBm a receiver may be destroyed), begin at"
    " the device's least gain, and put an antenna on only where your licence, or a band that needs none, allows this"
    " frequency and power"
)

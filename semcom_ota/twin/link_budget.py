"""What SNR gains and losses make, before anything is sent; and what loss makes the SNR that is wanted."""

import math

from semcom_ota.config import PhyConfig
from semcom_ota.twin.front_end import noise_dbm, quantisation_dbfs
from semcom_ota.twin.lab_config import LabDevice


def link_snr_db(
    phy: PhyConfig,
    *,
    loss_db: float,
    rms: float,
    tx_gain_db: float,
    rx_gain_db: float,
    transmitter: LabDevice,
    receiver: LabDevice,
) -> float:
    """Es/N0 on a data subcarrier (ARCHITECTURE.md) over one path of a lab.

    A cell under a unitary FFT has fft_size / used_carriers times the power of a sample of the frame, and the noise of a
    sample. Noise is kTB at the receiver's input, its noise figure, and the rounding of its converter, which counts at
    low gain. Clipping at high gain and the mixer's image are not in it.

    Args:
        phy: the air interface, at the rate that the devices have.
        loss_db: of the path.
        rms: of the samples of a frame, 1.0 being the converter's full scale (`radio.bursts.rms`).
        tx_gain_db: transmit gain.
        rx_gain_db: receive gain.
        transmitter: which device sends.
        receiver: which one receives.

    Returns:
        dB.
    """
    model = transmitter.model
    sent_dbm = model.tx_full_scale_dbm - model.tx_gains_db[1] + tx_gain_db + 20 * math.log10(rms)
    cell_db = 10 * math.log10(phy.fft_size / phy.used_carriers)
    return sent_dbm - loss_db + cell_db - _noise_dbm(receiver, rx_gain_db, phy.sample_rate)


def link_loss_db(
    phy: PhyConfig,
    *,
    snr_db: float,
    rms: float,
    tx_gain_db: float,
    rx_gain_db: float,
    transmitter: LabDevice,
    receiver: LabDevice,
) -> float:
    """The loss of a path that makes this SNR: the inverse of `link_snr_db`, with its arguments. In dB."""
    without = link_snr_db(
        phy, loss_db=0.0, rms=rms, tx_gain_db=tx_gain_db, rx_gain_db=rx_gain_db,
        transmitter=transmitter, receiver=receiver,
    )  # fmt: skip
    return without - snr_db


def _noise_dbm(receiver: LabDevice, gain_db: float, sample_rate: float) -> float:
    """Of a sample, at the receiver's input."""
    rounding_dbm = receiver.model.rx_full_scale_dbm - gain_db + quantisation_dbfs(receiver.model.adc_bits)
    thermal_dbm = noise_dbm(receiver.noise_figure_db, sample_rate)
    return 10 * math.log10(10 ** (thermal_dbm / 10) + 10 ** (rounding_dbm / 10))

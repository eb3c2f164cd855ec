"""Which symbols are sent at the SNR that the link last reported."""

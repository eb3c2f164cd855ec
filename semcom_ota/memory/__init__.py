"""What the receiver keeps of the past."""

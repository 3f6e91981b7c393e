"""Training, calibration and evaluation of bounceml's model."""

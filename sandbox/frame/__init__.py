"""What every emulated service shares: TLS, the exchange log, fault injection and the shape of a refusal."""

"""What the design wants held, measured: `make bench`. Numbers are never asserted in a test."""

"""Diagnosis: from a failure text to what failed, why, whose limit and which image.

Pure and linear: one text in, one verdict out, a bounded part of it looked at. The steps are modules: unwrapping, then
addresses and mentions, then limits and causes, then the choice of the image that failed, then redacted evidence.
"""

from shared.domain.diagnosis.diagnose import diagnose
from shared.domain.diagnosis.model import Cause, Diagnosis

__all__ = ["Cause", "Diagnosis", "diagnose"]

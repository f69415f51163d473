"""All planted bugs, by subject. See :mod:`bugs`."""

from __future__ import annotations

import bugs_of_exposure
import bugs_of_outcomes
import bugs_of_rates
import bugs_of_recovery
import bugs_of_writers
from bugs import BUGS, Planted

SUBJECTS = (bugs_of_outcomes, bugs_of_exposure, bugs_of_rates, bugs_of_recovery, bugs_of_writers)

__all__ = ["BUGS", "SUBJECTS", "Planted"]

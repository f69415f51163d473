"""How the venue was used: requests and verdicts, exposure, fills and mark-outs, the truth."""

"""What is the market, and may it be believed? Books, their witnesses and references."""

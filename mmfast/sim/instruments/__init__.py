"""What is listed: symbols, their grids and filters, exact arithmetic of prices and coins."""

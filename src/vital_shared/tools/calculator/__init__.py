"""The calculator: safe arithmetic, and quantities with units."""

"""How sure a number is: intervals, fits and tests, of numbers alone."""

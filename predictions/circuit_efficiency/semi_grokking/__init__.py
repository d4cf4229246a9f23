"""Late partial generalisation near the critical size."""

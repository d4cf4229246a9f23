"""How networks are trained and recorded, and how a run ends."""

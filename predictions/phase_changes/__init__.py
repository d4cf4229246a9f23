"""Phase changes, and grokking as one of them (Nanda & Lieberum 2022, Nanda et al. 2023)."""

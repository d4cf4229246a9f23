"""What of ungrokking depends on weight decay."""

"""What finished weights say."""

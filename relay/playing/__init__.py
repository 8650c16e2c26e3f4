"""What is played to legs: files and tones as samples."""

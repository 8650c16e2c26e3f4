"""What agents speak on: softphones, and phones that register."""

"""What is kept: keys, sealed objects, reading them back and holding them against what is known of them."""

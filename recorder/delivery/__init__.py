"""Phase two: stores, and the way of a finished recording into one."""

"""`python -m bench`: the same as `telephonist-bench`."""

from bench.cli import main

if __name__ == "__main__":
    main(prog_name="telephonist-bench")

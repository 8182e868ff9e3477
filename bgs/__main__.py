"""`python -m bgs` is the command `bgs`."""

from bgs.cli import main

if __name__ == "__main__":
    main()

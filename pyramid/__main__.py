"""``python -m pyramid``."""

from pyramid.cli import main

if __name__ == "__main__":
    main()

"""``python -m sortition``, the same as the command ``sortition``."""

import sys

from sortition._commands.cli import main

if __name__ == "__main__":
    sys.exit(main())

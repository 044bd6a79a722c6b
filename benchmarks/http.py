"""Orders and quotes a second over HTTP; see front_end.py, which this starts."""

import sys

# This file has the name of a package of the standard library, which must be found before it.
sys.path.append(sys.path.pop(0))

from front_end import main  # noqa: E402

if __name__ == "__main__":
    main()

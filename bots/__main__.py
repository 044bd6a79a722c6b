"""`python3 -m bots`: the bots import each other by bare names, as scripts do, so this folder has to
be where Python looks for modules."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

if __name__ == "__main__":
    from fleet import main

    sys.exit(main())

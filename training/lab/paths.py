"""Where the lab keeps things."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SERVERS = HERE / "servers"


def cache() -> Path:
    """Installed servers and the bounces of the last run; `BOUNCEML_LAB` puts them elsewhere than `build/lab`."""
    return Path(os.environ.get("BOUNCEML_LAB", REPOSITORY / "build" / "lab")).resolve()

"""`python -m bounceml_cli` is `bounceml`."""

from bounceml_cli.main import main

main()

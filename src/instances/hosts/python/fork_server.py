"""Entry of the fork server: python -I fork_server.py, with the control socket as file descriptor 3."""
import sys

BARE = frozenset(sys.modules)
sys.path.insert(0, __file__.rpartition("/")[0])

from sluice_host import zygote  # noqa: E402

sys.path.pop(0)
zygote.main(BARE)

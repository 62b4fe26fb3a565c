"""The policy file as commands read it."""

from shared.commands._input import read_text
from shared.domain.policy import Policy
from shared.domain.policy_file import load_policy


def load_policy_file(path: str) -> Policy:
    """The policy in a file.

    Raises:
        InputUnreadable: the file can't be read.
        PolicyInvalid: the policy has errors; all of them are named.
    """
    return load_policy(read_text(path), path=path)

# SPDX-License-Identifier: Apache-2.0
"""The one error that users see: what was found, what was expected, what to do next."""


class AuscultError(Exception):
    """A problem the user can mend.

    found: what is wrong, naming the file, key or value; expected: what would have been right; hint: the next step.
    """

    def __init__(self, found: str, expected: str = "", hint: str = "") -> None:
        self.found, self.expected, self.hint = found, expected, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        text = self.found
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f"; {self.hint}"
        return text

    def as_dict(self) -> dict[str, str]:
        return {"found": self.found, "expected": self.expected, "hint": self.hint}

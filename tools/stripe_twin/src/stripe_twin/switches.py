"""How badly webhooks travel: each switch is set by tests and holds until it is set again."""

from dataclasses import dataclass


@dataclass
class Switches:
    """Of the deliveries from now on.

    `duplicates`: so many more copies of each. `hold`: none leaves until they are released, in the
    order that the release names. `delay`: seconds that each waits. `drop`: so many are lost on the
    way and not tried again. `bad_signatures`: so many are signed with another secret.
    `signature_age`: seconds by which signatures are dated back (negative: ahead). `retry_after`:
    seconds until each further try.
    """

    duplicates: int = 0
    hold: bool = False
    delay: float = 0.0
    drop: int = 0
    bad_signatures: int = 0
    signature_age: int = 0
    retry_after: tuple[float, ...] = (1, 5, 30, 120, 600, 3600, 3600, 14400, 43200)

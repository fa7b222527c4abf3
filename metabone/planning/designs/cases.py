"""Published planning cases in the words of other programs, answered by the designs' functions.

Other programs speak of Cohen's d and f; the planner's own designs never do. This is the one place
where such inputs are understood, so that published numbers can be held against the designs.
"""

from metabone.planning.designs import cases_arms, cases_means, cases_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block

READERS = cases_means.READERS + cases_more.READERS + cases_arms.READERS


def evaluate_case(design: str, inputs: "Block") -> "Block":
    """Answer a published case; a design that the planner does not know gives an empty answer.

    Parameters
    ----------
    design : the case's own name of its design
    inputs : in the case's own words

    Examples
    --------
    >>> round(evaluate_case("two-sample t", {"d": 2, "n": 6, "alpha": 0.05})["power"], 6)
    0.876418
    """
    name = design.lower()
    for words, reader in READERS:
        if any(word in name for word in words):
            answer: Block = reader(name, inputs)
            if answer:
                return answer
    return {}

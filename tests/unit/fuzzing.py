"""How many inputs a fuzz test tries: a few hundred, or as many as the environment asks for."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

VARIABLE = "PRONK_FUZZ_EXAMPLES"


def many(examples: int = 150) -> settings:
    """Settings of a fuzz test; PRONK_FUZZ_EXAMPLES=1000000 makes a night of it."""
    return settings(
        max_examples=int(os.environ.get(VARIABLE, examples)),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# Values that a person or a program may put where something else belongs.
WORDS = ["", "a", "true", "1", "-1", "nan", "1e999", "../x", "$(", "$(var x)", "$(env", ")", "ü", "\u0000", "- [", "{"]
WORDS += ["2001-99-99", "!!bool x", "!!int ''", "!!timestamp x", "[" * 3000]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)


def spoilt(tree):
    """Trees that differ from a good one in a place or two: a value replaced, a key renamed, added or lost."""

    @st.composite
    def build(draw):
        result = tree
        for _ in range(draw(st.integers(1, 2))):
            result = _change(draw, result)
        return result

    return build()


def _change(draw, node):
    inside = isinstance(node, (list, dict)) and len(node) > 0
    if not inside or draw(st.integers(0, 4)) == 0:
        return draw(trees)
    if isinstance(node, list):
        index = draw(st.integers(0, len(node) - 1))
        how = draw(st.sampled_from(["deeper", "deeper", "lose", "twice"]))
        changed = {"lose": [], "twice": [node[index]] * 2}.get(how) if how != "deeper" else None
        return [*node[:index], *([_change(draw, node[index])] if changed is None else changed), *node[index + 1 :]]
    key = draw(st.sampled_from(list(node)))
    how = draw(st.sampled_from(["deeper", "deeper", "deeper", "lose", "rename", "add"]))
    rest = {k: v for k, v in node.items() if k != key}
    if how == "lose":
        return rest
    if how == "rename":
        return {**rest, draw(st.sampled_from(WORDS) | st.integers(0, 3)): node[key]}
    if how == "add":
        return {**node, draw(st.sampled_from(WORDS)): draw(trees)}
    return {**node, key: _change(draw, node[key])}


@st.composite
def damaged(draw, data):
    """Bytes that differ from good ones: some flipped, some inserted, the end cut off."""
    result = bytearray(data)
    for _ in range(draw(st.integers(0, 8))):
        if result:
            result[draw(st.integers(0, len(result) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(result)))
        result[at:at] = draw(st.binary(max_size=12))
    if draw(st.booleans()):
        del result[draw(st.integers(0, len(result))) :]
    return bytes(result)

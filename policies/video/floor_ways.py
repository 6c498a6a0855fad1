"""Ways over the cells of a floor: from what moves to where it is sent, around what nothing passes."""

import heapq
import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Point = tuple[float, float]

# Chance of having changed in the end, without words, from which on a cell is of what moves; and with words, from which
# on it is where that is sent.
MOVES, SENT = 0.5, 0.35
# Cells around the middle of what moves, and of where it is sent, that count as theirs.
BODY_CELLS, GOAL_CELLS = 4, 2
# Half the length of what moves [cell].
HALF_CELLS = 3
# Cells over which things pass this much more seldom than over the median one are in the way; each costs so many.
SELDOM, DEAR = 0.1, 12.0


def find_way(goal: Array, mover: Array, free: Array, least: float = SENT) -> tuple[Array | None, float]:
    """Find the way from what moves to where it is sent.

    Args:
        goal: Chance of each cell to be another when all is done, with words, shape (H, W).
        mover: The same without words.
        free: Chance of each cell to be passed over till then.
        least: Chance from which on words send it somewhere.

    Returns:
        Points from the one to the other, shape (N, 2) [cell], None where nothing moves or words send it nowhere; and
        the chance of the likeliest cell that it is sent to.
    """
    start = middle_of(mover, MOVES, BODY_CELLS)
    if start is None:
        return None, 0.0
    elsewhere = np.where(mover >= MOVES, 0.0, goal)
    sure, end = float(elsewhere.max()), middle_of(elsewhere, least, GOAL_CELLS)
    if end is None:
        return None, sure
    # The whole of what moves must pass, not its middle alone.
    seldom = widest(np.log(np.maximum(SELDOM * np.median(free) / np.maximum(free, 1e-6), 1.0)), HALF_CELLS)
    return smoothed(cheapest_way(1.0 + DEAR * seldom, start, end)), sure


def widest(values: Array, reach: int) -> Array:
    """Find the greatest value around each cell.

    Args:
        values: At least 0, shape (H, W).
        reach: How far around [cell].

    Returns:
        Shape (H, W).
    """
    padded, (height, width), steps = np.pad(values, reach), values.shape, range(2 * reach + 1)
    return np.asarray(np.max([padded[r : r + height, c : c + width] for r in steps for c in steps], axis=0))


def length_of(way: Array) -> float:
    """Measure a way.

    Args:
        way: Points, shape (N, 2).

    Returns:
        Its length.
    """
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())


def middle_of(chances: Array, least: float, reach: int) -> Point | None:
    """Find the middle of what is likeliest.

    Args:
        chances: Of each cell, shape (H, W).
        least: Least chance of its likeliest cell.
        reach: How far around that cell it extends [cell].

    Returns:
        Row and column; None where nothing is likely enough.
    """
    padded = np.pad(chances, 1)
    around = sum(padded[r : r + chances.shape[0], c : c + chances.shape[1]] for r in range(3) for c in range(3))
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(around)), chances.shape))
    rows, columns = np.indices(chances.shape)
    close = (np.abs(rows - row) <= reach) & (np.abs(columns - column) <= reach)
    weight = np.where(close & (chances >= least), chances, 0.0)
    if weight.sum() <= 0.0:
        return None
    return float((weight * rows).sum() / weight.sum()), float((weight * columns).sum() / weight.sum())


def peaks_of(chances: Array, least: float, reach: int) -> list[Point]:
    """Find the middles of all that is likely.

    Args:
        chances: Of each cell, shape (H, W).
        least: Least chance of the likeliest cell of each.
        reach: How far around that cell each extends [cell].

    Returns:
        Row and column of each, the likeliest first.
    """
    left, places = chances.copy(), []
    rows, columns = np.indices(chances.shape)
    while (left >= least).any():
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(left)), left.shape))
        around = np.maximum(np.abs(rows - row), np.abs(columns - column))
        weight = np.where((around <= reach) & (left >= least), left, 0.0)
        places.append((float((weight * rows).sum() / weight.sum()), float((weight * columns).sum() / weight.sum())))
        # What is left of its edges is no other.
        left[around <= 2 * reach] = 0.0
    return places


def near(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Widen a mask by a cell.

    Args:
        mask: Shape (H, W).

    Returns:
        Shape (H, W).
    """
    padded = np.pad(mask, 1)
    height, width = mask.shape
    return np.any([padded[r : r + height, c : c + width] for r in range(3) for c in range(3)], axis=0)


def cheapest_way(cost: Array, start: Point, end: Point) -> Array:
    """Find the cheapest way over cells (Dijkstra 1959).

    Args:
        cost: Of each cell, positive, shape (H, W).
        start: Row and column.
        end: Row and column.

    Returns:
        Points from the start to the end, shape (N, 2).
    """
    height, width = cost.shape
    first, last = ((round(p[0]), round(p[1])) for p in (start, end))
    best, before, queue = {first: 0.0}, {}, [(0.0, first)]
    while queue:
        far, cell = heapq.heappop(queue)
        if cell == last:
            break
        if far > best[cell]:
            continue
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                there = (cell[0] + dr, cell[1] + dc)
                if there == cell or not (0 <= there[0] < height and 0 <= there[1] < width):
                    continue
                total = far + math.hypot(dr, dc) * float(cost[there])
                if total < best.get(there, math.inf) - 1e-12:
                    best[there], before[there] = total, cell
                    heapq.heappush(queue, (total, there))
    cells = [last]
    while cells[-1] != first:
        cells.append(before[cells[-1]])
    way = np.array(cells[::-1], dtype=np.float64)
    # Start and end are no whole cells; what lies between is moved along with them.
    share = np.linspace(0.0, 1.0, len(way))[:, None]
    way += (1.0 - share) * (np.array(start) - first) + share * (np.array(end) - last)
    return way if len(way) > 1 else np.array([start, end])


def smoothed(way: Array, times: int = 8) -> Array:
    """Round the corners of a way; its ends stay.

    Args:
        way: Shape (N, 2).
        times: How often each point moves to the middle between itself and its neighbours.

    Returns:
        Shape (N, 2).
    """
    way = way.copy()
    for _ in range(times):
        way[1:-1] = 0.5 * way[1:-1] + 0.25 * (way[:-2] + way[2:])
    return way

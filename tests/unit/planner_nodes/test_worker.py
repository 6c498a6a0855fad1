import threading

import pytest

pytest.importorskip("rclpy")

from controllers.errors import InvalidValue
from pronk_planner.worker import Worker

PATIENCE = 20.0


class Slow:
    """Work that ends when it is told to."""

    def __init__(self):
        self.begun, self.go, self.notified = threading.Event(), threading.Event(), threading.Semaphore(0)
        self.done = []

    def __call__(self, request):
        self.begun.set()
        assert self.go.wait(PATIENCE)
        self.done.append(request)
        if request == "bad":
            raise InvalidValue("bad request")
        if request == "fault":
            raise ZeroDivisionError("a fault")
        return request * 2


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def worker(slow):
    worker = Worker(lambda: slow, slow.notified.release)
    yield worker
    slow.go.set()
    worker.close()


def test_asking_does_not_wait_and_of_those_that_wait_the_newest_is_answered(slow, worker):
    worker.ask(1)
    assert slow.begun.wait(PATIENCE)
    for request in (2, 3, 4):
        worker.ask(request)
    assert worker.answers() == [] and worker.superseded == 2
    slow.go.set()
    for _ in range(2):
        assert slow.notified.acquire(timeout=PATIENCE)
    assert [(a.request, a.value) for a in worker.answers()] == [(1, 2), (4, 8)]
    assert slow.done == [1, 4]


def test_a_refusal_is_an_answer_and_a_fault_goes_on(slow, worker):
    slow.go.set()
    worker.ask("bad")
    assert slow.notified.acquire(timeout=PATIENCE)
    worker.ask("fault")
    assert slow.notified.acquire(timeout=PATIENCE)
    refused, failed = worker.answers()
    assert refused.value is None and str(refused.refusal()) == "bad request"
    with pytest.raises(ZeroDivisionError, match="a fault"):
        failed.refusal()
    worker.ask(5)
    assert slow.notified.acquire(timeout=PATIENCE)
    assert worker.answers()[0].value == 10


def test_what_waits_when_it_is_closed_is_not_begun(slow, worker):
    worker.ask(1)
    assert slow.begun.wait(PATIENCE)
    worker.ask(2)
    slow.go.set()
    worker.close(PATIENCE)
    assert 2 not in slow.done


def test_what_it_works_with_is_made_in_its_own_thread_and_a_failure_of_that_is_raised():
    made = []

    def make():
        made.append(threading.current_thread().name)
        return lambda request: request

    Worker(make, lambda: None, name="own").close()
    assert made == ["own"]
    with pytest.raises(InvalidValue, match="cannot be made"):
        Worker(lambda: fail("cannot be made"), lambda: None)


def fail(reason):
    raise InvalidValue(reason)

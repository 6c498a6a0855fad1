"""A goal of the action, from its acceptance to its result."""

from pronk_msgs.action import ExecuteTask
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future


class ExecutionGoal:
    """Feeds back how a task goes, and waits for its end without holding the executor."""

    def __init__(self, handle: ServerGoalHandle) -> None:
        """Take an accepted goal.

        Args:
            handle: Of rclpy.
        """
        self.handle = handle
        self._ended: Future = Future()

    @property
    def canceled(self) -> bool:
        """Whether the client wants it to end."""
        return bool(self.handle.is_cancel_requested)

    def tell(self, progress: float, confidence: float, frames: int, status: str) -> None:
        """Send feedback.

        Args:
            progress: Of the task, from 0 to 1.
            confidence: In plan and progress, from 0 to 1.
            frames: Imagined so far.
            status: What is being done.
        """
        self.handle.publish_feedback(
            ExecuteTask.Feedback(progress=progress, confidence=confidence, frames_planned=frames, status=status)
        )

    def end(self, success: bool, progress: float, steps: int, message: str) -> None:
        """Let the action end.

        Args:
            success: Whether the task was judged complete.
            progress: At the end.
            steps: Displacements that were commanded.
            message: Why it ended.
        """
        if not self._ended.done():
            self._ended.set_result(ExecuteTask.Result(success=success, progress=progress, steps=steps, message=message))

    async def result(self) -> ExecuteTask.Result:
        """Wait for the end.

        Returns:
            The result, which also decides the state of the goal.
        """
        result = await self._ended
        if result.success:
            self.handle.succeed()
        elif self.canceled:
            self.handle.canceled()
        else:
            self.handle.abort()
        return result

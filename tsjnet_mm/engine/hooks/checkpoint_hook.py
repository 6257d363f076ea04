"""Save checkpoints so that a killed process leaves no incomplete file."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from tsjnet_mm.engine.work_dir import saved_checkpoints, set_earlier_training_aside
from tsjnet_mm.registry import HOOKS
from tsjnet_mm.utils import whole_file, write_whole
from tsjnet_mm.utils.checkpoints import add_digest


class AtomicLocalBackend(LocalBackend):
    """Local files; ``put`` and ``put_text`` replace a file completely or not at all."""

    def put(self, obj: bytes | memoryview, filepath: str | Path) -> None:
        """Write bytes (or a memory view) to ``filepath``."""
        with whole_file(filepath) as partial:
            partial.write_bytes(obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write a string to ``filepath``."""
        self.put(obj.encode(encoding), filepath)


register_backend('atomic', AtomicLocalBackend, force=True)


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` for runs that may be killed.

    A checkpoint gets its name only when it is complete. Then ``last_checkpoint`` points to it,
    and then the oldest one is removed. (mmengine's hook removes first and writes in place.) A
    checkpoint has a digest of its tensors, which is compared when it is read.

    A new training in a folder with older checkpoints moves them into the sub folder
    ``earlier_N`` and logs this. So ``last_checkpoint`` never points to another training.

    Args:
        *args: See mmengine's ``CheckpointHook``.
        **kwargs: The same; ``backend_args`` defaults to local files, replaced atomically.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault('backend_args', {'backend': 'atomic'})
        super().__init__(*args, **kwargs)

    def before_train(self, runner: Runner) -> None:
        """Set the checkpoints of an earlier training aside, unless it is resumed."""
        super().before_train(runner)
        if not is_main_process() or runner.iter > 0 or self.out_dir != runner.work_dir:
            return
        aside = set_earlier_training_aside(self.out_dir)
        if aside is not None:
            names = ', '.join(path.name for path in saved_checkpoints(aside))
            runner.logger.warning(
                f'{self.out_dir} has checkpoints of an earlier training ({names}): they are '
                f'now in {aside}, and training begins anew. To resume the earlier one: '
                f'--resume {aside}'
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the digest of all tensors; the hook is the last of those that change them."""
        add_digest(checkpoint)

    def _save_checkpoint_with_step(self, runner, step, meta):
        outdated = None
        # Without a limit the hook keeps no list; the last step may be saved twice.
        if self.max_keep_ckpts > 0 and step not in list(self.keep_ckpt_ids)[-1:]:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.keep_ckpt_ids.popleft()
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        try:
            runner.save_checkpoint(
                self.out_dir,
                filename,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        except OSError as error:
            raise OSError(
                f'cannot write {self.last_ckpt}: {error.strerror or error}; earlier '
                'checkpoints are complete, and --resume continues from the last one'
            ) from error
        if not is_main_process():
            return
        write_whole(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
        if outdated is not None:
            path = self.file_backend.join_path(
                self.out_dir, self.filename_tmpl.format(outdated)
            )
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

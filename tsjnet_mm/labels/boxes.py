"""Boxes merged across the views of a pair."""

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.ops import batched_nms, box_iou


def merge_views(
    views: Sequence[dict[str, np.ndarray]], iou: float = 0.55
) -> dict[str, np.ndarray]:
    """Merge what was found in several views of one scene.

    Boxes of one class that overlap by ``iou`` or more are one object (non-maximum
    suppression; the best one leads). Each view supports it by its best such box: corners are
    their mean, weighted by score, and the confidence is ``1 - (1 - s1)(1 - s2)...``, the
    probability that not all views err, if they erred independently, which they do not quite.
    So an object that two views find at 0.5 gets 0.75, and one that a single view finds keeps
    its score.

    Args:
        views (Sequence[dict[str, np.ndarray]]): ``boxes``, ``scores`` and ``labels`` of each
            view, as :class:`ViewDetector` returns them.
        iou (float): Overlap, 0 to 1. Defaults to 0.55.

    Returns:
        dict[str, np.ndarray]: The same of the merged objects, most confident first, and
        ``views`` (N,): how many support each.
    """
    boxes = torch.cat([torch.as_tensor(view['boxes'], dtype=torch.float32) for view in views])
    scores = torch.cat([torch.as_tensor(view['scores'], dtype=torch.float32) for view in views])
    labels = torch.cat([torch.as_tensor(view['labels'], dtype=torch.long) for view in views])
    origin = torch.cat(
        [torch.full((len(view['scores']),), number) for number, view in enumerate(views)]
    )
    kept = batched_nms(boxes, scores, labels, iou)
    overlap = box_iou(boxes[kept], boxes) if len(kept) else torch.zeros(0, len(boxes))
    merged, confidences, supports = [], [], []
    for row, leader in enumerate(kept):
        same = (overlap[row] >= iou) & (labels == labels[leader])
        best = []
        for number in range(len(views)):
            candidates = torch.nonzero(same & (origin == number)).flatten()
            if len(candidates):
                best.append(candidates[scores[candidates].argmax()])
        best = torch.stack(best)
        weights = scores[best, None] / scores[best].sum().clamp(min=1e-9)
        merged.append((weights * boxes[best]).sum(0))
        confidences.append(1 - (1 - scores[best]).prod())
        supports.append(len(best))
    confidences = np.array(confidences, np.float32)
    order = np.argsort(-confidences, kind='stable')
    return {
        'boxes': np.array([box.numpy() for box in merged], np.float32).reshape(-1, 4)[order],
        'scores': confidences[order],
        'labels': labels[kept].numpy()[order],
        'views': np.array(supports, np.int64)[order],
    }

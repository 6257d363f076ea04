# Detection protocol on M3FD. The paper retrains YOLOv7 (300 epochs, batch 16, rate 0.01); of
# mmdet's detectors YOLOX-m is nearest in size (25.3 M parameters, YOLOv7 36.9 M).
# tools/downstream.py sets the data, the number of classes and the evaluator.
_base_ = ['mmdet::yolox/yolox_m_8xb8-300e_coco.py']
train_dataloader = dict(batch_size=16)
val_dataloader = dict(batch_size=1)
test_dataloader = val_dataloader

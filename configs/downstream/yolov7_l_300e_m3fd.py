# Detection protocol on M3FD as in the paper: YOLOv7, 300 epochs, batch 16, rate 0.01. Needs
# mmyolo; without it yolox_m_300e_m3fd.py. tools/downstream.py sets the data.
_base_ = ['mmyolo::yolov7/yolov7_l_syncbn_fast_8x16b-300e_coco.py']
train_dataloader = dict(batch_size=16)

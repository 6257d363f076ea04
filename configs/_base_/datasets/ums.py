# UMS, the UAV pairs of the paper's second version, in the release's layout: data/UMS/{ir,vi}.
_base_ = './roadscene.py'

dataset_type = 'FolderDataset'
data_root = 'data/UMS/'

val_dataloader = dict(dataset=dict(type=dataset_type, data_root=data_root))
test_dataloader = val_dataloader

# TNO, in the layout that most papers use: data/TNO/{ir,vi}, one name for both images of a pair.
_base_ = './roadscene.py'

dataset_type = 'FolderDataset'
data_root = 'data/TNO/'

val_dataloader = dict(dataset=dict(type=dataset_type, data_root=data_root))
test_dataloader = val_dataloader

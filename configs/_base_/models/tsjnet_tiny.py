# The fastest: split-attention encoder and weight maps alone.
_base_ = './tsjnet_light.py'
fusor = dict(
    encoder=dict(trunk=dict(num_blocks=1)),
    features=dict(detail=None),
    fusion_layer=dict(detail=None),
    decoder=dict(num_heads=0, trunk=dict(num_blocks=0)),
)

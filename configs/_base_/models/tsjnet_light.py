# For modest hardware: features at an eighth of the resolution, summed as in the paper's Eq. 6,
# weigh the Laplacian pyramids of both images. Of the paper's parts it has the split-attention
# encoder and decoder, the DSM and the spatial attention; tsjnet_light-full.py adds the NAT.
channels = 24
detail = dict(type='DetailSalienceModule', channels=channels)
trunk = dict(
    stem_channels=(16, 16, channels),
    planes=12,
    expansion=2,
    stride=1,
    min_attention_channels=8,
)
fusor = dict(
    type='TSJNet',
    encoder=dict(
        type='BaseResNeStEncoder',
        embed_channels=16,
        embed_stride=4,
        refine_channels=(channels,),
        trunk=dict(trunk, stride=2),
    ),
    features=dict(type='LocalSignificantModule', detail=detail),
    fusion_layer=dict(type='SumFusionLayer', detail=detail),
    decoder=dict(
        type='BaseResNeStDecoder',
        in_channels=channels,
        merge='sum',
        num_heads=4,
        reduced_channels=channels,
        hidden_channels=32,
        upsample=8,
        levels=4,
        trunk=trunk,
    ),
)

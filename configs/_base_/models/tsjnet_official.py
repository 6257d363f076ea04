# The widths of the authors' release: 45.07 M parameters, 2133 GMACs for a 640x480 pair.
# with_cp recomputes activations in the backward pass; without it 640x480 does not fit 24 GB.
with_cp = True
detail = dict(type='DetailSalienceModule', channels=64)
local = dict(
    type='NeighborhoodAttentionTransformer',
    channels=64,
    embed_channels=64,
    depths=(3, 4, 6, 5),
    num_heads=(2, 4, 8, 16),
    kernel_size=7,
    mlp_ratio=3,
    drop_path_rate=0.2,
    with_cp=with_cp,
)
fusor = dict(
    type='TSJNet',
    encoder=dict(type='BaseResNeStEncoder', with_cp=with_cp),
    features=dict(type='LocalSignificantModule', detail=detail, local=local, with_cp=with_cp),
    fusion_layer=dict(type='SumFusionLayer', detail=detail, local=local, with_cp=with_cp),
    decoder=dict(type='BaseResNeStDecoder', in_channels=64, merge='concat', with_cp=with_cp),
)

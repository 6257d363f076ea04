# MultiFacet fusion loss, Eq. 8 to 10 of the paper: a1, a2, a3 = 0.1, 6, 1.
losses = dict(
    ssim=dict(type='SSIMLoss'),
    diversity=dict(type='DiversityLoss', sign=-1, loss_weight=0.1),
    ir_reconstruction=dict(type='ReconstructionLoss', modality='ir', loss_weight=6.0),
    vi_reconstruction=dict(type='ReconstructionLoss', modality='vi', loss_weight=1.0),
)

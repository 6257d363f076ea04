# Second stage of `small`, with the fusion loss of the authors' release instead of the paper's.
_base_ = './tsjnet_small-nano_joint-stage2_1e_mixed.py'
model = dict(
    fusor=dict(
        losses=dict(
            _delete_=True,
            intensity=dict(type='IntensityLoss', loss_weight=20.0),
            gradient=dict(type='GradientLoss', loss_weight=20.0),
            ssim=dict(type='SSIMLoss', weighting='gradient', loss_weight=10.0),
            diversity=dict(type='DiversityLoss', sign=1, loss_weight=0.1),
            ir_reconstruction=dict(type='ReconstructionLoss', modality='ir', loss_weight=1.0),
            vi_reconstruction=dict(type='ReconstructionLoss', modality='vi', loss_weight=6.0),
        )
    )
)

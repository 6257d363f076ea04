import pytest

from tsjnet_mm.protocols.benchmark_protocol import read_protocol
from tsjnet_mm.protocols.trained_metrics import driven_by, trained_metrics, with_same


def test_losses_of_the_shipped_weights_name_their_metrics():
    found = set(trained_metrics('tsjnet-light'))
    # PSNR and RMSE are functions of MSE.
    assert found == {'SSIM', 'MSE', 'PSNR', 'RMSE', 'CC', 'CV', 'VIF', 'Qabf', 'SD', 'SF'}


def test_losses_that_are_a_metric_are_known(tmp_path):
    assert trained_metrics('tsjnet-small') == ('SSIM',)
    mine = tmp_path / 'mine.py'
    mine.write_text(
        "losses = dict(a=dict(type='GradientLoss'), b=dict(type='SSIMLoss'), c=None)\n"
        "model = dict(type='JointFusor', fusor=dict(losses=losses))"
    )
    assert trained_metrics(mine) == ('SSIM',)
    mine.write_text(
        "model = dict(losses=dict(a=dict(type='GradientLoss'), b=dict(type='None')))"
    )
    assert trained_metrics(mine) == ()


def test_metafiles_name_them_for_published_networks():
    assert set(trained_metrics('u2fusion')) == {'SSIM', 'MSE', 'PSNR', 'RMSE'}
    for name in ('datfuse', 'dcevo'):
        assert {'SSIM', 'MSE'} <= set(trained_metrics(name))
    for name in ('superfusion', 'lutfuse', 'mmdrfuse'):
        assert trained_metrics(name) == ('SSIM',)
    for name in ('sage', 'gifnet', 'lrrnet'):
        assert set(trained_metrics(name)) == {'MSE', 'PSNR', 'RMSE'}
    for name in ('ship', 'emma', 'cddfuse', 'seafusion'):
        assert trained_metrics(name) == ()
    assert trained_metrics('laplacian') == () == trained_metrics('ifcnn-max')


def test_drivers_are_known_by_their_configs(tmp_path):
    machines = {name: each.config for name, each in read_protocol('ivif-1').machines.items()}
    assert driven_by('tsjnet-driven', machines) == ('yolox-nano',) == tuple(machines)
    assert driven_by('tsjnet-small', machines) == ('yolox-nano',)
    for name in ('tsjnet-light', 'laplacian', 'seafusion'):
        assert driven_by(name, machines) == ()
    mine = tmp_path / 'mine.py'
    mine.write_text("model = dict(detectors=[dict(config='mmdet::a/b.py')])")
    others = {'same': 'mmdet::a/b.py', 'other': 'mmdet::a/c.py'}
    assert driven_by(mine, others) == ('same',)


def test_names_are_checked():
    assert with_same(['mine', 'Qabf'], ['other', 'mine']) == ('Qabf', 'mine')
    assert with_same(['Qabf']) == ('Qabf',)
    with pytest.raises(ValueError, match="'PSRN' is no metric"):
        with_same(['PSRN'])
